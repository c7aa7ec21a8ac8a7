# SPDX-License-Identifier: ISC
"""A way to the DNS that is broken: mail for enforced domains never looked up
waits, what is known goes on, and `config check` says what is wrong.

Exim itself resolves in all of this: only the resolver's way is broken, or
(link-local) one that libc can go and c-ares 1.18 alone could not.
"""
import json
import os
import pathlib
import pwd
import socket
import subprocess
import threading

from labkit import paths, resolvers, tap
from labkit.exim import Exim
from labkit.lab import Lab

OWNER = pwd.getpwnam('Debian-exim').pw_uid
RESOLV = pathlib.Path('/etc/resolv.conf')


def ip(*words):
    return subprocess.run(['ip', *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def check():
    """Exit status and findings of `config check`."""
    done = subprocess.run([paths.COMMAND, 'config', 'check'], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False)
    return done.returncode, done.stdout


def check_is_clean(name):
    """It gives a name server two seconds, which a busy machine can miss."""
    for _ in range(5):
        code, text = check()
        if 'does not answer' not in text:
            break
    tap.same((code, text if code != 0 else ''), (0, ''), name)


def links():
    """Interfaces that are up, but for loopback."""
    return [link['ifname'] for link in json.loads(ip('-j', 'link').stdout)
            if 'LOOPBACK' not in link['flags'] and 'UP' in link['flags']]


def forward(address):
    """A name server at this address that hands on to the site's."""
    front = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    front.bind(address)

    def serve():
        while True:
            query, client = front.recvfrom(4096)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
                back.settimeout(3)
                back.sendto(query, (paths.DNS, 53))
                front.sendto(back.recv(65535), client)
    threading.Thread(target=serve, daemon=True).start()


lab = Lab(Exim('single'))
# Certificates that are wrong: only a policy keeps mail away from such hosts.
for number in range(20):
    lab.domain(f'cold{number}.test', 'enforce',
               mx=[(f'mx.cold{number}.test', 'good', 'expired')])
lab.domain('known.test', 'enforce', mx=['mx.known.test'])
lab.domain('link.test', 'enforce', mx=['mx.link.test'])
lab.dns.commit()
lab.configure()
lab.mta.configure()
lab.mta.start()
lab.expect_delivered(lab.send('bob@known.test'), 'a domain that is known',
                     tls=True)
check_is_clean('config check finds nothing wrong')

# One message each: what is broken, and what config check says of it.
CASES = (
    ('127.0.0.99', 'nothing listens there', 'nothing listens there'),
    ('127.0.0.99:1', 'nor at this port', 'nothing listens there'),
    ('[2001:db8::53]:53', 'no route', 'nreachable|assign requested address|'
                                      'does not answer'),
    ('fe80::1%nosuchif', 'no such interface', 'is not a network interface'),
    ('203.0.113.253', 'packets vanish', 'does not answer'),
)
for number, (server, what, said) in enumerate(CASES):
    lab.configure(nameserver=server)
    code, text = check()
    tap.same((code, text if code != 1 else ''), (1, ''), f'{what}: config check says no')
    tap.like(text, rf'(?m)^error: nameserver \S+: .*({said})', 'and why')
    tap.like(text, r'(?m)^  fix: ', 'and what to do')
    lab.expect_deferred(lab.send(f'bob@cold{number}.test'), 'no_nameserver',
                        f'{what}: a cold domain waits')
    lab.expect_delivered(lab.send('bob@known.test'),
                         f'{what}: a known one goes on', tls=True)
stored = ' '.join(str(path) for path in pathlib.Path(paths.STATE).rglob('*'))
tap.same('cold' in stored and stored, False,
         'nothing is recorded of any of them')

lab.configure()
rule = ['uidrange', f'{OWNER}-{OWNER}', 'ipproto', 'udp', 'dport', '53',
        'prohibit']
made = ip('rule', 'add', *rule)
if made.returncode == 0:
    code, text = check()
    tap.same((code, text if code != 1 else ''), (1, ''), 'a rule forbids the MTA\'s user to ask')
    tap.like(text, r'error: nameserver .*Permission denied', 'config check')
    lab.expect_deferred(lab.send('bob@cold8.test'), 'no_nameserver',
                        'a cold domain waits')
    lab.expect_delivered(lab.send('bob@known.test'), 'a known one goes on',
                         tls=True)
    ip('rule', 'del', *rule)
else:
    tap.skip('a rule forbids the MTA\'s user to ask', made.stdout)

if os.path.isdir('/proc/sys/net/ipv6') and links():
    link = links()[0]
    ip('addr', 'add', 'fe80::53/64', 'dev', link, 'nodad')
    forward(('fe80::53', 53, 0, socket.if_nametoindex(link)))
    before = RESOLV.read_text()
    RESOLV.write_text(f'nameserver fe80::53%{link}\n')
    check_is_clean('a link-local name server: config check')
    lab.expect_delivered(lab.send('bob@link.test'), 'it is asked', tls=True)
    lab.expect_deferred(lab.send('bob@cold9.test'), 'certificate',
                        'and the policy enforced')
    RESOLV.write_text(before)
else:
    tap.skip('a link-local name server', 'this kernel has no IPv6')

# Resolvers that work, with nobody to ask, or not for us.
for name in ('shaky', 'picky'):
    lab.domain(f'{name}.test', 'none', mx=[f'mx.{name}.test'])
lab.dns.behave('_mta-sts.shaky.test', 'servfail', 'TXT')
lab.dns.behave('_mta-sts.picky.test', 'refused', 'TXT')
lab.dns.commit()


def no_way(number, address, what, why='answers with an error|does not'):
    lab.configure(nameserver=address)
    code, text = check()
    tap.same((code, text if code != 1 else ''), (1, ''),
             f'{what}: config check says no')
    tap.like(text, rf'error: nameserver \S+: ({why})', 'and why')
    lab.expect_deferred(lab.send(f'bob@cold{number}.test'), 'no_nameserver',
                        f'{what}: a cold domain waits')
    lab.expect_delivered(lab.send('bob@known.test'),
                         f'{what}: a known one goes on', tls=True)


def works(number, address, what):
    lab.configure(nameserver=address)
    check_is_clean(f'{what}: config check finds nothing wrong')
    for domain in ('shaky.test', 'picky.test'):
        lab.forget(domain)
        lab.expect_delivered(lab.send(f'bob@{domain}'),
                             f'{what}: mail to {domain}, whose record\'s '
                             'query fails, flows')
    lab.expect_deferred(lab.send(f'bob@cold{number}.test'), 'certificate',
                        f'{what}: and policies are enforced')


UNBOUND = '127.0.0.61'
with resolvers.unbound(UNBOUND, resolvers.NO_WAY_OUT):
    no_way(10, UNBOUND, 'unbound without a way out')
with resolvers.unbound(UNBOUND, ''):
    no_way(11, UNBOUND, 'unbound, and no root server answers')
with resolvers.unbound(UNBOUND, resolvers.TO_THE_SITE, allow='refuse'):
    # A header alone, without the question: c-ares 1.18 waits on for an answer,
    # 1.34 takes it for none.
    no_way(12, UNBOUND, 'unbound that refuses this machine',
           'does not answer|sends no valid DNS answer, or refuses')
with resolvers.unbound(UNBOUND, resolvers.TO_THE_SITE):
    works(13, UNBOUND, 'unbound')
with resolvers.resolved('LLMNR=yes'):
    no_way(14, resolvers.RESOLVED, 'systemd-resolved without an uplink')
with resolvers.resolved('DNS=127.0.0.99'):
    no_way(15, resolvers.RESOLVED, 'systemd-resolved, and nothing behind it')
with resolvers.resolved(f'DNS={paths.DNS}'):
    works(16, resolvers.RESOLVED, 'systemd-resolved')
lab.configure()

lab.mta.run_queue()
lab.mta.forget_retries()
lab.expect_deferred(lab.send('bob@cold0.test'), 'certificate',
                    'with the DNS back, policies are found and enforced')
tap.done()
