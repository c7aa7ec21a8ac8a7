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


def right_again(lab, *messages, renewed):
    """At the next attempt, or at the one after it where hosts are looked up,
    or one that had failed is probed, first."""
    lab.later(FRESH)
    mark = lab.now()
    lab.mta.run_queue()
    failed = [message.rcpts[0].split('@')[1] for message in messages
              if lab.outcome(message).verdict != 'delivered']
    if failed:
        tap.until(lambda: all(renewed(domain) >= int(mark)
                              for domain in failed), 30)
        lab.mta.run_queue()
    for message in messages:
        host = 'mx.' + message.rcpts[0].split('@')[1]
        lab.expect_delivered(message, f'then it is delivered to {host}',
                             tls=True, host=host)


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
    right_again(lab, message, renewed=lab.routed)


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
    right_again(lab, message, renewed=lab.probed)


# What a host is between RCPT and the delivery, and smtpd's reason.
CHANGES = {
    'stripped.test': ('nostarttls', 'good', 'TLS required',
                      'STARTTLS is stripped at delivery'),
    'swapped.test': ('good', 'untrusted', 'certificate',
                     'a certificate is swapped after RCPT'),
    'downgraded.test': ('tls11', 'good', 'SSL',
                        'the protocol is downgraded to TLS 1.1')}


def changed_hosts(lab):
    for domain in CHANGES:
        lab.domain(domain, 'enforce', mx=[f'mx.{domain}'])
    lab.dns.commit()
    lab.mta.hold_queue()
    messages = {domain: lab.send(f'bob@{domain}') for domain in CHANGES}
    for domain, (what, certificate, _, _) in CHANGES.items():
        tap.same(lab.mode(domain), 'enforce', f'{domain}: known at RCPT')
        lab.mx.add(f'mx.{domain}', what, certificate)
    lab.mta.run_queue()
    for domain, (_, _, reason, name) in CHANGES.items():
        lab.expect_deferred(messages[domain], reason, f'{name}: deferred')
    for domain, message in messages.items():
        lab.mx.add(f'mx.{domain}')
        tap.same(lab.mx.messages(message.tag), [], 'and not sent')
    right_again(lab, *messages.values(), renewed=lab.probed)


for version in opensmtpd_lab.VERSIONS:
    with opensmtpd_lab.running(version) as lab:
        spoofed_mx(lab)
        spoofed_address(lab)
        changed_hosts(lab)
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
