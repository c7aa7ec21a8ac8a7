# SPDX-License-Identifier: ISC
"""AGE-1 for OpenSMTPD: days go by for a filter that runs, and no policy runs
out while its host can be reached.

The filter is started once; both clocks are moved hour by hour.  Mail is a
recipient in a session of this machine, one a day or one a month for each of six
policies.  The filter's rounds are the timer.  Beside test_year.py."""
import os
import pathlib
import shutil
import socket
import subprocess

from labkit import days, paths, sabotage, tap
from labkit.days import AGES, DAY, HOUR, MONTH
from labkit.lab import Lab

DAYS = int(os.environ.get('LAB_DAYS', '') or '1')
FILTER = '/usr/local/libexec/filter-mta-sts'


class Filter:
    """The filter as smtpd starts it: one socket for input and output."""

    def __init__(self):
        owner = pathlib.Path(paths.STATE).stat()
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


lab = Lab()
lab.configure()
policies = [days.Policy(paths.STATE, f'filter-{age}-{every // DAY}.test', age,
                        every) for age in AGES for every in (DAY, MONTH)]
days.publish(lab, policies)
with sabotage.moving_clock():
    days.set_clock(0, monotonic=True)
    program = Filter()
    for now in range(0, DAYS * DAY + 1, HOUR):
        days.set_clock(now, monotonic=True)
        for one in policies:
            one.event(now)
            if now % one.every == 0:
                one.answers[program.rcpt(one.domain)] += 1
        program.say('report|0.7|1.1|smtp-in|timeout|0')  # it sleeps
        for one in policies:
            if one.is_due(now) or now >= one.expires:
                tap.until(lambda p=one: p.look(now), 2, 0.02)
            else:
                one.look(now)
            one.check(now)
    tap.ok(program.process.poll() is None, 'the filter has run all the time')
    program.socket.shutdown(socket.SHUT_WR)
    tap.same(program.process.wait(30), 0, 'and ends with its input')
for one in policies:
    one.report('filter', 'proceed')
tap.done()
