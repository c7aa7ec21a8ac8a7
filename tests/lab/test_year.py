# SPDX-License-Identifier: ISC
"""AGE-1: time goes by, and no policy runs out while its host can be reached.

The clock is moved hour by hour.  Six policies, with max_age of a minute to a
year, are used by one mail a day or one a month, with the hourly timer or
without it: as Exim does it, through mta-sts.so, the real resolver, real DNS and
real policy hosts.  For each is printed when it was fetched, and the rule is
held at every step: where timer or mail comes in the second half of a policy's
life, it is fetched again before it runs out.

In a third world a policy that is due is not fetched again after the answer: it
does run out, so the test can fail.

LAB_DAYS is how many days go by, eight unless it is set; make test-year has a
year."""
import collections
import os
import pathlib
import re
import subprocess
import time

from labkit import faults, matrix, paths, sabotage, tap
from labkit.lab import Lab

DAYS = int(os.environ.get('LAB_DAYS', '') or '8')
HOUR, DAY, MONTH = 3600, 86400, 30 * 86400
AGES = (60, 600, 3600, 86400, 604800, 31557600)
RECHECK = 300  # the shortest life of a policy
REFRESH_AFTER = DAY
HOST = '/run/lab/build/tests/help_exim_host'
STATE = pathlib.Path('/var/lib/year')

lab = Lab()


class World:
    """One store, with the timer or without."""

    def __init__(self, name, timer, ages=AGES, everies=(DAY, MONTH),
                 resolver=None):
        self.name = name
        self.timer = timer
        self.ages = ages
        self.everies = everies
        self.resolver = resolver
        self.state = STATE / name
        self.config = pathlib.Path(f'/etc/year-{name}.conf')
        self.policies = {}

    def make(self, owner):
        self.state.mkdir(parents=True)
        for path in (STATE, self.state):
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o750)
        self.config.write_text(
            f'state-dir {self.state}\nallow-private yes\n' +
            (f'resolver {self.resolver}\n' if self.resolver else ''))
        for age in self.ages:
            for every in self.everies:
                self.policies[f'{self.name}-{age}-{every // DAY}.test'] = \
                    Policy(age, every)


class Policy:
    """What is known of one domain of one world."""

    def __init__(self, max_age, every):
        self.max_age = max_age
        self.every = every
        self.fetches = []    # seconds since the beginning
        self.expires = 0
        self.late = []       # when it ran out although it should not have
        self.pending = None  # an event in the second half of its life
        self.answers = collections.Counter()

    def due(self):
        life = max(self.max_age, RECHECK)
        return self.fetches[-1] + min(life / 2, REFRESH_AFTER)


def stored(world, domain):
    """(fetched, expires) of the policy file, or None."""
    for path in world.state.glob(f'policies/*/{domain}'):
        text = path.read_text()
        return tuple(int(re.search(rf'^{key}: (\d+)$', text, re.M)[1])
                     for key in ('fetched', 'expires'))
    return None


def look(world, domain, now, mail_too):
    """Notes a fetch, waiting for one that goes on after its answer."""
    policy = world.policies[domain]
    wanted = policy.fetches and mail_too and not world.resolver and \
        policy.due() <= now < policy.expires

    def seen():
        found = stored(world, domain)
        if found and found[0] - start != (policy.fetches or [None])[-1]:
            # The fetch that an event starts may end after the last second.
            if policy.pending is not None and found[0] - start >= \
                    max(policy.expires, policy.pending + 60):
                policy.late.append(now)
                policy.pending = None
            policy.fetches.append(found[0] - start)
            policy.expires = found[1] - start
            return True
        return False
    if wanted:
        tap.until(seen, 10, 0.02)
    else:
        seen()


def note_event(policy, now):
    """Timer or mail: what it finds in the second half of a life is due."""
    if policy.fetches and now < policy.expires:
        half = policy.fetches[-1] + (policy.expires - policy.fetches[-1]) / 2
        if now >= half and policy.pending is None:
            policy.pending = now


def check(policy, now):
    """A policy with an event in its second half must have been fetched."""
    if policy.pending is None:
        return
    if policy.fetches[-1] >= policy.pending - 1:
        policy.pending = None
    elif now >= policy.expires:
        policy.late.append(now)
        policy.pending = None


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def mail(world, domains):
    done = run(HOST, paths.OBJECT, str(world.config), *domains)
    for domain in domains:
        answer = re.search(rf'^{re.escape(domain)}: (\S+)', done.stdout, re.M)
        world.policies[domain].answers[answer[1] if answer else 'none'] += 1


def set_clock(now):
    sabotage.OFFSET.write_text(str(start + now - int(time.time())))


def hour(world, now):
    domains = [domain for domain, policy in world.policies.items()
               if now % policy.every == 0]
    if world.timer:
        for policy in world.policies.values():
            note_event(policy, now)
        run(paths.COMMAND, '-f', str(world.config), 'cache', 'refresh')
    if domains:
        for domain in domains:
            note_event(world.policies[domain], now)
        mail(world, domains)
    for domain, policy in world.policies.items():
        look(world, domain, now, domain in domains)
        check(policy, now)


def spread(fetches):
    gaps = [b - a for a, b in zip(fetches, fetches[1:])]
    if not gaps:
        return '-'
    return f'{min(gaps) / HOUR:.1f} to {max(gaps) / HOUR:.1f} h'


def report(world):
    for domain, policy in world.policies.items():
        first = ' '.join(f'{t / HOUR:.1f}' for t in policy.fetches[:8])
        tap.diag(f'timer {"hourly" if world.timer else "none"}, max_age '
                 f'{policy.max_age}, mail every {policy.every // DAY} d: '
                 f'{len(policy.fetches)} fetches, {spread(policy.fetches)} '
                 f'apart; at hours {first} ...')
        tap.ok(policy.fetches, f'{domain} is fetched')
        tap.same(policy.late, [], f'{domain} never runs out while timer or '
                 'mail comes in the second half of its life')
        tap.same(set(policy.answers), {'mode=enforce'},
                 f'{domain}: every mail is enforced')


def prepare(worlds):
    domains = [domain for world in worlds for domain in world.policies]
    lab.policies.host(*domains)
    for world in worlds:
        for domain, policy in world.policies.items():
            lab.policies.publish(domain, 'enforce', [f'mx.{domain}'],
                                 policy.max_age)
    lab.dns.commit()
    matrix.make_timeless()
    bundle = paths.CERTS / 'host' / f'good-mta-sts.{domains[0]}.pem'
    matrix.timeless(bundle, [f'mta-sts.{domain}' for domain in domains])


lab.configure()
owner = pathlib.Path(paths.STATE).stat()
broken = World('broken', False, ages=[604800], everies=[DAY],
               resolver=faults.script('no-refresh', f'''
case " $* " in *" --due "*) exit 0 ;; esac
exec {paths.RESOLVER} "$@"
'''))
worlds = [World('timer', True), World('mail', False), broken]
for one in worlds:
    one.make(owner)
prepare(worlds)
start = int(time.time()) // HOUR * HOUR + HOUR
sabotage.OFFSET.write_text('0')
sabotage.PRELOAD.write_text(sabotage.object_file('clock') + '\n')
try:
    for now in range(0, DAYS * DAY + 1, HOUR):
        set_clock(now)
        for one in worlds:
            if one.timer or now % DAY == 0:
                hour(one, now)
        if now % (30 * DAY) == 0:
            tap.diag(f'day {now // DAY}')
finally:
    sabotage.PRELOAD.unlink()
for one in worlds[:2]:
    report(one)
tap.ok(all(policy.late for policy in broken.policies.values()) or DAYS < 8,
       'without the refresh after the answer a policy runs out')
tap.done()
