# SPDX-License-Identifier: ISC
"""Days that go by: policies over time, by a clock that is moved."""
import collections
import pathlib
import re
import time

from labkit import matrix, paths, sabotage, tap

HOUR, DAY, MONTH = 3600, 86400, 30 * 86400
AGES = (60, 600, 3600, 86400, 604800, 31557600)
RECHECK = 300  # the shortest life of a policy
REFRESH_AFTER = DAY

# Seconds since 1970 at the beginning; all other times count from there.
start = int(time.time()) // HOUR * HOUR + HOUR


class Policy:
    """What is known of one domain."""

    def __init__(self, state, domain, max_age, every):
        self.state = pathlib.Path(state)
        self.domain = domain
        self.max_age = max_age
        self.every = every   # seconds between two mails
        self.fetches = []
        self.expires = 0
        self.late = []       # when it ran out although it should not have
        self.pending = None  # an event in the second half of its life
        self.answers = collections.Counter()

    def due(self):
        life = max(self.max_age, RECHECK)
        return self.fetches[-1] + min(life / 2, REFRESH_AFTER)

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
        for path in self.state.glob(f'policies/*/{self.domain}'):
            text = path.read_text()
            return tuple(int(re.search(rf'^{key}: (\d+)$', text, re.M)[1]) -
                         start for key in ('fetched', 'expires'))
        return None

    def look(self, now):
        """Notes a fetch; True where there was a new one."""
        found = self._stored()
        if not found or found[0] == (self.fetches or [None])[-1]:
            return False
        # The fetch that an event starts may end after the last second.
        if self.pending is not None and \
                found[0] >= max(self.expires, self.pending + 60):
            self.late.append(now)
            self.pending = None
        self.fetches.append(found[0])
        self.expires = found[1]
        return True

    def check(self, now):
        """With an event in its second half it must be fetched in time."""
        if self.pending is None:
            return
        if self.fetches[-1] >= self.pending - 1:
            self.pending = None
        elif now >= self.expires:
            self.late.append(now)
            self.pending = None

    def _spread(self):
        gaps = [b - a for a, b in zip(self.fetches, self.fetches[1:])]
        if not gaps:
            return ''
        return f', {min(gaps) / HOUR:.1f} to {max(gaps) / HOUR:.1f} h apart'

    def report(self, what, answer):
        first = ' '.join(f'{t / HOUR:.1f}' for t in self.fetches[:8])
        tap.diag(f'{what}, max_age {self.max_age}, mail every '
                 f'{self.every // DAY} d: {len(self.fetches)} fetches'
                 f'{self._spread()}; at hours {first} ...')
        tap.ok(self.fetches, f'{self.domain} is fetched')
        tap.same(self.late, [], f'{self.domain} never runs out while timer or '
                 'mail comes in the second half of its life')
        tap.same(set(self.answers), {answer},
                 f'{self.domain}: every mail is enforced')


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
    offset = start + now - int(time.time())
    sabotage.replace_clock(f'{offset} monotonic\n' if monotonic
                           else f'{offset}\n')
