# SPDX-License-Identifier: ISC
"""What Debian's macros set on mail is on mail to an enforced domain too, and to
one that wants TLS reports: DKIM signature, HELO name, source address, headers,
return path.  The receiving server is a real one and verifies the signature."""
import re
import subprocess

from labkit import tap, tlsrpt
from labkit.exim import Exim
from labkit.lab import Lab
from labkit.receiver import KEY, Receiver, make_key

SOURCE = '192.0.2.99'

lab = Lab(Exim('debian'))
subprocess.run(['ip', 'addr', 'add', f'{SOURCE}/24', 'dev', 'wan'],
               check=True)
make_key(lab)
receiver = Receiver()
receiver.start()
for domain in ('enforced.test', 'plain.test', 'reported.test'):
    receiver.add(lab, domain)
lab.dns.set('_smtp._tls.reported.test', 'TXT',
            '"v=TLSRPTv1; rua=mailto:reports@reported.test"')
lab.policies.publish('enforced.test', 'enforce', [receiver.name])
lab.dns.commit()
lab.configure(**tlsrpt.SETTINGS)
lab.mta.configure(macros={
    'DKIM_DOMAIN': 'sender.test', 'DKIM_SELECTOR': 'lab',
    'DKIM_PRIVATE_KEY': KEY, 'DKIM_CANON': 'relaxed',
    'REMOTE_SMTP_HELO_DATA': 'helo.sender.test',
    'REMOTE_SMTP_INTERFACE': SOURCE,
    'REMOTE_SMTP_HEADERS_REWRITE': '*@internal.test $1@sender.test ft',
    'REMOTE_SMTP_RETURN_PATH': 'bounces@sender.test',
    'REMOTE_SMTP_TRANSPORTS_HEADERS_REMOVE': 'X-Secret'})
lab.mta.start()

for domain, transport in (('plain.test', 'remote_smtp'),
                          ('enforced.test', 'remote_smtp_mta_sts'),
                          ('reported.test', 'remote_smtp_mta_sts_report')):
    message = lab.send(f'bob@{domain}')
    lab.settle([message])
    last = lab.mta.deliveries(message.id)[-1]
    tap.like(last.text, rf' T={transport} .*CV=yes',
             f'{domain}: delivered by {transport}')
    texts = tap.until(lambda: receiver.messages(message.tag), 10)
    if not tap.same(len(texts), 1, f'{domain}: a real server has it'):
        tap.diag(receiver.log())
        continue
    text = texts[0]
    tap.like(text, r'DKIM-Signature: [^\n]*(\n\s[^\n]*)*d=sender\.test\s*;',
             f'{domain}: with a DKIM signature of sender.test')
    tap.like(text, r'\nX-DKIM: sender\.test pass', f'{domain}: which verifies')
    tap.like(text, rf'\nX-Received-From: {SOURCE} helo\.sender\.test TLS1\.3',
             f'{domain}: from the source address, HELO name, over TLS')
    tap.like(text, r'^From bounces@sender\.test ',
             f'{domain}: with the return path')

# The same options, as Exim has them: nothing that one transport has got is
# missing in the other.
HANDS_OFF = {'hosts_avoid_tls', 'hosts_require_tls', 'multi_domain',
             'connection_max_messages', 'hosts_nopass_tls', 'tls_sni',
             'tls_verify_hosts', 'tls_verify_cert_hostnames', 'interface',
             'tls_tempfail_tryclear', 'tls_require_ciphers', 'event_action',
             'hosts_try_dane', 'debug_print'}


# Of these alone the other one differs.
OF_REPORTS = {'multi_domain', 'event_action', 'hosts_try_dane', 'debug_print',
              'connection_max_messages', 'hosts_nopass_tls'}


def options(name, hands_off=frozenset(HANDS_OFF)):
    found = {}
    for line in lab.mta.run('-bP', 'transport', name).splitlines():
        key, _, value = line.partition(' = ')
        key = re.sub('^no_', '', key)
        if key not in hands_off:
            found[key] = value
    return found


tap.ok('dkim_domain' in options('remote_smtp'), 'Exim tells the options')
tap.same(options('remote_smtp_mta_sts'), options('remote_smtp'),
         'every other option of the two transports is the same')
tap.same(options('remote_smtp_mta_sts_report', OF_REPORTS),
         options('remote_smtp', OF_REPORTS),
         'and of that for reports, those that choose where TLS is used too')
tap.same(options('remote_smtp_mta_sts_not_required', OF_REPORTS),
         options('remote_smtp', OF_REPORTS),
         'and of that for mail that says it may do without')
tap.done()
