# SPDX-License-Identifier: ISC
"""200 messages for one domain that nothing is known of, released at once: one
policy request, every message delivered once."""
import time

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

COUNT = 200

lab = Lab(Exim('single'))
lab.domain('cold.test', mx=['mx.cold.test'])
# Slow enough that all of them are waiting for it.
lab.policies.inject('cold.test', delay=2, body=lab.policies.text(
    'enforce', ['mx.cold.test']))
lab.policies.record('cold.test')
lab.dns.commit()
# A slow machine that delivers 200 messages at once is no network fault.
lab.mta.configure(macros={'SMTP_TIMEOUT': '2m'})
messages = [lab.send_queued(f'bob{number}@cold.test')
            for number in range(COUNT)]
began = time.monotonic()
lab.mta.release([message.id for message in messages])
tap.diag(f'{COUNT} messages in {time.monotonic() - began:.1f} s')
tap.same(lab.policy_requests('cold.test'), 1, 'one policy request')
tap.diag(f'{lab.txt_queries("cold.test")} record queries')
counts = {}
for entry in lab.mx.messages():
    counts[entry['tag']] = counts.get(entry['tag'], 0) + 1
tap.same(sorted(counts.values()), [1] * COUNT,
         'every message arrived, once')
tap.ok(all(entry['tls'] for entry in lab.mx.messages()), 'all over TLS')
tap.same(lab.mta.queue(), {}, 'the queue is empty')
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.same(lab.mta.panics(), '', 'no panic')
tap.done()
