# SPDX-License-Identifier: ISC
"""A connection is never used for a second message: two MX names may lead
through a CNAME to one host, whose certificate is valid for one of them only,
and Exim checks it once a connection.  With the two options that see to it
removed, the same mail leaks: the test can fail.  Exim 4.99 and later reuse no
connection from another interface than the option names, so there `interface`
sees to it as well, and is removed too."""
import re

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

COUNT = 4
OPTIONS = (r'^ *(connection_max_messages = 1|hosts_nopass_tls = \*|'
           r'interface = <; 0\.0\.0\.0 ; ::0)\n')


def without_options(text):
    """The transport of the domains that enforce, weakened."""
    before, name, rest = text.partition('remote_smtp_mta_sts:\n')
    changed, count = re.subn(OPTIONS, '', rest, count=3, flags=re.M)
    assert count == 3 and 'remote_smtp_mta_sts_report' in changed, count
    return before + name + changed


def arrange(lab):
    lab.mx.add('shared.test', 'tempfail', 'good', 'mx.right.test')
    for name in ('right', 'other'):
        lab.dns.set(f'mx.{name}.test', 'CNAME', 'shared.test.')
        lab.dns.set(f'{name}.test', 'MX', f'10 mx.{name}.test.')
        lab.policies.publish(f'{name}.test', 'enforce', [f'mx.{name}.test'])
    lab.dns.commit()


def queue_run(lab):
    """Messages that waited for one host, then a run when it is up."""
    lab.mx.add('shared.test', 'tempfail', 'good', 'mx.right.test')
    messages = [lab.send_queued(f'bob{number}@{name}.test')
                for number in range(COUNT) for name in ('right', 'other')]
    lab.mta.run_queue()
    lab.mx.add('shared.test', 'good', 'good', 'mx.right.test')
    # What other.test's host answered was never heard: the certificate.
    lab.mta.run_queue()
    lab.mta.run_queue()
    arrived = {}
    for message in messages:
        name = message.rcpts[0].split('@')[1]
        arrived[name] = arrived.get(name, 0) + \
            len(lab.mx.messages(message.tag))
    lab.mta.empty_queue()
    return arrived


for flavour in ('single', 'debian'):
    lab = Lab(Exim(flavour))
    arrange(lab)
    lab.mta.configure()
    mark = lab.now()
    arrived = queue_run(lab)
    tap.same(arrived, {'right.test': COUNT, 'other.test': 0},
             f'{flavour}: only what the certificate is valid for is sent')
    tap.ok(len(lab.mx.connections('shared.test', mark)) >= 3 * COUNT,
           f'{flavour}: each message had a connection of its own')

    lab.mta.configure(edit=without_options)
    arrived = queue_run(lab)
    tap.same(arrived['right.test'], COUNT,
             f'{flavour}, options removed: right.test as before')
    tap.ok(arrived['other.test'] > 0,
           f'{flavour}, options removed: the hazard shows '
           f'({arrived["other.test"]} of {COUNT} leaked)')
tap.done()
