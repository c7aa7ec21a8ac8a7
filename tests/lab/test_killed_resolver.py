# SPDX-License-Identifier: ISC
"""A resolver that is killed at any moment leaves the old policy or the new one,
and nothing that a later one trips over; a check may be cut short, which is a
miss.  The moments: each step of a write, and any, at random (the seed is
fixed)."""
import os
import random
import subprocess
import time
import zlib

from labkit import faults, matrix, paths, sabotage, tap
from labkit.exim import Exim
from labkit.lab import Lab

POINTS = ('create', 'write', 'sync', 'rename', 'renamed')
KILLS = 200
RECHECK = 300
AS_EXIM = ['setpriv', '--reuid', 'Debian-exim', '--regid', 'Debian-exim',
           '--clear-groups']
chance = random.Random(8461)
lab = Lab(Exim('single'))


def plain(name, mode='enforce'):
    """A domain whose host has no STARTTLS."""
    lab.domain(name, mode, mx=[(f'mx.{name}', 'nostarttls')])


def files(kind='*'):
    """Entries of the store, temporary files aside."""
    return [path for path in sabotage.STATE.glob(f'{kind}/*/*')
            if not path.name.startswith('.')]


def leftovers():
    return list(sabotage.STATE.glob('*/*/.tmp.*'))


def damaged(kind='policies'):
    """Files whose checksum is wrong."""
    found = []
    for path in files(kind):
        text = path.read_bytes()
        if text[-16:] != b'crc32: %08x\n' % zlib.crc32(text[:-16]):
            found.append(path.name)
    return found


def body(domain):
    """The entry's record id, or None."""
    for path in files('policies'):
        if path.name == domain:
            return path.read_text().split('\nid: ')[1].split('\n')[0]
    return None


def look_up(domain, point=None):
    """Exit status of a resolver, killed at that point."""
    environment = {'LD_PRELOAD': sabotage.object_file('killer'),
                   'KILL_AT': point} if point else {}
    return subprocess.run([*AS_EXIM, paths.RESOLVER, '--once', domain],
                          env=environment, stdout=subprocess.DEVNULL,
                          check=False).returncode


def test_point(point):
    """At one step of a write: of a first entry, and of one that replaces."""
    fresh, known = f'fresh-{point}.test', f'known-{point}.test'
    plain(fresh)
    plain(known)
    lab.dns.commit()
    look_up(known)
    before = body(known)
    plain(known, 'testing')  # a new id, a weaker policy
    lab.dns.commit()
    after = lab.policies.record(known)
    lab.dns.commit()
    lab.age(known, RECHECK + 1)
    tap.same([look_up(fresh, point), look_up(known, point)], [-9, -9],
             f'{point}: killed')
    tap.same(body(fresh) is not None, point == 'renamed',
             f'{point}: a first entry is there or not')
    tap.same(body(known), after if point == 'renamed' else before,
             f'{point}: the old entry, or the new one')
    tap.same(damaged(), [], f'{point}: no entry is damaged')
    tap.ok(leftovers() or point == 'renamed',
           f'{point}: a temporary file is left')
    tap.same([look_up(fresh), look_up(known)], [0, 0],
             f'{point}: the next resolver does its work')
    tap.same(body(known), after, f'{point}: and the new entry is there')


def test_check(point):
    """Of a domain without a policy only a check is written, in place."""
    domain = f'free-{point}.test'
    plain(domain, None)
    lab.dns.commit()
    tap.same(look_up(domain, point), -9, f'check, {point}: killed')
    tap.same(domain in damaged('checks'), True,
             f'check, {point}: it is cut short')
    tap.same(look_up(domain), 0, f'check, {point}: which is a miss')
    tap.same(domain in damaged('checks'), False,
             f'check, {point}: and is written anew')
    lab.age(domain, 2 * 3600)
    tap.same(look_up(domain, 'write'), -9, f'check, {point}: killed again')
    tap.same(look_up(domain), 0,
             f'check, {point}: over an older one it is a miss too')
    tap.same(damaged('checks'), [], f'check, {point}: no damage is left')


def test_leftovers():
    """What was left is removed, once its writer must be dead."""
    young = leftovers()
    old = young[:-1]
    for path in old:
        os.utime(path, (time.time() - 4000,) * 2)
    subprocess.run([*AS_EXIM, paths.RESOLVER, '--refresh'], check=False,
                   stdout=subprocess.DEVNULL)
    tap.same(leftovers(), young[-1:],
             f'{len(old)} old temporary files are removed, a young one is not')


def lookup(domain):
    return subprocess.Popen(
        [paths.RESOLVER, '--once', domain], user='Debian-exim',
        group='Debian-exim', extra_groups=[], stdout=subprocess.DEVNULL)


def test_any_moment():
    domains = [f'r{number}.test' for number in range(10)]
    lab.policies.host(*domains)
    for domain in domains:
        lab.policies.publish(domain, 'enforce', [f'mx.{domain}'])
    lab.dns.commit()
    killed = bad = 0
    for number in range(KILLS):
        domain = chance.choice(domains)
        if body(domain):
            lab.age(domain, RECHECK + 1)
        if number % 10 == 0:  # a new id for all: entries are replaced
            for name in domains:
                lab.policies.record(name)
            lab.dns.commit()
        if number % 20 == 0:  # what one takes now: about half are killed
            began = time.monotonic()
            lookup(domain).wait()
            took = time.monotonic() - began
        process = lookup(domain)
        time.sleep(chance.random() * 2 * took)
        process.kill()
        killed += process.wait() == -9
        bad += len(damaged())
    tap.same(bad, 0, f'{KILLS} lookups, {killed} killed: no damaged entry')
    tap.ok(killed > KILLS // 10 and killed < KILLS, 'some, not all')
    tap.same([look_up(domain) for domain in domains], [0] * len(domains),
             'then all are looked up')


def test_exim():
    """The same below Exim, whatever point it is."""
    script = faults.script('killed-anywhere', f'''
point=$(/usr/bin/shuf -n 1 -e {' '.join(POINTS)})
LD_PRELOAD={sabotage.object_file("killer")} KILL_AT=$point
export LD_PRELOAD KILL_AT
exec {paths.RESOLVER} "$@"
''')
    enforced = [f'e{number}.test' for number in range(10)]
    free = [f'f{number}.test' for number in range(10)]
    lab.policies.host(*enforced)
    for name in enforced:
        plain(name)
    for name in free:
        plain(name, None)
    lab.dns.commit()
    lab.reconfigure()
    lab.mta.start()
    with sabotage.settings(resolver=script):
        messages = {name: lab.send(f'bob@{name}') for name in enforced + free}
        lab.settle(messages.values())
        cells = {name: matrix.cell(lab, message)
                 for name, message in messages.items()}
    waits = {'waits: no TLS', 'waits: resolver_died'}
    tap.same({cells[name] for name in enforced} - waits, set(),
             'Exim, killed anywhere: what is enforced waits')
    tap.same({cells[name] for name in free} -
             {'sent, plain', 'waits: resolver_died'}, set(),
             'what is free waits or goes')
    lab.mta.run_queue()
    cells = {name: matrix.cell(lab, message)
             for name, message in messages.items()}
    tap.same([{cells[name] for name in names} for names in (enforced, free)],
             [{'waits: no TLS'}, {'sent, plain'}],
             'mended, after -qff: all as if nothing had been')
    tap.same(damaged(), [], 'no entry is damaged')
    tap.same(lab.mta.bounces(), [], 'nothing bounced')
    tap.same(matrix.crashes(lab), [], 'Exim is well')
    tap.same(matrix.strays(), [], 'nothing is left running')


lab.configure()
for at in POINTS:
    test_point(at)
for at in ('create', 'write'):
    test_check(at)
test_leftovers()
test_any_moment()
test_exim()
tap.done()
