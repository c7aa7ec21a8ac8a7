# SPDX-License-Identifier: ISC
"""AGE-1 for OpenSMTPD: days go by for a filter that runs, and no policy runs
out while its host can be reached.

The filter is started once; both clocks are moved round by round.  Mail is a
recipient in a session of this machine, one a day or one a month for each of six
policies.  The filter's rounds are the timer: each begins 50 minutes after the
last one began, so the clock is moved by that and what it took to begin.  With
them no policy is expired even while its fetch is under way.  LAB_DAYS is how
many days go by; unless it is set there are three.  Beside test_year.py."""
import os
import pathlib
import shutil
import socket
import subprocess
import time

from labkit import days, paths, sabotage, tap
from labkit.days import AGES, DAY, MONTH
from labkit.lab import Lab

DAYS = int(os.environ.get('LAB_DAYS', '') or '3')
ROUND = 3000
FILTER = '/usr/libexec/opensmtpd/filter-mta-sts' if paths.PACKAGED else \
    '/usr/local/libexec/filter-mta-sts'


class Filter:
    """The filter as smtpd starts it: one socket for input and output."""

    def __init__(self):
        owner = pathlib.Path(paths.STATE).stat()
        if not paths.PACKAGED:
            os.makedirs(os.path.dirname(FILTER), exist_ok=True)
            shutil.copy('/run/lab/build/filter-mta-sts', FILTER)
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [FILTER], stdin=theirs, stdout=theirs, user=owner.st_uid,
            group=owner.st_gid, extra_groups=[],
            stderr=open('/run/lab/log/filter.err', 'w', encoding='ascii'))
        theirs.close()
        ours.settimeout(60)
        self.socket = ours
        self.lines = ours.makefile('r', newline='\n')
        self.count = 0
        self.say('config|subsystem|smtp-in', 'config|ready')
        while self.lines.readline().rstrip('\n') != 'register|ready':
            pass

    def say(self, *lines):
        self.socket.sendall(''.join(line + '\n' for line in lines).encode())

    def rcpt(self, domain):
        """The answer to a recipient of a local session."""
        self.count += 1
        session = f'{self.count:x}'
        self.say(f'report|0.7|1.1|smtp-in|link-connect|{session}|n|pass|'
                 'local|local',
                 f'filter|0.7|1.1|smtp-in|rcpt-to|{session}|1|u@{domain}')
        answer = self.lines.readline().rstrip('\n')
        self.say(f'report|0.7|1.1|smtp-in|link-disconnect|{session}')
        return answer.split('|', 3)[-1]


    def round(self):
        """Wakes it; returns the seconds within which what was due began."""
        began = time.monotonic()
        self.say('report|0.7|1.1|smtp-in|timeout|0')
        for _ in range(2):  # the answer may come before the round
            self.rcpt('[192.0.2.1]')
        return time.monotonic() - began


lab = Lab()
lab.configure()
policies = [days.Policy(paths.STATE, f'filter-{age}-{every // DAY}.test', age,
                        every) for age in AGES for every in (DAY, MONTH)]
days.publish(lab, policies)
def comes(what, now):
    """A round, or mail to those that get it so often; returns the seconds that
    a round took to begin."""
    began = 0
    concerned = [one for one in policies if what in (days.TIMER, one.every)]
    for one in concerned:
        one.event(now)
        if what != days.TIMER:
            one.answers[program.rcpt(one.domain)] += 1
    if what == days.TIMER:
        began = program.round()
    for one in concerned:
        if one.is_due(now) or (one.fetches and now >= one.expires):
            tap.until(lambda p=one: p.look(now), 60, 0.01)
        else:
            one.look(now)
    for one in policies:
        one.check(now)
    days.settle()
    return began


progress = days.Progress(policies)
rounds = range(0, DAYS * DAY, ROUND)
with sabotage.moving_clock():
    days.set_clock(0, monotonic=True)
    began = time.monotonic()
    program = Filter()
    program.round()
    late = time.monotonic() - began
    for when, what in days.calendar(DAYS, rounds):
        progress.step(when)
        days.set_clock(when + late, monotonic=True)
        late += comes(what, when + late)  # so is the next round
    tap.ok(program.process.poll() is None, 'the filter has run all the time')
    program.socket.shutdown(socket.SHUT_WR)
    tap.same(program.process.wait(30), 0, 'and ends with its input')
days.table('year-filter', DAYS, [('filter', one) for one in policies])
for one in policies:
    one.report('proceed')
    tap.same(one.moments, [], f'{one.domain}: not for a moment')
tap.done()
