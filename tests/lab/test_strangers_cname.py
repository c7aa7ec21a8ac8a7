# SPDX-License-Identifier: ISC
"""Anybody may have a domain whose MX host is a CNAME to somebody else's.  His
mail is held back for its certificate, and that is nobody else's affair: Exim
keeps retry records by the name after CNAME."""
import re
import time

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

RETRY = re.compile(r'^(\*\s+\*|\*\s+tls_required)\s+.*$', re.M)


def soon_over(text):
    """Rules that have given up on a host after two seconds."""
    return RETRY.sub(r'\1 F,2s,15m', text)


lab = Lab()
lab.domain('bystander.test', 'enforce', mx=['mx.bystander.test'])
lab.dns.set('mx.stranger.test', 'CNAME', 'mx.bystander.test.')
lab.dns.set('stranger.test', 'MX', '10 mx.stranger.test.')
lab.policies.publish('stranger.test', 'enforce', ['mx.stranger.test'])
lab.dns.commit()
lab.configure()

for flavour in ('single', 'debian'):
    lab.mta = Exim(flavour)
    lab.mta.configure()
    lab.mta.start()
    lab.mta.forget_retries()
    lab.expect_deferred(lab.send('bob@stranger.test'), 'certificate',
                        f'{flavour}: the stranger\'s mail is held back')
    time.sleep(6)
    lab.expect_delivered(lab.send('bob@bystander.test'),
                         f'{flavour}: the bystander\'s goes out', tls=True)
    tap.same(lab.mta.bounces(), [], 'nothing bounced')
    lab.mta.empty_queue()
    lab.mta.configure(edit=soon_over)
    lab.mta.restart()
    stranger = lab.send('bob@stranger.test')
    lab.expect_deferred(stranger, 'certificate', 'held back once more')
    time.sleep(3)
    lab.mta.run_queue()
    tap.same(lab.outcome(stranger).verdict, 'bounced',
             'until the retry rule gives up')
    lab.expect_delivered(lab.send('bob@bystander.test'),
                         f'{flavour}: the bystander\'s goes out', tls=True)
    lab.mta.stop()
    lab.mta.empty_queue()
    with open('/var/log/exim4/mainlog', 'w', encoding='ascii'):
        pass
tap.done()
