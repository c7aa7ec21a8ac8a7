# SPDX-License-Identifier: ISC
"""MX hosts that have IPv6 addresses only."""
import os

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

if not os.path.isdir('/proc/sys/net/ipv6'):
    tap.skip('MX hosts with IPv6 addresses', 'this kernel has no IPv6')
    tap.done()

for flavour in ('single', 'debian'):
    lab = Lab(Exim(flavour))
    for name, what, cert in (('good', 'good', 'good'),
                             ('plain', 'nostarttls', 'good'),
                             ('wrong', 'good', 'wrongname')):
        domain = f'{name}.{flavour}.test'
        host = f'mx.{domain}'
        address = lab.mx.add(host, what, cert, v6=True)
        assert ':' in address
        lab.dns.set(domain, 'MX', f'10 {host}.')
        lab.policies.publish(domain, 'enforce', [host])
    lab.dns.commit()
    lab.mta.configure()
    lab.mta.start()
    lab.expect_delivered(lab.send(f'bob@good.{flavour}.test'),
                         f'{flavour}: good host', tls=True)
    lab.expect_deferred(lab.send(f'bob@plain.{flavour}.test'),
                        'did not offer TLS', f'{flavour}: no STARTTLS')
    lab.expect_deferred(lab.send(f'bob@wrong.{flavour}.test'),
                        'certificate', f'{flavour}: wrong name')
    lab.mta.stop()
tap.done()
