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

LAB_DAYS is how many days go by; unless it is set there are eight, of which the
later ones go by in halves."""
import os
import pathlib
import random
import re
import subprocess

from labkit import days, faults, paths, sabotage, tap
from labkit.days import AGES, DAY, HOUR, MONTH
from labkit.lab import Lab

DAYS = int(os.environ.get('LAB_DAYS', '') or '8')
BRIEF = not os.environ.get('LAB_DAYS')
HOST = '/run/lab/build/tests/help_exim_host'
STATE = pathlib.Path('/var/lib/year')


class World:
    """One store, with the timer or without."""

    def __init__(self, name, timer, ages=AGES, everies=(DAY, MONTH),
                 resolver=None):
        self.timer = timer
        self.waits = resolver is None  # for what goes on after an answer
        self.state = STATE / name
        self.config = pathlib.Path(f'/etc/year-{name}.conf')
        self.config.write_text(
            f'state-dir {self.state}\nallow-private yes\n' +
            (f'resolver {resolver}\n' if resolver else ''))
        self.policies = [
            days.Policy(self.state, f'{name}-{age}-{every // DAY}.test', age,
                        every)
            for age in ages for every in everies]
        self._make()

    def _make(self):
        owner = pathlib.Path(paths.STATE).stat()
        self.state.mkdir(parents=True)
        for path in (STATE, self.state):
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o750)

    def _refresh(self, now):
        for policy in self.policies:
            policy.event(now)
        run(paths.COMMAND, '-f', str(self.config), 'cache', 'refresh')

    def _mail(self, policies, now):
        for policy in policies:
            policy.event(now)
        done = run(HOST, paths.OBJECT, str(self.config),
                   *[policy.domain for policy in policies])
        for policy in policies:
            answer = re.search(rf'^{re.escape(policy.domain)}: (\S+)',
                               done.stdout, re.M)
            policy.answers[answer[1] if answer else 'none'] += 1

    def comes(self, what, now):
        """The timer, or mail to those that get it so often."""
        concerned = [policy for policy in self.policies
                     if what in (days.TIMER, policy.every)]
        if what == days.TIMER and self.timer:
            self._refresh(now)
        elif what != days.TIMER:
            self._mail(concerned, now)
        for policy in concerned:
            if self.waits and what != days.TIMER and policy.is_due(now):
                tap.until(lambda p=policy: p.look(now), 60, 0.02)
            else:
                policy.look(now)

    def check(self, now):
        for policy in self.policies:
            policy.check(now)


def rounds():
    """When the timer runs: within the minute that systemd takes for it."""
    chance = random.Random(7)
    return [hour * HOUR + chance.randrange(60) for hour in range(DAYS * 24)
            if not BRIEF or hour < 24 or hour % 12 == 0]


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


lab = Lab()
lab.configure()
no_refresh = faults.script('no-refresh', f'''
case " $* " in *" --due "*) exit 0 ;; esac
exec {paths.RESOLVER} "$@"
''')
timer, mail = World('timer', True), World('mail', False)
broken = World('broken', False, ages=[604800], everies=[DAY],
               resolver=no_refresh)
worlds = [timer, mail, broken]
days.publish(lab, [policy for world in worlds for policy in world.policies])
progress = days.Progress(timer.policies + mail.policies)
with sabotage.moving_clock():
    for now, what in days.calendar(DAYS, rounds()):
        progress.step(now)
        days.set_clock(now)
        for world in worlds:
            world.comes(what, now)
            world.check(now)
for world in worlds:
    world.check(DAYS * DAY)
days.table('year-exim', DAYS,
           [(what, one) for world, what in ((timer, 'timer, mail'),
                                            (mail, 'mail alone'))
            for one in world.policies])
for one in timer.policies + mail.policies:
    one.report('mode=enforce')
tap.ok(all(one.late for one in broken.policies) or DAYS < 8,
       'without the refresh after the answer a policy runs out')
tap.done()
