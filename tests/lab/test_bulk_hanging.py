# SPDX-License-Identifier: ISC
"""One message with 100 recipients at 100 domains, 20 of which have a policy
host that says nothing: the other 80 are delivered in the first run, and no
process waits longer than its budget.  The deadlines are the default ones."""
import time

from labkit import matrix, paths, tap
from labkit.exim import Exim
from labkit.lab import Lab

COUNT = 100
BUDGET = 60     # seconds in slow lookups
LONGEST = 35    # one lookup with its grace: fetch + 2 x dns + 5

lab = Lab(Exim('single'))
lab.mx.add('mx.many.test')
domains = [f'd{number}.many.test' for number in range(COUNT)]
hanging = domains[::5]
lab.policies.host(*(domain for domain in domains if domain not in hanging))
for domain in domains:
    lab.dns.set(domain, 'MX', '10 mx.many.test.')
    if domain in hanging:
        lab.policies.inject(domain, address=paths.HTTPS_SILENT)
        lab.policies.record(domain)
    else:
        lab.policies.publish(domain, 'enforce', ['mx.many.test'])
lab.dns.commit()
lab.mta.configure()
message = lab.send_queued(*(f'bob@{domain}' for domain in domains))
began = time.monotonic()
lab.mta.run('-M', message.id)
took = time.monotonic() - began
tap.diag(f'first run: {took:.1f} s')


def verdicts():
    return {rcpt.split('@')[1]: lab.outcome(message, rcpt)
            for rcpt in message.rcpts}


first = verdicts()
tap.same([domain for domain in domains if domain not in hanging and
          first[domain].verdict != 'delivered'], [],
         'the 80 are delivered in the first run')
tap.same([domain for domain in hanging
          if first[domain].verdict not in ('delivered', 'deferred')], [],
         'the 20 are delivered without a policy, or wait')
waiting = [domain for domain in hanging
           if first[domain].verdict == 'deferred']
tap.ok(waiting, f'some wait: {len(waiting)}')
tap.same([first[domain].reason for domain in waiting
          if 'budget' not in first[domain].reason], [],
         'with their reason: budget')
tap.ok(took < BUDGET + LONGEST + 2.5 * len(hanging) + 10,
       'the run ended within its bounds')
# Lookups that were begun go on behind the run's end.
tap.ok(tap.until(lambda: not matrix.strays(), LONGEST + 30, 0.2),
       'and no resolver outlives it for long')
began = time.monotonic()
lab.mta.run_queue()
tap.diag(f'second run: {time.monotonic() - began:.1f} s')
second = verdicts()
tap.same([domain for domain in domains
          if second[domain].verdict != 'delivered'], [],
         'after the second run all are delivered')
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.same(lab.mta.panics(), '', 'no panic')
tap.done()
