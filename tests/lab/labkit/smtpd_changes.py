# SPDX-License-Identifier: ISC
"""A policy changes while mail for its domain is in OpenSMTPD's queue.  smtpd
fixes the action when it accepts a message, so the table can still change the
host, and nothing can change that TLS is verified or that it is not.

The change is seen at the first attempt after it, in the background, and obeyed
at the next.

A case is a generator: it sends, and yields; then it sees to what becomes of the
mail, changes the policy, and yields what has to hold after the next attempts."""
import pathlib

from labkit import opensmtpd_lab, paths, tap

LATER = 901  # seconds: records, routes and failed hosts are looked at again
WEEK = 604800
NEGATIVE = 3601  # seconds, after which "no policy" is looked up again


def publish(lab, domain, mode, patterns=(), host=None, what='good'):
    """A policy with a new id, and the only MX host."""
    if host:
        lab.mx.add(host, what)
        lab.dns.set(domain, 'MX', f'10 {host}.')
    lab.policies.publish(domain, mode, patterns)
    lab.dns.commit()


def attempts(lab):
    """Two attempts; the second when all that the first has looked up is there.
    What was never tried, smtpd tries when it starts."""
    domains = {path.name
               for path in pathlib.Path(paths.STATE).glob('routes/*/*')}
    began = int(lab.now())
    lab.later(LATER)
    lab.mta.run_queue()
    tap.until(lambda: all(lab.routed(domain) >= began for domain in domains),
              30)
    late = [domain for domain in domains if lab.routed(domain) < began]
    tap.same(late, [], 'the first attempt has all domains looked up')
    lab.mta.run_queue()


def new_hosts(lab):
    domain = 'hosts.test'
    publish(lab, domain, 'enforce', [f'old.{domain}'], f'old.{domain}')
    yield
    message = lab.send_held(f'bob@{domain}')
    lab.mx.add(f'old.{domain}', 'nostarttls')
    publish(lab, domain, 'enforce', [f'new.{domain}'], f'new.{domain}')
    yield (lambda: lab.expect_delivered(
        message, 'new MX hosts in the policy: delivered there', tls=True,
        host=f'new.{domain}'))


def dropped_host(lab):
    domain = 'dropped.test'
    publish(lab, domain, 'enforce', [f'mx.{domain}'], f'mx.{domain}',
            'nostarttls')
    message = lab.send(f'bob@{domain}')
    yield
    lab.settle([message])
    lab.mx.add(f'mx.{domain}')
    publish(lab, domain, 'enforce', [f'other.{domain}'])
    yield (lambda: lab.expect_deferred(
        message, 'no_match', 'a host that the policy names no more: deferred'))


def lifted(lab, mode):
    """From enforce to testing or none: a host that was not permitted, with a
    valid certificate, and one that was, without STARTTLS."""
    one, two = f'{mode}1.test', f'{mode}2.test'
    publish(lab, one, 'enforce', [f'mx.{one}'], f'other.{one}')
    publish(lab, two, 'enforce', [f'mx.{two}'], f'mx.{two}', 'nostarttls')
    first, second = lab.send(f'bob@{one}'), lab.send(f'bob@{two}')
    yield
    lab.expect_deferred(first, 'no_match', f'{mode}: at first deferred')
    lab.expect_deferred(second, 'TLS required', f'{mode}: at first deferred')
    for domain in (one, two):
        publish(lab, domain, mode, [f'mx.{domain}'] * (mode == 'testing'))
    yield (lambda: lab.expect_delivered(
        first, f'{mode}: queued mail goes to any host that is valid',
        tls=True, host=f'other.{one}'))
    yield (lambda: lab.expect_deferred(
        second, 'TLS required|mx_no_starttls',
        f'{mode}: but still under verified TLS only'))
    yield (lambda: lab.expect_delivered(
        lab.send(f'bob@{two}'), f'{mode}: a new message goes out in clear',
        tls=False))


def removed(lab, age):
    """The record is gone; the policy has expired, or has not."""
    domain, expired = f'removed{age}.test', age > WEEK
    publish(lab, domain, 'enforce', [f'mx.{domain}'], f'other.{domain}')
    message = lab.send(f'bob@{domain}')
    yield
    lab.expect_deferred(message, 'no_match', 'removed: at first deferred')
    lab.policies.record(domain, '')
    lab.dns.commit()
    if expired:
        lab.age(domain, age)
        yield (lambda: lab.expect_delivered(
            message, 'removed and expired: goes to any host that is valid',
            tls=True))
    else:
        yield (lambda: lab.expect_deferred(
            message, 'no_match', 'removed, not expired: still in force'))


def appears(lab):
    domain = 'appears.test'
    lab.domain(domain, mx=[(f'mx.{domain}', 'nostarttls')])
    lab.dns.commit()
    yield
    message = lab.send_held(f'bob@{domain}')
    publish(lab, domain, 'enforce', [f'mx.{domain}'])
    yield (lambda: lab.expect_delivered(
        message, 'a policy appears: queued mail goes out as it was accepted',
        tls=False))
    lab.age(domain, NEGATIVE)
    yield (lambda: lab.expect_deferred(
        lab.send(f'bob@{domain}'), 'TLS required',
        'a policy appears: a new message is under it'))


def run(version):
    with opensmtpd_lab.running(version) as lab:
        cases = [dropped_host(lab), lifted(lab, 'testing'),
                 lifted(lab, 'none'), removed(lab, 0), removed(lab, 2 * WEEK),
                 new_hosts(lab), appears(lab)]
        for case in cases:
            next(case)
        checks = [check for case in cases for check in case]
        attempts(lab)
        for check in checks:
            check()
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
    tap.done()
