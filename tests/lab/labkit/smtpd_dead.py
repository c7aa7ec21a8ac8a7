# SPDX-License-Identifier: ISC
"""MX addresses where connections are refused or vanish, in front of one that
works or alone, on OpenSMTPD: mail goes out as soon, and waits as it does,
without our configuration.

Without a policy the addresses are those of several MX hosts.  With one they
are those of one MX host, since smtpd has one host from the table at each
attempt; of several hosts the second attempt takes the one that works, however
many before it are dead."""
import collections
import pathlib
import subprocess
import time

from labkit import opensmtpd_lab, tap

STOCK = '''
table aliases file:/etc/aliases
listen on localhost
listen on socket
action "local" maildir alias <aliases>
action "relay" relay
match for local action "local"
match from local for any action "relay"
'''
# Both before the MX hosts' own, since the name server sorts addresses.
REFUSING = '198.18.1.'   # this machine's
VANISHING = '198.18.0.'  # without a route on the internet's side
REFUSED = range(1, 7)
VANISHED = range(1, 4)
ALL_DEAD = 2
SLACK = 10      # seconds that ours may take longer
LONGEST = 120


class Addresses:
    """One address is not used twice: smtpd keeps what it knows of each."""

    def __init__(self):
        self.last = collections.Counter()

    def refusing(self):
        self.last['refusing'] += 1
        address = f'{REFUSING}{self.last["refusing"]}'
        subprocess.run(['ip', 'addr', 'replace', f'{address}/32', 'dev',
                        'lo'], check=True)
        return address

    def vanishing(self):
        self.last['vanishing'] += 1
        return f'{VANISHING}{self.last["vanishing"]}'


def _hosts(lab, domain, dead, works):
    """MX hosts with an address each."""
    hosts = []
    for number, address in enumerate(dead, 1):
        hosts.append(f'dead{number}.{domain}')
        lab.dns.set(hosts[-1], 'A', address)
    if works:
        hosts.append(f'mx.{domain}')
        lab.mx.add(hosts[-1])
    lab.dns.set(domain, 'MX', *(f'{number}0 {host}.' for number, host in
                                enumerate(hosts, 1)))
    return hosts


def _one_host(lab, domain, dead, works):
    """One MX host with all addresses."""
    good = [lab.mx.add(f'mx.{domain}')] if works else []
    lab.dns.set(f'mx.{domain}', 'A', *dead, *good)
    lab.dns.set(domain, 'MX', f'10 mx.{domain}.')
    return [f'mx.{domain}']


def arrange(lab):
    """Domains by (kind, what the dead addresses do, how many, works)."""
    addresses = Addresses()
    cases = [(what, count, True) for what, counts in
             (('refusing', REFUSED), ('vanishing', VANISHED))
             for count in counts]
    cases += [('refusing', ALL_DEAD, False), ('vanishing', ALL_DEAD, False)]
    made = {}
    for kind, make in (('plain', _hosts), ('policy', _one_host),
                       ('several', _hosts)):
        for what, count, works in cases:
            if kind == 'several' and not works:
                continue
            domain = f'{kind}-{what}{count}{"" if works else "all"}.test'
            dead = [getattr(addresses, what)() for _ in range(count)]
            hosts = make(lab, domain, dead, works)
            if kind != 'plain':
                lab.policies.publish(domain, 'enforce', hosts)
            made[kind, what, count, works] = domain
    lab.dns.commit()
    return made


def _inflight(lab, message):
    return any(line.startswith(message.id) and '|inflight|' in line
               for line in lab.mta.ctl('show', 'queue').splitlines())


def _over(lab, message, works):
    """Whether it has arrived, or smtpd has ended its attempt."""
    if works and lab.mx.messages(message.tag):
        return True
    return not works and lab.mta.tried(message)


def seconds(lab, domains):
    """By case, until it is over; LONGEST: it never was."""
    began, took = {}, {}
    messages = {case: lab.send(f'bob@{domain}')
                for case, domain in domains.items()}
    for case in messages:
        began[case] = time.monotonic()
    start = time.monotonic()
    while len(took) < len(messages) and time.monotonic() - start < LONGEST:
        for case, message in messages.items():
            if case not in took and _over(lab, message, case[3]):
                took[case] = time.monotonic() - began[case]
        time.sleep(0.2)
    return messages, {case: took.get(case, LONGEST) for case in messages}


def stock(version, made=None):
    with opensmtpd_lab.running(version, edit=lambda _body: STOCK) as lab:
        made = arrange(lab)
        domains = {case: domain for case, domain in made.items()
                   if case[0] != 'several'}
        return seconds(lab, domains)[1]


def _name(case):
    kind, what, count, works = case
    kind = {'plain': 'no policy, MX hosts', 'policy': 'a policy, addresses',
            'several': 'a policy, MX hosts'}[kind]
    return f'{kind}: {count} {what}, ' + \
        ('then one that works' if works else 'and no other')


def _compare(lab, messages, ours, control):
    for case, took in ours.items():
        tap.diag(f'{_name(case)}: {took:.1f} s, without our configuration '
                 f'{control[case]:.1f} s')
        out = lab.outcome(messages[case])
        tap.same((out.verdict, took < control[case] + SLACK),
                 ('delivered' if case[3] else 'deferred', True),
                 f'{_name(case)}: as without our configuration')
        if not case[3]:
            tap.ok(not _inflight(lab, messages[case]),
                   f'{_name(case)}: the envelope waits for its next attempt')


def several(lab, domains):
    """The first attempt goes to the first host; then all that is needed to
    choose the right one is found out at once."""
    messages = {case: lab.send(f'bob@{domain}')
                for case, domain in domains.items()}
    lab.settle(messages.values())
    tap.same({lab.outcome(message).verdict for message in messages.values()},
             {'deferred'}, 'a policy, MX hosts: the first attempt fails')
    until = time.monotonic() + 60
    while time.monotonic() < until and not all(
            lab.probed_good(domain) for domain in domains.values()):
        time.sleep(0.2)
    lab.mta.run_queue()
    for case, message in messages.items():
        lab.expect_delivered(message, f'{_name(case)}: delivered with the '
                             'second attempt', tls=True,
                             host=f'mx.{domains[case]}')


def run(version):
    # A connection to where packets vanish ends after 3 s, not 2 minutes.
    pathlib.Path('/proc/sys/net/ipv4/tcp_syn_retries').write_text('1')
    control = stock(version)
    with opensmtpd_lab.running(version) as lab:
        made = arrange(lab)
        messages, ours = seconds(lab, {
            case: domain for case, domain in made.items()
            if case[0] != 'several'})
        _compare(lab, messages, ours, control)
        several(lab, {case: domain for case, domain in made.items()
                      if case[0] == 'several'})
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
    tap.done()
