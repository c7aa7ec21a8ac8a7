# SPDX-License-Identifier: ISC
"""200 messages for 200 domains that nothing is known of, released at once:
all delivered; every other domain has a policy."""
import time

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

COUNT = 200

lab = Lab(Exim('single'))
lab.mx.add('mx.bulk.test')
domains = [f'd{number}.bulk.test' for number in range(COUNT)]
with_policy = domains[::2]
lab.policies.host(*with_policy)
for domain in domains:
    lab.dns.set(domain, 'MX', '10 mx.bulk.test.')
for domain in with_policy:
    lab.policies.publish(domain, 'enforce', ['mx.bulk.test'])
lab.dns.commit()
lab.configure(dns_timeout=30, fetch_timeout=60)
# A slow machine that delivers 200 messages at once is no network fault.
lab.mta.configure(macros={'SMTP_TIMEOUT': '2m'},
                  edit=lambda body: 'dns_retrans = 30s\n' + body)
messages = [lab.send_queued(f'bob@{domain}') for domain in domains]
began = time.monotonic()
lab.mta.release([message.id for message in messages])
tap.diag(f'{COUNT} messages in {time.monotonic() - began:.1f} s')
arrived = lab.mx.messages()
tap.same(sorted(entry['tag'] for entry in arrived),
         sorted(message.tag for message in messages),
         'every message arrived, once')
tap.ok(all(entry['tls'] for entry in arrived), 'all over TLS')
tap.same([lab.policy_requests(domain) for domain in domains],
         [1, 0] * (COUNT // 2), 'one request a policy')
log = lab.mta.log()
tap.same(log.count('T=remote_smtp_mta_sts '), COUNT // 2,
         'half of them under a policy')
tap.same(lab.mta.queue(), {}, 'the queue is empty')
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.same(lab.mta.panics(), '', 'no panic')
tap.done()
