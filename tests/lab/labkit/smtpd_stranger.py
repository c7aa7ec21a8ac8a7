# SPDX-License-Identifier: ISC
"""Anybody may publish a policy that names an MX host at somebody else's
address.  His own mail then fails for its certificate, and smtpd puts the blame
on the address: what that does to the other's mail, on OpenSMTPD."""
import re
import time

from labkit import opensmtpd_lab, tap

FIRST_RETRY = 400    # seconds after it came: smtpd's second attempt
SECOND_RETRY = 1600  # its third
WINDOW = 15          # seconds that smtpd avoids an address after a failure
ENDS = 30            # at most, from the end of a session until attempts end
SLACK = 8
WATCH = 15
STRANGERS = 4


def unlimited(body):
    """Without the example's limits.  smtpd then makes at most one connection
    to an address in 5 s; whoever shares the address takes turns."""
    body, count = re.subn(r'^mta limit .*\n', '', body, flags=re.M)
    assert count == 1
    return body


def arrange(lab):
    """Two victims, and for each of them strangers' domains, whose MX host is a
    CNAME to the victim's or has its address; a third domain, without a policy,
    at the address of one of them."""
    for victim in ('fresh', 'used'):
        lab.domain(f'{victim}.test', 'enforce', mx=[f'mx.{victim}.test'])
        for number in range(STRANGERS):
            _publish(lab, victim, number)
    lab.dns.set('mx.third.test', 'A', lab.mx.addresses['mx.used.test'])
    lab.dns.set('third.test', 'MX', '10 mx.third.test.')
    lab.dns.commit()


def _publish(lab, victim, number):
    domain = f's{number}.{victim}.test'
    if number % 2:
        lab.dns.set(f'mx.{domain}', 'A', lab.mx.addresses[f'mx.{victim}.test'])
    else:
        lab.dns.set(f'mx.{domain}', 'CNAME', f'mx.{victim}.test.')
    lab.dns.set(domain, 'MX', f'10 mx.{domain}.')
    lab.policies.publish(domain, 'enforce', [f'mx.{domain}'])


class Address:
    """A victim's, as smtpd's log has it."""

    def __init__(self, lab, victim):
        self.lab = lab
        self.name = lab.mx.addresses[f'mx.{victim}.test']

    def windows(self):
        """How long it was to be avoided each time, in seconds."""
        return list(map(int, re.findall(
            rf'Disabling route .* {re.escape(self.name)}\b.* for (\d+)s',
            self.lab.mta.log())))

    def wait_for_window(self, count):
        return tap.until(lambda: len(self.windows()) >= count, 20)

    def wait_for_end(self, count):
        """Of the window of this number."""
        return tap.until(lambda: len(re.findall(
            rf'Enabling route .* {re.escape(self.name)}\b',
            self.lab.mta.log())) >= count, 60)

    def failures(self):
        return len(self.lab.mta.log_file.errors(self.name))


def _next_attempt(lab, message):
    """Seconds until then, by the queue."""
    for line in lab.mta.ctl('show', 'queue').splitlines():
        if line.startswith(message.id):
            return int(line.split('|')[-2])
    return -1


def _schedule(lab, message):
    """One attempt at it now, and at nothing else, to its end."""
    mark = lab.mta.log_file.size()
    for envelope in lab.mta.envelopes():
        if envelope.startswith(message.id):
            lab.mta.ctl('schedule', envelope)
            tap.until(lambda id_=envelope: id_ in
                      lab.mta.log_file.tried(mark), 30, 0.1)


def _waits(lab, message, latest, what):
    lab.expect_deferred(message, 'Network error on destination MXs',
                        f'{what}: the victim\'s mail is deferred')
    seconds = _next_attempt(lab, message)
    tap.diag(f'{what}: the next attempt is in {seconds} s')
    tap.ok(0 <= seconds <= latest, f'at most {latest} s')


def fresh_address(lab):
    """No session worked there before: a stranger's failure closes the address
    for a short time, and what is tried then waits for its next attempt.  A
    second failure makes the time no longer."""
    address = Address(lab, 'fresh')
    strangers = [lab.send('bob@s0.fresh.test')]
    address.wait_for_window(1)
    began = time.monotonic()
    victim = lab.send('bob@fresh.test')
    _waits(lab, victim, FIRST_RETRY, 'after a stranger\'s failure')
    before = address.failures()
    strangers += [lab.send('bob@s0.fresh.test'), lab.send('bob@s1.fresh.test')]
    lab.settle(strangers)
    tap.same((len(address.windows()), address.failures()), (1, before),
             'more mail of strangers within that time does not connect')
    address.wait_for_end(1)
    seconds = time.monotonic() - began
    tap.diag(f'the address is avoided for {seconds:.1f} s')
    tap.ok(seconds < WINDOW + SLACK, f'not above {WINDOW} s')
    strangers.append(lab.send('bob@s2.fresh.test'))
    tap.ok(address.wait_for_window(2), 'another stranger fails there')
    _schedule(lab, victim)
    _waits(lab, victim, SECOND_RETRY, 'after one stranger after another')
    address.wait_for_end(2)
    tap.same(address.windows(), [WINDOW, WINDOW],
             f'each failure counts for {WINDOW} s, the second too')
    _schedule(lab, victim)
    lab.expect_delivered(victim, 'the victim\'s mail goes out at the first '
                         'attempt after them', tls=True, host='mx.fresh.test')
    _held_back(lab, strangers)


def _unverified(lab, strangers):
    """Whatever any host has of theirs."""
    return [entry for message in strangers
            for entry in lab.mx.messages(message.tag)]


def _held_back(lab, strangers):
    tap.same(([lab.outcome(message).verdict for message in strangers],
              _unverified(lab, strangers)),
             (['deferred'] * len(strangers), []), 'all strangers\' mail waits')


def _session_ends(lab, message):
    """The session that carried it is closed."""
    log = lab.mta.log()
    session = re.search(rf'(\w{{16}}) mta delivery evpid={message.id}.*'
                        'result="Ok"', log)[1]
    return tap.until(lambda: f'{session} mta disconnected' in lab.mta.log(),
                     30)


def _seconds(lab, message, most):
    """Until it has arrived; None: it has not."""
    began = time.monotonic()
    if tap.until(lambda: lab.mx.messages(message.tag), most, 0.1):
        return time.monotonic() - began
    return None


def _text(seconds):
    return f'above {WATCH} s' if seconds is None else f'{seconds:.1f} s'


def _in_flight(lab, messages):
    return [message for message in messages if not lab.mta.tried(message)]


def _after_a_good_session(lab):
    """Strangers' mail behind a message of the victim's, until the session of
    that is closed.  Returns the strangers, and how long mail for a third
    domain at the address took meanwhile."""
    address = Address(lab, 'used')
    first = lab.send('bob@used.test')
    lab.expect_delivered(first, 'a session worked there before', tls=True)
    strangers = [lab.send(f'bob@s{number}.used.test')
                 for number in range(STRANGERS)]
    tap.ok(tap.until(lambda: address.failures() > 0, 20) and
           _in_flight(lab, strangers) == strangers,
           'a stranger fails there, and his attempt goes on')
    third = lab.send('bob@third.test')
    seconds = _seconds(lab, third, WATCH)
    tap.ok(_session_ends(lab, first), 'the session ends')
    return strangers, seconds


def used_address(lab):
    """A session worked there a moment ago: smtpd does not count a failure and
    goes on connecting.  With LIMITS that ends soon after the session, and
    nobody waits for his turn."""
    address = Address(lab, 'used')
    strangers, seconds = _after_a_good_session(lab)
    tap.diag(f'beside {STRANGERS} strangers mail of others takes '
             f'{_text(seconds)}')
    tap.ok(seconds is not None and seconds < SLACK, 'mail of others for the '
           'address does not wait for the strangers')
    began = time.monotonic()
    tap.until(lambda: not _in_flight(lab, strangers), ENDS + 30, 0.1)
    seconds = time.monotonic() - began
    tap.diag(f'the strangers\' attempts end {seconds:.1f} s later')
    tap.ok(seconds < ENDS, 'and soon after the last good session the '
           'strangers\' attempts end')
    tap.same(set(address.windows()), {WINDOW}, 'by a failure that counts')
    # What comes before the end of that is in fresh_address.
    lab.mta.resume_routes()
    lab.expect_delivered(lab.send('bob@used.test'), 'then the victim\'s mail '
                         'goes out', tls=True, host='mx.used.test')
    _held_back(lab, strangers)


def without_limits(lab):
    """What the limits are for: the strangers' attempts do not end, they take
    turns at the address, one connection in five seconds, and the turn of others
    may not come."""
    address = Address(lab, 'used')
    strangers, seconds = _after_a_good_session(lab)
    before = address.failures()
    victim = lab.send('bob@used.test')
    mine = _seconds(lab, victim, WATCH)
    tap.diag(f'beside {STRANGERS} strangers: a third domain\'s mail takes '
             f'{_text(seconds)}, the victim\'s {_text(mine)}')
    tap.ok(tap.until(lambda: address.failures() > before, 20),
           'without limits: strangers go on failing after the good session')
    tap.same((len(_in_flight(lab, strangers)), address.windows()),
             (STRANGERS, []), 'without limits: the attempts do not end')
    tap.ok(all(entry['tls'] and entry['name'] == 'mx.used.test'
               for entry in lab.mx.messages(victim.tag)),
           'the victim\'s mail waits, or goes out as it should')
    tap.same(_unverified(lab, strangers), [], 'no stranger\'s does')


def run(version):
    """The whole of a test program."""
    for what, edit, cases in (
            ('with limits', None, (used_address, fresh_address)),
            ('without limits', unlimited, (without_limits,))):
        with opensmtpd_lab.running(version, edit=edit) as lab:
            tap.diag(what)
            arrange(lab)
            for case in cases:
                case(lab)
            tap.same(lab.mta.bounces(), [], 'nothing bounced')
            tap.same(lab.mta.panics(), '', 'nothing died')
    tap.done()
