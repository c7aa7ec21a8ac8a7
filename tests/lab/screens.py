# SPDX-License-Identifier: ISC
"""docs/screens.md: what the command prints, in this world (make screens).

Real answers of a real Exim, name server, policy hosts and MX hosts; the domains are
made up, and one has faults.
"""
import subprocess

from labkit import paths, tlsrpt
from labkit.exim import Exim
from labkit.lab import Lab

GOOD, BAD = 'good.test', 'faulty.test'
HEAD = """# Screens

What the command prints. Made by `make screens` in the lab's private world, with the
domains good.test, where all is in order, and faulty.test, whose MX host has an expired
certificate and whose second one is not in its policy.
"""
SCREENS = (
    ('What would a delivery do?', f'mta-sts query --probe {GOOD}'),
    ('And where the domain has faults', f'mta-sts query --probe {BAD}'),
    ('What is wrong with a domain, for those who publish it',
     f'mta-sts check {BAD}'),
    ('Is this sender protected?', 'mta-sts status'),
    ('What is in the store?', 'mta-sts cache list'),
    ('What will today\'s TLS reports say?', 'mta-sts report show'),
)


def arrange():
    lab = Lab(Exim('debian'))
    lab.domain(GOOD, 'enforce', mx=['mx1.' + GOOD, 'mx2.' + GOOD])
    lab.domain(BAD, 'enforce', mx=[('mx1.' + BAD, 'good', 'expired'),
                                   'backup.' + BAD], patterns=['mx1.' + BAD])
    for domain in (GOOD, BAD):
        lab.dns.set('_smtp._tls.' + domain, 'TXT',
                    f'"v=TLSRPTv1; rua=mailto:tls@{domain}"')
    lab.dns.commit()
    lab.configure(**tlsrpt.SETTINGS)
    lab.mta.configure()
    lab.mta.start()
    subprocess.run(['runuser', '-u', 'Debian-exim', '--', paths.RESOLVER,
                    '--refresh'], check=False, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    lab.settle([lab.send(f'bob@{domain}') for domain in (GOOD, GOOD, BAD)])


def main():
    arrange()
    parts = [HEAD]
    for title, command in SCREENS:
        done = subprocess.run(['sh', '-c', command], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL)
        shown = ''.join(f'    {line}'.rstrip() + '\n'
                        for line in done.stdout.splitlines())
        parts.append(f'\n## {title}\n\n    # {command}\n{shown}')
    (paths.LAB / 'out/lab/screens.md').write_text(''.join(parts),
                                                  encoding='utf-8')
    print(''.join(parts))


main()
