# SPDX-License-Identifier: ISC
"""Anybody may have a domain whose MX host is a CNAME to a host of others, and
a policy.  Its mail is held back for the certificate, and that must not concern
the host's own domains: Exim keeps retry records by the name after CNAME."""
import time

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

COUNT = 30
OWN = 3


def soon_returned(text):
    """A message is returned after three seconds, not four days."""
    changed = text.replace('time_eval:4d', 'time_eval:3s').replace(
        'MTA_STS_RETRY_UNTIL = 4d', 'MTA_STS_RETRY_UNTIL = 3s')
    assert changed != text
    return changed


def arrange(lab):
    lab.domain('bystander.test', 'enforce', mx=['mx.bystander.test'])
    for number in range(COUNT):
        name = f'untrusted{number}.test'
        lab.dns.set(f'mx.{name}', 'CNAME', 'mx.bystander.test.')
        lab.dns.set(name, 'MX', f'10 mx.{name}.')
        lab.policies.record(name)
        lab.policies.serve(name, lab.policies.text('enforce', [f'mx.{name}']))
    lab.policies.host(*[f'untrusted{number}.test' for number in range(COUNT)])
    lab.dns.commit()
    lab.configure()


def verdicts(lab, messages):
    return sorted({lab.outcome(message).verdict for message in messages})


def many_waiting(lab, flavour):
    waiting = [lab.send(f'bob@untrusted{number}.test')
               for number in range(COUNT)]
    lab.settle(waiting)
    tap.same(verdicts(lab, waiting), ['deferred'],
             f'{flavour}: {COUNT} messages to untrusted domains wait')
    lab.expect_delivered(lab.send('bob@bystander.test'),
                         f'{flavour}: right after a failure the host\'s own '
                         'mail goes out', tls=True)
    for number in range(3):
        own = [lab.send_queued('bob@bystander.test') for _ in range(OWN)]
        began = time.monotonic()
        lab.mta.run_queue(force=False)
        for message in own:
            lab.expect_delivered(message, f'{flavour}: so does what waited, '
                                 f'in queue run {number + 1}', tls=True)
        tap.diag(f'queue run: {time.monotonic() - began:.1f} s')
    tap.same(verdicts(lab, waiting), ['deferred'],
             f'{flavour}: the others still wait')
    tap.same(lab.mta.bounces(), [], f'{flavour}: nothing bounced')


def returned(lab, flavour):
    """Mail that has waited for too long is returned, and only that."""
    lab.mta.configure(edit=soon_returned)
    lab.mta.restart()
    first = lab.send('bob@untrusted0.test')
    lab.expect_deferred(first, 'certificate', f'{flavour}: held back')
    own = lab.send_queued('bob@bystander.test')
    time.sleep(5)
    lab.mta.run('-M', first.id)
    tap.same(lab.outcome(first).verdict, 'bounced',
             f'{flavour}: returned when it has waited for too long')
    lab.mta.run('-M', own.id)
    lab.expect_delivered(own, f'{flavour}: what is as old and for the host\'s '
                         'own domain goes out', tls=True)
    lab.expect_deferred(lab.send('bob@untrusted1.test'), 'certificate',
                        f'{flavour}: new mail is not returned')


def run(*flavours):
    lab = Lab()
    arrange(lab)
    for flavour in flavours:
        lab.mta = Exim(flavour)
        lab.mta.configure()
        lab.mta.start()
        lab.mta.forget_retries()
        many_waiting(lab, flavour)
        lab.mta.empty_queue()
        returned(lab, flavour)
        lab.mta.stop()
        lab.mta.empty_queue()
        with open('/var/log/exim4/mainlog', 'w', encoding='ascii'):
            pass
    tap.done()
