# SPDX-License-Identifier: ISC
"""Which MX host gets the mail, on OpenSMTPD: the first that the policy permits
and that works; the next one at the next attempt at the latest."""
import pathlib
import subprocess
import time

from labkit import opensmtpd_lab, tap

COUNT = 20
REFUSING = '203.0.113.200'  # an address where nobody listens


# What the first host does; the second is good.
FIRST = {'dead': ('blackhole',), 'refused': ('good',), 'closing': ('close',),
         'untrusted': ('good', 'untrusted'), 'expired': ('good', 'expired'),
         'wrongname': ('good', 'wrongname'), 'notls': ('nostarttls',)}


def second_host(lab):
    for name, what in FIRST.items():
        lab.domain(f'{name}.test', 'enforce',
                   mx=[(f'mx1.{name}.test', *what), f'mx2.{name}.test'])
    lab.dns.set('mx1.refused.test', 'A', REFUSING)
    lab.dns.commit()
    messages = {name: lab.send(f'bob@{name}.test') for name in FIRST}
    lab.settle(messages.values())
    tap.same({name: lab.outcome(message).verdict for name, message in
              messages.items()}, dict.fromkeys(FIRST, 'deferred'),
             'the first attempts fail')
    # What failed is found out while smtpd waits for its next attempt.
    tap.until(lambda: all(lab.probed(f'{name}.test') for name in FIRST), 30)
    lab.mta.run_queue()
    for name, message in messages.items():
        lab.expect_delivered(message, f'{name}: delivered through the second '
                             'at the next attempt', tls=True,
                             host=f'mx2.{name}.test')
    for name in FIRST:
        lab.expect_delivered(lab.send(f'bob@{name}.test'),
                             f'{name}: the next message goes there at once',
                             host=f'mx2.{name}.test')


def healthy(lab):
    domain = 'healthy.test'
    lab.domain(domain, 'enforce', mx=[f'mx1.{domain}', f'mx2.{domain}'])
    lab.dns.commit()
    message = lab.send(*(f'bob{i}@{domain}' for i in range(COUNT)))
    lab.settle([message])
    arrived = lab.mx.messages(message.tag)
    tap.same({entry['name'] for entry in arrived}, {f'mx1.{domain}'},
             f'{COUNT} envelopes of one message go to the first host')
    tap.same(sum(len(entry['rcpts']) for entry in arrived), COUNT,
             'all of them, once')
    tap.same(lab.mx.connections(f'mx2.{domain}'), [],
             'the second is not contacted, nor probed')


def equal(lab):
    domain = 'equal.test'
    hosts = [f'mx{i}.{domain}' for i in range(4)]
    for host in hosts:
        lab.mx.add(host)
    lab.dns.set(domain, 'MX', *(f'10 {host}.' for host in hosts))
    lab.policies.publish(domain, 'enforce', hosts)
    lab.dns.commit()
    # Their turns are ten minutes by the clock.
    if time.time() % 600 > 580:
        time.sleep(21)
    message = lab.send(*(f'bob{i}@{domain}' for i in range(COUNT)))
    lab.settle([message])
    arrived = lab.mx.messages(message.tag)
    tap.same((len({entry['name'] for entry in arrived}),
              sum(len(entry['rcpts']) for entry in arrived)), (1, COUNT),
             'of hosts of equal preference all envelopes go to one')


def preferred_not_permitted(lab):
    domain = 'preferred.test'
    lab.domain(domain, 'enforce', [f'mx2.{domain}'],
               mx=[f'mx1.{domain}', f'mx2.{domain}'])
    lab.dns.commit()
    lab.expect_delivered(lab.send(f'bob@{domain}'), 'a preferred host that the '
                         'policy does not name is passed over', tls=True,
                         host=f'mx2.{domain}')
    lab.mx.add(f'mx2.{domain}', 'nostarttls')
    # The connection that worked is used again for some seconds.
    tap.until(lambda: lab.mta.idle(), 60, 1)
    message = lab.send(f'bob@{domain}')
    lab.expect_deferred(message, 'TLS required', 'also when the permitted one '
                        'fails: then the mail waits')
    lab.mta.run_queue()
    tap.same(lab.outcome(message).verdict, 'deferred', 'and goes on to')
    tap.same(lab.mx.connections(f'mx1.{domain}'), [],
             'it was never contacted, nor probed')


# Connecting to where packets vanish ends after some seconds, not minutes.
pathlib.Path('/proc/sys/net/ipv4/tcp_syn_retries').write_text('1')
subprocess.run(['ip', 'addr', 'add', f'{REFUSING}/32', 'dev', 'lo'],
               check=True)
for version in opensmtpd_lab.VERSIONS:
    with opensmtpd_lab.running(version) as lab:
        healthy(lab)
        equal(lab)
        second_host(lab)
        preferred_not_permitted(lab)
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
