# SPDX-License-Identifier: ISC
"""docs/proof.md, its commands for Exim as they stand: the mail waits while the policy
is another, and leaves when it is the domain's own again; and for the certificate."""
import subprocess

from labkit import proof, tap
from labkit.exim import Exim
from labkit.lab import Lab


def run(command):
    done = subprocess.run(['sh', '-c', command], text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False)
    return done.stdout


def three(heading, expected):
    for command, pattern, what in zip(proof.commands(heading, 'exim4'), *expected):
        found = run(command)
        tap.like(found, pattern, what)


lab = Lab(Exim('single'))
lab.domain(proof.DOMAIN, 'enforce', mx=['mx1.' + proof.DOMAIN])
lab.domain(proof.CERTIFICATE, None,
           mx=[('wrong.' + proof.DOMAIN, 'good', 'wrongname')])
lab.dns.commit()
lab.configure()
lab.mta.configure()
# What a run of the queue has, the document's own commands find locked.
lab.mta.start(queue_runs=None)
proof.install()
three('Exim', (
    ('^$', r' == you@\S+ R=mta_sts_no_mx .*no MX host of \S+ is permitted',
     r' => you@\S+ R=mta_sts_enforce T=remote_smtp_mta_sts .* CV=yes'),
    ('the policy names another host', 'the mail waits', 'and leaves verified')))
three('The certificate, too', (
    ('^$', r'MTA-STS: the policy of \S+ demands TLS(?s:.*)certificate',
     r' => you@\S+ R=\S+ T=remote_smtp .* CV=no'),
    ('the policy names a host with another certificate', 'the mail waits',
     'and leaves as without a policy')))
tap.same(lab.mta.queue(), {}, 'nothing is left in the queue')
tap.same([line for line in open('/etc/mta-sts.conf', encoding='utf-8')],
         ['allow-private yes\n'], 'and no line in mta-sts.conf')
tap.done()
