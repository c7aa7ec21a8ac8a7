# SPDX-License-Identifier: ISC
"""Days that go by: policies over time, by a clock that is moved."""
import collections
import glob
import math
import os
import pathlib
import random
import re
import time

from labkit import matrix, paths, sabotage, tap

HOUR, DAY, MONTH = 3600, 86400, 30 * 86400
AGES = (60, 600, 3600, 86400, 604800, 31557600)
REFRESH_AFTER = DAY
TIMER = 0      # in a calendar; anything else: seconds between two mails

# Seconds since 1970 at the beginning; all other times count from there.
start = int(time.time()) // HOUR * HOUR + HOUR


def calendar(days, rounds):
    """What comes when, in order: (seconds, TIMER), where the timer runs, and
    (seconds, DAY or MONTH), one mail at some time of each day, and one at some
    time of each thirtieth."""
    chance = random.Random(8461)
    mails = [(begin + chance.randrange(DAY), every)
             for every in (DAY, MONTH)
             for begin in range(0, days * DAY, every)]
    return sorted([(when, TIMER) for when in rounds] + mails)


class Policy:
    """What is known of one domain."""

    def __init__(self, state, domain, max_age, every):
        self.state = pathlib.Path(state)
        self.domain = domain
        self.max_age = max_age
        self.every = every   # seconds between two mails
        self.path = None
        self.fetches = []    # when each began
        self.expires = 0
        self.late = []       # when it ran out although it should not have
        self.moments = []    # for so long it was out until a fetch under way
        self.expired = 0     # seconds without a policy that is live
        self.pending = None  # an event in the second half of its life
        self.answers = collections.Counter()

    def due(self):
        """What the product finds due, counted in whole seconds."""
        fetched = math.floor(self.fetches[-1])
        return fetched + min((self.expires - fetched) // 2, REFRESH_AFTER)

    def is_due(self, now):
        """Live, and to be fetched again."""
        return bool(self.fetches) and self.due() <= now < self.expires

    def event(self, now):
        """Timer or mail: what it finds in the second half of a life is due."""
        if self.fetches and now < self.expires:
            half = self.fetches[-1] + (self.expires - self.fetches[-1]) / 2
            if now >= half and self.pending is None:
                self.pending = now

    def _stored(self):
        """(fetched, expires) of the policy file, or None."""
        if self.path is None:
            self.path = next(self.state.glob(f'policies/*/{self.domain}'),
                             None)
        if self.path is None:
            return None
        fields = dict(re.findall(r'^(fetched|fetched-us|expires): (\d+)$',
                                 self.path.read_text(), re.M))
        return (int(fields['fetched']) - start +
                int(fields['fetched-us']) / 1e6,
                int(fields['expires']) - start)

    def look(self, now):
        """Notes a fetch; True where there was a new one."""
        found = self._stored()
        if not found or found[0] == (self.fetches or [None])[-1]:
            return False
        if self.fetches and found[0] > self.expires:
            self.expired += found[0] - self.expires
            self._judge(found[0], now)
        self.fetches.append(found[0])
        self.expires = found[1]
        return True

    def _judge(self, fetched, now):
        """A fetch that began after the policy had run out."""
        if self.pending is None:
            return
        # The fetch that an event starts may begin after the last second.
        if fetched >= max(self.expires, self.pending + 60):
            self.late.append(now)
        else:
            self.moments.append(fetched - self.expires)
        self.pending = None

    def check(self, now):
        """With an event in its second half it must be fetched in time."""
        if self.pending is None:
            return
        if self.fetches[-1] >= self.pending - 1:
            self.pending = None
        elif now >= self.expires:
            self.late.append(now)
            self.pending = None

    def row(self, what, end):
        """One line of the table, after so many seconds."""
        gaps = [b - a for a, b in zip(self.fetches, self.fetches[1:])] or [0]
        times = [t / HOUR for t in self.fetches] or [0]
        expired = self.expired + max(end - self.expires, 0)
        after = 'none'
        if self.late:
            after = f'{len(self.late)} TIMES'
        elif self.moments:
            after = (f'{len(self.moments)} x, at most {max(self.moments):.2f}'
                     ' s, the fetch under way')
        return (f'{what:<13} {self.max_age:>8} {self.every // DAY:>4} d '
                f'{len(self.fetches):>7} {times[0]:>6.2f} {times[-1]:>8.2f} '
                f'{min(gaps) / HOUR:>8.2f} {max(gaps) / HOUR:>8.2f} '
                f'{expired / HOUR:>8.1f} {after}')

    def report(self, answer):
        tap.ok(self.fetches, f'{self.domain} is fetched')
        tap.same(self.late, [], f'{self.domain} never runs out while timer or '
                 'mail comes in the second half of its life')
        tap.same(set(self.answers), {answer},
                 f'{self.domain}: every mail is enforced')


HEAD = f'{"refreshed by":<13} {"max_age":>8} {"mail":>6} {"fetches":>7} ' \
       f'{"first":>6} {"last":>8} {"gap min":>8} {"gap max":>8} ' \
       f'{"expired":>8} expired although timer or mail had come since half ' \
       'its age'


def table(name, days, cases):
    """Prints what became of the cases, (what refreshes it, policy) each, and
    leaves it with all times of fetches below the build directory."""
    lines = [f'{days} days; first, last, gaps and expired in hours', HEAD]
    lines += [policy.row(what, days * DAY) for what, policy in cases]
    tap.diag('\n'.join(lines))
    for what, policy in cases:
        lines += ['', f'{what}, max_age {policy.max_age}, mail every '
                  f'{policy.every // DAY} d: fetched at hours']
        lines += [' '.join(f'{t / HOUR:.4f}' for t in policy.fetches[i:i + 12])
                  for i in range(0, len(policy.fetches), 12)]
    out = paths.LAB / 'out/lab' / f'{name}.txt'
    out.write_text('\n'.join(lines) + '\n')


class Progress:
    """A line for each ten days."""

    def __init__(self, policies):
        self.policies = policies
        self.began = time.monotonic()
        self.next = 0

    def step(self, now):
        if now < self.next:
            return
        self.next = (now // (10 * DAY) + 1) * 10 * DAY
        tap.diag(f'day {now // DAY:.0f}, '
                 f'{time.monotonic() - self.began:.0f} s: '
                 f'{sum(len(one.fetches) for one in self.policies)} fetches, '
                 f'{sum(len(one.late) for one in self.policies)} late')


def _is_asleep():
    """Whether every thread of this world but ours waits for something."""
    own = f'/proc/{os.getpid()}/'
    for path in glob.glob('/proc/[0-9]*/task/*/stat'):
        try:
            text = pathlib.Path(path).read_text()
        except OSError:
            continue  # it has ended
        if text[text.rindex(')') + 2] in 'RD' and not path.startswith(own):
            return False
    return True


def settle():
    """Nothing is under way any more: where the clock leapt an hour before
    the end of a fetch, the fetch would take an hour."""
    tap.until(lambda: _is_asleep() and not time.sleep(0.002) and _is_asleep(),
              10, 0.005)


def publish(lab, policies):
    """Policy hosts whose certificates no clock finds invalid."""
    domains = [policy.domain for policy in policies]
    lab.policies.host(*domains)
    for policy in policies:
        lab.policies.publish(policy.domain, 'enforce',
                             [f'mx.{policy.domain}'], policy.max_age)
    lab.dns.commit()
    matrix.make_timeless()
    bundle = paths.CERTS / 'host' / f'good-mta-sts.{domains[0]}.pem'
    matrix.timeless(bundle, [f'mta-sts.{domain}' for domain in domains])


def set_clock(now, monotonic=False):
    """For programs that start, and, where the monotonic clock moves too, for
    those that run."""
    offset = start + now - time.time()
    seconds = math.floor(offset)
    sabotage.replace_clock(f'{seconds}.{int((offset - seconds) * 1e6):06d}' +
                           (' monotonic\n' if monotonic else '\n'))
