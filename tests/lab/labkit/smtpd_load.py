# SPDX-License-Identifier: ISC
"""Many sessions at once, and what much work leaves in memory."""
import collections
import multiprocessing
import resource
import selectors
import time

from labkit import smtpd_stress, tap
from labkit.lab import Message
from labkit.opensmtpd_lab import SmtpdLab

SESSIONS = 1000
DESCRIPTORS = 8192
HOSTS = 100
WITH_POLICY = 200   # of the domains
DELAY = 2           # seconds for each TXT record
MESSAGES = 100      # of the sessions that go on to send one
LONGEST = 60        # seconds that one session may wait


def _make(lab):
    """Domain number N has its mail at one of 100 hosts; each fifth one has a
    policy.  Their records are slow."""
    domains = [f'd{number}.g{number % HOSTS}.held.test'
               for number in range(SESSIONS)]
    for number in range(HOSTS):
        lab.mx.add(f'mx{number}.hosts.test', cert_name='*.hosts.test')
        lab.dns.set(f'*.g{number}.held.test', 'MX',
                    f'10 mx{number}.hosts.test.')
    step = SESSIONS // WITH_POLICY
    with_policy = domains[::step]
    lab.policies.host(*with_policy)
    for domain in with_policy:
        lab.dns.set(domain, 'MX',
                    *lab.dns.records[f'*.{domain.split(".", 1)[1]}', 'MX'][1])
        lab.policies.publish(domain, 'enforce', ['*.hosts.test'])
    lab.dns.behave('*.held.test', 'delay', 'TXT', seconds=DELAY)
    lab.domain('known.test', 'enforce', mx=['mx.known.test'])
    lab.dns.commit()
    return domains


def _measure(pipe):
    """One session after another until told to stop; a process of its own, so
    that it is smtpd that is measured."""
    times = []
    while not pipe.poll():
        times.append(smtpd_stress.seconds_of_session('bob@known.test'))
        time.sleep(0.01)
    pipe.send(times)


class Meter:
    def __enter__(self):
        # As a copy of this process: a test is no module to be imported anew.
        fork = multiprocessing.get_context('fork')
        self.pipe, far = fork.Pipe()
        self.process = fork.Process(target=_measure, args=(far,))
        self.process.start()
        return self

    def __exit__(self, *_error):
        self.pipe.send(None)
        self.times = self.pipe.recv()
        self.process.join()


def _answers(sessions, seconds):
    """What came from each within that time, as lines; in the order of
    `sessions`, and when the first and the last came."""
    got = collections.defaultdict(bytes)
    deadline = time.monotonic() + seconds
    times = []
    with selectors.DefaultSelector() as waiting:
        for number, smtp in enumerate(sessions):
            smtp.sock.setblocking(False)
            waiting.register(smtp.sock, selectors.EVENT_READ, number)
        answered = 0
        while answered < len(sessions) and time.monotonic() < deadline:
            for key, _event in waiting.select(1):
                got[key.data] += key.fileobj.recv(4096)
                times.append(time.monotonic())
                if got[key.data].endswith(b'\n') or not got[key.data]:
                    waiting.unregister(key.fileobj)
                    answered += 1
    for smtp in sessions:
        smtp.sock.settimeout(smtpd_stress.TIMEOUT)
    return [got[number].decode().splitlines()
            for number in range(len(sessions))], times[:1] + times[-1:]


def _codes(answers):
    return collections.Counter(line[:3] for lines in answers
                               for line in lines)


def _say_and_take(sessions, command):
    for smtp in sessions:
        smtp.sock.sendall(command.encode() + b'\r\n')
    return _answers(sessions, 30)[0]


def held_sessions(version):
    """1,000 sessions that wait for 1,000 domains never seen."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    lab = SmtpdLab(version)
    domains = _make(lab)
    lab.configure()
    lab.mta.configure()
    lab.mta.start()
    lab.expect_delivered(lab.send('bob@known.test'), 'at first', tls=True)
    with Meter() as idle:
        time.sleep(5)
    began = time.monotonic()
    with Meter() as busy:
        sessions = [smtpd_stress.begun() for _ in domains]
        opened = time.monotonic()
        for smtp, domain in zip(sessions, domains):
            smtp.putcmd('rcpt', f'TO:<bob@{domain}>')
        asked = time.monotonic()
        answers, (first, last) = _answers(sessions, LONGEST)
    tap.ok(len(sessions) == SESSIONS and first > asked,
           f'{SESSIONS} sessions wait at once')
    tap.same([lines for lines in answers if len(lines) != 1], [],
             'each is answered, once')
    tap.same(_codes(answers), {'250': SESSIONS}, 'with 250')
    tap.diag(f'opened within {opened - began:.1f} s, asked within '
             f'{asked - opened:.1f} s; first answer after '
             f'{first - opened:.1f} s, last after {last - opened:.1f} s')
    tap.diag(f'others, idle: {smtpd_stress.spread(idle.times)}')
    tap.diag(f'others, meanwhile: {smtpd_stress.spread(busy.times)}')
    # Not the longest: a connection that finds smtpd's listen queue full waits
    # for TCP's next try.
    tap.ok(smtpd_stress.nearly_all(busy.times) < DELAY / 4,
           'others are not held up')
    tap.same(_codes(_say_and_take(sessions, 'NOOP')), {'250': SESSIONS},
             'no session was answered twice')
    _send(lab, sessions[:MESSAGES], domains)
    for smtp in sessions:
        smtp.close()
    for name in (smtpd_stress.FILTER, smtpd_stress.TABLE):
        tap.diag(f'{name}: {_resident(lab, name)} KB resident')
    smtpd_stress.is_well(lab, 'held')
    tap.done()


def _send(lab, sessions, domains):
    """The transactions that waited can be finished."""
    for smtp, domain in zip(sessions, domains):
        smtp.putcmd('data')
        smtp.getreply()
        text = lab.text(domain, [f'bob@{domain}']).replace('\n', '\r\n')
        smtp.sock.sendall(text.encode() + b'.\r\n')
    tap.same(collections.Counter(smtp.getreply()[0] for smtp in sessions),
             {250: len(sessions)}, f'{len(sessions)} go on to send a message')
    messages = [Message(domain, None, [f'bob@{domain}'])
                for domain in domains[:len(sessions)]]
    tags = {message.tag for message in messages}
    tap.until(lambda: len([entry for entry in lab.mx.messages()
                           if entry['tag'] in tags]) >= len(tags), 30, 0.2)
    smtpd_stress.all_arrive(lab, messages, 'which all arrive, each once')


def _resident(lab, name):
    return sum(smtpd_stress.resident(pid)
               for pid in smtpd_stress.pids(lab, name))
