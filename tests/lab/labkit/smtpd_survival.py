# SPDX-License-Identifier: ISC
"""What smtpd has to outlive: it ends when a filter or a table ends, so neither
may, whatever becomes of the resolver and of the state directory."""
import collections
import random
import shutil
import signal
import time

from labkit import faults, smtpd_stress, tap
from labkit.opensmtpd_lab import SmtpdLab

KILLS = 100
COLD = 4000     # names of domains that are not asked for twice
HOSTS = 60
PARTS = 6       # of this test, at most
ZONES = ('free.test', 'slow.test')
WAITING = 40    # messages that wait in the queue
RECHECK = 300


def make(version):
    lab = SmtpdLab(version)
    # Any name below: no policy.  smtpd waits 5 s from one connection to an
    # address to the next, so there are many.
    for number in range(HOSTS):
        host, zone = f'mx{number}.hosts.test', ZONES[number % len(ZONES)]
        lab.mx.add(host, cert_name='mx.hosts.test')
        lab.dns.set(f'*.g{number}.{zone}', 'MX', f'10 {host}.')
    lab.dns.behave('*.slow.test', 'delay', 'TXT', seconds=0.3)
    # Enforced, and its host has no STARTTLS: mail for these waits.
    lab.mx.add('mx.strict.test', 'nostarttls')
    strict = [f'd{number}.strict.test' for number in range(WAITING)]
    lab.policies.host(*strict)
    for domain in strict:
        lab.dns.set(domain, 'MX', '10 mx.strict.test.')
        lab.policies.publish(domain, 'enforce', ['mx.strict.test'])
    lab.domain('known.test', 'enforce', mx=['mx.known.test'])
    cold = [f'cold{number}.test' for number in range(PARTS)]
    for domain in cold:
        lab.domain(domain, 'enforce', mx=[f'mx.{domain}'])
    lab.dns.commit()
    lab.configure(dns_timeout=1, fetch_timeout=2)
    lab.mta.configure()
    lab.mta.start()
    lab.cold = iter(cold)
    lab.strict = strict
    lab.expect_delivered(lab.send('bob@known.test'), 'at first', tls=True)
    return lab


def nowhere(number):
    """A domain without a policy, of those in ZONES[number % 2]."""
    return f'd{number}.g{number % HOSTS}.{ZONES[number % len(ZONES)]}'


def works(lab, name):
    """A domain never seen and one that is known have their mail; for a while
    after a fault nobody is kept waiting for the first."""
    domain = next(lab.cold)
    cold = tap.until(lambda: accepted(lab, domain), 20, 1)
    tap.ok(cold, f'{name}: a domain never seen is taken again')
    known = lab.send('bob@known.test')
    smtpd_stress.all_arrive(lab, [known, cold] if cold else [known],
                            f'{name}: and mail arrives')
    smtpd_stress.is_well(lab, name)


def accepted(lab, domain):
    """The message, or None."""
    message = lab.send(f'bob@{domain}')
    return message if message.id else None


def killed(lab):
    """The filter's and the table's."""
    chance = random.Random(8461)
    waiting = [lab.send(f'bob@{domain}') for domain in lab.strict]
    lab.settle(waiting)
    names = (nowhere(number) for number in range(COLD))
    senders = smtpd_stress.Senders(lab, names)
    kills = collections.Counter()
    stale, deadline = 0.0, time.monotonic() + 60
    while kills.total() < KILLS and time.monotonic() < deadline:
        if time.monotonic() > stale:
            # The table finds out-of-date entries, in no session at all.
            for domain in lab.strict:
                lab.age(domain, RECHECK + 1)
            lab.mta.ctl('schedule', 'all')
            stale = time.monotonic() + 10
        time.sleep(chance.random() * 0.1)
        resolvers = smtpd_stress.pids(lab, smtpd_stress.RESOLVER)
        if resolvers:
            pid = chance.choice(resolvers)
            who = smtpd_stress.parent(pid)
            kills[who] += smtpd_stress.end(pid)
    took = time.monotonic() - deadline + 60
    senders.stop()
    tap.same(kills.total(), KILLS, f'kill -9 of the resolver: {KILLS} times')
    tap.ok(kills[smtpd_stress.FILTER] and kills[smtpd_stress.TABLE],
           'of the filter\'s and of the table\'s')
    tap.diag(f'killed, by who had started it: {dict(kills)}, in {took:.0f} s; '
             f'{len(senders.taken)} messages taken meanwhile, '
             f'{len(senders.refused)} refused')
    tap.same(senders.errors, [], 'every client was answered')
    tap.same({message.refused[:3] for message in senders.refused} - {'451'},
             set(), 'with 250 or 451')
    smtpd_stress.is_well(lab, 'killed')
    smtpd_stress.all_arrive(lab, senders.taken,
                            'what was taken arrives, each message once')
    tap.same([message.tag for message in waiting
              if lab.outcome(message).verdict != 'deferred'], [],
             'what is enforced waits')
    works(lab, 'killed')


def stopped(lab):
    resolvers = smtpd_stress.pids(lab, smtpd_stress.RESOLVER)
    tap.ok(resolvers, 'there is a resolver')
    for pid in resolvers:
        smtpd_stress.end(pid, signal.SIGSTOP)
    began = time.monotonic()
    session = smtpd_stress.held(f'bob@{nowhere(COLD)}')
    idle = smtpd_stress.seconds_of_session('bob@known.test')
    tap.ok(idle < 1, f'stopped: others go on, {idle * 1000:.1f} ms')
    code, _reply = session.getreply()
    took = time.monotonic() - began
    session.close()
    tap.ok(code in (250, 451) and took < 20,
           f'stopped: who waits is answered: {code} after {took:.1f} s')
    works(lab, 'stopped')
    # A program that has no question for its resolver does not kill it; at its
    # end it leaves it alone, and a stopped one can die of nothing else.
    for pid in resolvers:
        smtpd_stress.end(pid, signal.SIGCONT)


def unwritable(lab):
    with faults.fault(lab, 'state-unwritable'):
        known = lab.send('bob@known.test')
        tap.ok(known.id, 'unwritable: what is known is taken')
        cold = lab.send(f'bob@{nowhere(COLD + 2)}')
        tap.ok(cold.id, 'unwritable: so is what is not')
        smtpd_stress.all_arrive(lab, [known],
                                'unwritable: the first is delivered')
        lab.expect_deferred(cold, '451', 'unwritable: the second waits')
    smtpd_stress.all_arrive(lab, [cold], 'unwritable: and then arrives')
    works(lab, 'unwritable')


def deleted(lab):
    before = faults.STATE.stat()
    shutil.rmtree(faults.STATE)
    message = lab.send('bob@known.test')
    tap.ok(message.id, 'deleted: all is taken')
    lab.expect_deferred(message, '451', 'deleted: and waits')
    smtpd_stress.is_well(lab, 'deleted')
    lab.mta.setup()
    after = faults.STATE.stat()
    tap.same((after.st_uid, after.st_mode), (before.st_uid, before.st_mode),
             'deleted: made anew')
    smtpd_stress.all_arrive(lab, [message], 'deleted: and then arrives')
    works(lab, 'deleted')


def left(lab):
    lab.dns.behave('*.slow.test', 'delay', 'TXT', seconds=1.5)
    sessions = [smtpd_stress.held(f'bob@left{number}.g1.slow.test')
                for number in range(20)]
    for session in sessions:
        session.sock.close()
        session.close()
    again = smtpd_stress.held('bob@left0.g1.slow.test')
    code, _reply = again.getreply()
    again.close()
    tap.same(code, 250, 'left: who asks for the same is answered')
    time.sleep(1)
    works(lab, 'left')


def restarted(lab):
    for number in range(5):
        session = smtpd_stress.held(f'bob@again{number}.g1.slow.test')
        lab.mta.stop()
        session.close()
        gone = tap.until(lambda: not lab.mta.processes(), 10)
        if not gone:
            tap.diag(f'left behind: {lab.mta.processes()}')
            break
        lab.mta.start()
    tap.ok(gone, 'restarted: nothing of it is left when it stops')
    works(lab, 'restarted')


def run(version, *parts):
    lab = make(version)
    for part in parts:
        began = time.monotonic()
        part(lab)
        tap.diag(f'{part.__name__}: {time.monotonic() - began:.1f} s')
    tap.done()
