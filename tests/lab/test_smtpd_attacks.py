# SPDX-License-Identifier: ISC
"""What an attacker can do to mail between RCPT and delivery, or after a policy
was cached, on OpenSMTPD: the mail waits, and goes out once the world is right
again."""
from labkit import opensmtpd_lab, tap

FRESH = 901  # seconds after which routes are found anew, and hosts probed


def known(lab, domain):
    """A domain whose policy and hosts the store has, from real mail."""
    lab.domain(domain, 'enforce', mx=[f'mx.{domain}'])
    lab.dns.commit()
    lab.expect_delivered(lab.send(f'bob@{domain}'),
                         f'{domain}: its mail goes out', tls=True)
    tap.same(lab.mode(domain), 'enforce', 'and its policy is cached')


def right_again(lab, message, host):
    """At the next attempt, or at the one after it where the host had failed
    and is probed first."""
    domain = message.rcpts[0].split('@')[1]
    lab.later(FRESH)
    mark = lab.now()
    lab.mta.run_queue()
    if lab.outcome(message).verdict != 'delivered':
        tap.until(lambda: lab.probed(domain) >= int(mark), 10)
        lab.mta.run_queue()
    lab.expect_delivered(message, f'then it is delivered to {host}', tls=True,
                         host=host)


def not_at(lab, host, message):
    tap.same([entry for entry in lab.mx.messages(message.tag)
              if entry['name'] == host], [], f'and never to {host}')


def spoofed_mx(lab):
    domain, attacker = 'spoofmx.test', 'mx.attacker1.test'
    known(lab, domain)
    lab.mx.add(attacker)
    lab.dns.set(domain, 'MX', f'10 {attacker}.')
    lab.dns.commit()
    message = lab.send(f'bob@{domain}')
    lab.expect_delivered(message, 'an attacker in the MX records: the hosts '
                         'found before are used', host=f'mx.{domain}')
    lab.later(FRESH)
    message = lab.send(f'bob@{domain}')
    lab.expect_deferred(message, 'no_match', 'when they are looked up again: '
                        'deferred')
    lab.dns.set(domain, 'MX', f'10 mx.{domain}.')
    lab.dns.commit()
    not_at(lab, attacker, message)
    right_again(lab, message, f'mx.{domain}')


def spoofed_address(lab):
    domain, attacker = 'spoofa.test', 'mx.attacker2.test'
    known(lab, domain)
    theirs = lab.mx.add(attacker)
    ours = lab.mx.addresses[f'mx.{domain}']
    lab.dns.set(f'mx.{domain}', 'A', theirs)
    lab.dns.commit()
    lab.later(FRESH)
    message = lab.send(f'bob@{domain}')
    lab.expect_deferred(message, 'certificate', 'the address of an attacker '
                        'with a valid certificate of its own: deferred')
    lab.dns.set(f'mx.{domain}', 'A', ours)
    lab.dns.commit()
    not_at(lab, attacker, message)
    right_again(lab, message, f'mx.{domain}')


def changed_host(lab, domain, what, certificate, reason, name):
    """Between RCPT and the delivery."""
    lab.domain(domain, 'enforce', mx=[f'mx.{domain}'])
    lab.dns.commit()
    message = lab.send_held(f'bob@{domain}')
    tap.same(lab.mode(domain), 'enforce', f'{domain}: known at RCPT')
    lab.mx.add(f'mx.{domain}', what, certificate)
    lab.mta.run_queue()
    lab.expect_deferred(message, reason, f'{name}: deferred')
    lab.mx.add(f'mx.{domain}')
    tap.same(lab.mx.messages(message.tag), [], 'and not sent')
    right_again(lab, message, f'mx.{domain}')


for version in opensmtpd_lab.VERSIONS:
    with opensmtpd_lab.running(version) as lab:
        spoofed_mx(lab)
        spoofed_address(lab)
        changed_host(lab, 'stripped.test', 'nostarttls', 'good',
                     'TLS required', 'STARTTLS is stripped at delivery')
        changed_host(lab, 'swapped.test', 'good', 'untrusted',
                     'certificate', 'a certificate is swapped after RCPT')
        changed_host(lab, 'downgraded.test', 'tls11', 'good',
                     'SSL', 'the protocol is downgraded to TLS 1.1')
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
