# SPDX-License-Identifier: ISC
"""Where a policy stops mail, Exim's log says at each attempt that the policy demands
it, and the bounce says so, and what to do, when the mail has waited too long.  Other
bounces, of the same domain too, are as without MTA-STS."""
import pathlib
import re
import time

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

WAIT = 2  # seconds that mail may wait; four days in the files
MAILBOX = pathlib.Path('/var/mail/alice')
OF_POLICY = 'demands, by a policy that it publishes (MTA-STS, RFC 8461)'
CASES = (('expired.test', ('mx.expired.test', 'good', 'expired'), 'certificate'),
         ('plain.test', ('mx.plain.test', 'nostarttls'), 'did not offer TLS'))


def impatient(text):
    """The retry rules with seconds for days."""
    return re.sub(r'time_eval:4d', f'time_eval:{WAIT}s',
                  text.replace('F,2h,15m; G,16h,1h,1.5; F,4d,6h', 'F,2s,1s'))


def bounce_of(lab, message):
    """The text of the bounce that tells of a message, or ''."""
    def found():
        text = MAILBOX.read_text() if MAILBOX.exists() else ''
        return [part for part in re.split(r'(?m)^From (?=\S+ )', text)
                if f'X-Lab-Tag: {message.tag}\n' in part]
    tap.until(found, 20)
    return (found() or [''])[0]


def stopped(lab, domain, reason):
    message = lab.send(f'bob@{domain}')
    lab.expect_deferred(message, reason, f'{domain}: waits')
    said = re.search(r' MTA-STS: (the policy .*)', lab.mta.log_of(message.id))
    tap.same(said and said[1],
             f'the policy of {domain} demands TLS with a valid certificate for '
             f'mx.{domain}, or its mail waits; see: mta-sts query --probe '
             f'{domain}', f'{domain}: the log says who demands it, and what to do')
    time.sleep(WAIT + 1)
    lab.mta.run_queue()
    text = bounce_of(lab, message)
    plain = ' '.join(text.split())
    tap.ok(OF_POLICY in plain and f'bob@{domain}' in plain and
           'retry timeout exceeded' in plain,
           f'{domain}: so does the bounce') or tap.diag(text)
    tap.ok('What you can do: tell the recipient' in plain,
           f'{domain}: with what to do')
    tap.ok(re.search(r'(?m)^Subject: Mail delivery failed: returning message to '
                     r'sender$', text) and 'multipart/report' in text,
           f'{domain}: in the form that Exim gives to each bounce')


def refused(lab, domain, what):
    message = lab.send(f'bob@{domain}')
    text = bounce_of(lab, message)
    tap.ok('550 5.1.1' in text and 'MTA-STS' not in text, what) or \
        tap.diag(text)


def run(flavour):
    lab = Lab(Exim(flavour))
    for domain, host, _reason in CASES:
        lab.domain(domain, 'enforce', mx=[host])
    lab.domain('unknown.test', 'enforce', mx=[('mx.unknown.test', 'reject')])
    lab.domain('nopolicy.test', None, mx=[('mx.nopolicy.test', 'reject')])
    lab.dns.commit()
    lab.configure()
    if flavour == 'debian':
        lab.macros = {'MTA_STS_RETRY_UNTIL': f'{WAIT}s'}
    lab.edit = impatient
    lab.reconfigure()
    lab.mta.start()
    for domain, _host, reason in CASES:
        stopped(lab, domain, reason)
    refused(lab, 'unknown.test', 'an unknown user of such a domain: no word of it')
    refused(lab, 'nopolicy.test', 'a domain without a policy: no word of it')
    tap.same(lab.mta.panics(), '', f'{flavour}: nothing in the panic log')
    lab.mta.stop()


MAILBOX.unlink(missing_ok=True)
run('single')
run('debian')
tap.done()
