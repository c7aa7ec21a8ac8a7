# SPDX-License-Identifier: ISC
"""Two senders that report to each other, for three days: about a day of mail
there is a report, about a day on which only reports were sent there is none."""
import subprocess
import time

from labkit import paths, peer, reports, sabotage, tap, tlsrpt
from labkit.exim import Exim
from labkit.lab import Lab

DAY = 86400
NOON = (int(time.time()) // DAY + 1) * DAY + DAY // 2  # of the first day
REPORTS = 16.5 * 3600  # from a noon until all reports have had their time


class Side:
    """One of them: what it has received, and what it has written down."""

    def __init__(self, domain, mailbox, run, state):
        self.domain = domain
        self.mailbox = mailbox
        self.run = run
        self.state = state

    def reports(self):
        """The reports that have come."""
        return [mail.report for mail in map(reports.Mail, self.mailbox())
                if mail.report]

    def sessions(self):
        return [f'{one.domain} {one.result}'
                for one in tlsrpt.outcomes(self.state / 'outcomes')]

    def send_reports(self):
        """The summary of a run of the timer."""
        code, text = self.run(paths.COMMAND, 'report', 'send')
        lines = text.splitlines()
        tap.diag('\n'.join(f'{self.domain}: {line}' for line in lines))
        return code, lines[-1] if lines else ''


def run_here(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True,
                                  check=False)
    return done.returncode, done.stdout


def set_clock(when):
    sabotage.replace_clock(f'{int(when - time.time())}\n')


def expect(sides, day, sent):
    """Reports that each side sends on that morning, and has then received in
    all: [(sent, received), ...]."""
    set_clock(NOON + (day - 1) * DAY + REPORTS)
    for side, (ours, _) in zip(sides, sent):
        tap.same(side.send_reports(),
                 (0, f'sent {ours}, waiting 0, failed 0, lost 0'),
                 f'day {day}: reports from {side.domain}: {ours}')
    for side, (_, received) in zip(sides, sent):
        tap.until(lambda s=side, n=received: len(s.reports()) >= n, 15)
        tap.same(len(side.reports()), received,
                 f'day {day}: {side.domain} has {received} in all')


lab = Lab(Exim('single'))
with sabotage.moving_clock():
    set_clock(NOON)
    here = peer.Here(lab, 'sender.test')
    there = peer.Peer('mx.peer.test', 'peer.test', organization='Peer',
                      contact='tls@peer.test')
    there.start()
    there.add(lab, 'peer.test')
    lab.policies.publish('sender.test', 'testing', ['mail.sender.test'])
    lab.policies.publish('peer.test', 'enforce', ['mx.peer.test'])
    for domain in 'sender.test', 'peer.test':
        lab.dns.set(f'_smtp._tls.{domain}', 'TXT',
                    f'"v=TLSRPTv1; rua=mailto:tls@{domain}"')
    lab.dns.commit()
    lab.configure(organization='Lab', contact='tls@sender.test')
    lab.reconfigure()
    lab.mta.start()
    us = Side('sender.test', here.texts, run_here,
              tlsrpt.OUTCOMES.parent)
    them = Side('peer.test', there.texts, there.run, peer.STATE)

    lab.settle([lab.send('bob@peer.test', sender='alice@sender.test')])
    there.submit('bob@peer.test', 'alice@sender.test',
                 lab.text('back', ['alice@sender.test'],
                          sender='bob@peer.test'))
    tap.ok(tap.until(lambda: here.texts() and there.texts(), 15),
           'day 0: each has mail of the other')
    tap.same((us.sessions(), them.sessions()),
             (['peer.test success'], ['sender.test success']),
             'which was a session each')
    expect((us, them), 1, [(1, 1), (1, 1)])
    for side, other in ((us, them), (them, us)):
        report = (side.reports() or [None])[0]
        tap.same(reports.faults(report), [], f'{other.domain}: valid JSON')
        tap.same(report and reports.counted(report), (1, 0, []),
                 f'{other.domain}: of one session')
    tap.same((len(us.sessions()), len(them.sessions())), (1, 1),
             'day 1: the session of a report is not written down')
    expect((us, them), 2, [(0, 1), (0, 1)])
    set_clock(NOON + 2 * DAY)
    lab.settle([lab.send('bob@peer.test', sender='alice@sender.test')])
    expect((us, them), 3, [(1, 1), (0, 2)])
tap.same(lab.mta.panics(), '', 'nothing in the panic log')
tap.done()
