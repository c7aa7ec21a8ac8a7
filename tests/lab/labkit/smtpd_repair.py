# SPDX-License-Identifier: ISC
"""What was wrong over there is put right while mail waits, on OpenSMTPD: the
second `smtpctl schedule all`, a minute after the last probe, delivers.  A new
policy and new MX hosts are used as soon as the policy is known."""
import time

from labkit import opensmtpd_lab, tap

MINUTE = 62
RECHECK = 301   # seconds, after which a policy's record is asked for again


def _wait_for_probes(lab, domains, since, what):
    late = tap.until(lambda: not [domain for domain in domains
                                  if lab.probed(domain) < since], 60, 0.5)
    tap.ok(late, what)


def broken(lab):
    lab.domain('tls.test', 'enforce', mx=[('mx.tls.test', 'nostarttls')])
    lab.domain('cert.test', 'enforce', mx=[('mx.cert.test', 'good',
                                            'expired')])
    lab.domain('dns.test', 'enforce', mx=['mx.dns.test'])
    lab.dns.behave('dns.test', 'servfail', 'MX')
    lab.dns.commit()
    return {name: lab.send(f'bob@{name}.test')
            for name in ('tls', 'cert', 'dns')}


def fix(lab):
    lab.mx.add('mx.tls.test')
    lab.mx.add('mx.cert.test')
    lab.dns.behave('dns.test', None, 'MX')
    lab.dns.commit()


def schedule(lab, messages):
    """As an operator would, and until smtpd has tried them all."""
    mark = lab.mta.log_file.size()
    lab.mta.ctl('schedule', 'all')
    tap.until(lambda: {envelope[:8] for envelope in
                       lab.mta.log_file.tried(mark)} >=
              {message.id for message in messages}, 30, 0.2)


def repaired(lab):
    messages = broken(lab)
    lab.settle(messages.values())
    tap.same({name: lab.outcome(message).verdict for name, message in
              messages.items()}, dict.fromkeys(messages, 'deferred'),
             'broken: all wait')
    _wait_for_probes(lab, ('tls.test', 'cert.test'), 1,
                     'the hosts that failed are probed')
    fix(lab)
    time.sleep(MINUTE)
    mark = int(time.time())
    schedule(lab, messages.values())
    tap.until(lambda: lab.routed('dns.test') >= mark and
              min(lab.probed('tls.test'), lab.probed('cert.test')) >= mark,
              30, 0.2)
    schedule(lab, messages.values())
    for name, what in (('tls', 'STARTTLS'), ('cert', 'a certificate'),
                       ('dns', 'the DNS')):
        lab.expect_delivered(messages[name], f'{what} put right: the second '
                             'schedule all, a minute later, delivers',
                             tls=True, host=f'mx.{name}.test')


def _publish(lab, domain, host, what='good'):
    lab.mx.add(host, what)
    lab.dns.set(domain, 'MX', f'10 {host}.')
    lab.policies.publish(domain, 'enforce', [host])
    lab.dns.commit()


def moved(lab):
    """The MX hosts were looked up a moment ago, for the policy before."""
    names = ('moved.test', 'queued.test')
    for domain in names:
        _publish(lab, domain, f'old.{domain}', 'nostarttls')
    old = {domain: lab.send(f'bob@{domain}') for domain in names}
    lab.settle(old.values())
    for domain in names:
        _publish(lab, domain, f'new.{domain}')
        lab.age(domain, RECHECK)
    lab.expect_delivered(lab.send('bob@moved.test'), 'a new policy and new MX '
                         'hosts: new mail goes there at once', tls=True,
                         host='new.moved.test')
    mark = int(time.time())
    schedule(lab, old.values())
    lab.expect_delivered(old['moved.test'], 'mail from before goes there with '
                         'it', tls=True, host='new.moved.test')
    tap.ok(tap.until(lambda: lab.routed('queued.test') >= mark, 20, 0.2),
           'without new mail the next attempt has policy and hosts looked up')
    schedule(lab, [old['queued.test']])
    lab.expect_delivered(old['queued.test'], 'and the one after it delivers',
                         tls=True, host='new.queued.test')


def run(version):
    with opensmtpd_lab.running(version) as lab:
        moved(lab)
        repaired(lab)
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
    tap.done()
