# SPDX-License-Identifier: ISC
"""What one hostile domain, and one message to a hundred of them, may cost an
Exim delivery process: Exim compiles the host list anew for each address of
each MX host, and frees nothing before the message is done."""
import os
import subprocess
import time

from labkit import matrix, tap
from labkit.exim import BINARY, Exim
from labkit.lab import Lab

LIST_MAX = 3072  # bytes of the answer
COST_MAX = 150   # MiB
TIME_MAX = 2     # seconds of CPU
ADDRESSES = [f'198.51.100.{number}' for number in range(100, 140)]
BEST = 'mx.best.test'


def listed(patterns):
    """The bytes of an answer."""
    return len('mode=enforce ign=!^()$:*') - 1 + sum(
        len(name) + 2 * name.count('.') + 1 for name in patterns) + \
        sum(len('[^.]+') - 1 for name in patterns if name.startswith('*'))


def patterns_of(size):
    """Patterns whose answer has at most so many bytes."""
    patterns = [BEST, '*.crowd.test']
    while listed(patterns + ['a-longer-name-00000.pattern.test']) <= size:
        patterns.append(
            f'a-longer-name-{len(patterns):05}.pattern.test')
    return patterns


def add(lab, name, hosts, size=None):
    lab.dns.set(name, 'MX', f'5 {BEST}.', *[f'10 {host}.' for host in hosts])
    if size:
        lab.policies.publish(name, 'enforce', patterns_of(size))


def deliver(lab, *rcpts):
    """One delivery process; MiB at its peak, seconds of CPU, the message."""
    message = lab.send_queued(*rcpts)
    pid = os.posix_spawn(BINARY, [BINARY, '-M', message.id], os.environ)
    _pid, _status, usage = os.wait4(pid, 0)
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, message


def one_domain(lab):
    """The largest policy that is answered, and none."""
    deliver(lab, 'bob@free.test')
    base, base_time, message = deliver(lab, 'bob@free.test')
    lab.expect_delivered(message, 'no policy, 100 MX hosts of 40 addresses')
    for name in ('small', 'largest', 'beyond'):
        size, seconds, message = deliver(lab, f'bob@{name}.test')
        lab.expect_delivered(message, f'{name}: delivered', tls=True,
                             host=BEST)
        if not tap.ok(size - base <= COST_MAX and
                      seconds - base_time <= TIME_MAX,
                      f'{name}: at most {COST_MAX} MiB and {TIME_MAX} s '
                      'beyond no policy'):
            tap.diag('see below')
        tap.diag(f'{name}: {size:.0f} MiB and {seconds:.2f} s; without a '
                 f'policy {base:.0f} MiB and {base_time:.2f} s')


def many(lab, rcpts, name):
    """One message to hostile recipients and an innocent one."""
    began = time.monotonic()
    size, seconds, message = deliver(lab, *rcpts, 'bob@other.test')
    lab.expect_delivered(message, f'{name}: the innocent recipient is '
                         'delivered in the first run', 'bob@other.test')
    verdicts = [lab.outcome(message, rcpt) for rcpt in rcpts]
    gone = sum(out.verdict == 'delivered' for out in verdicts)
    wait = sum(out.verdict == 'deferred' for out in verdicts)
    tap.same(gone + wait, len(rcpts), f'{name}: the others are delivered or '
             'wait')
    tap.diag(f'{name}: {size:.0f} MiB, {seconds:.1f} s of CPU, '
             f'{time.monotonic() - began:.0f} s; {gone} delivered, '
             f'{wait} wait')


def run(flavour):
    lab = Lab(Exim(flavour))
    lab.mx.add(BEST)
    lab.domain('other.test', mx=['mx.other.test'])
    crowd = [f'mx{number}.crowd.test' for number in range(100)]
    single = [f'one{number}.crowd.test' for number in range(300)]
    for host in crowd:
        lab.dns.set(host, 'A', *ADDRESSES)
    for host in single:
        lab.dns.set(host, 'A', ADDRESSES[0])
    add(lab, 'free.test', crowd[:100])
    add(lab, 'small.test', crowd[:100], 64)
    add(lab, 'largest.test', crowd[:100], LIST_MAX)
    add(lab, 'beyond.test', crowd[:100], LIST_MAX + 60)
    hostile = [f'hostile{number}.test' for number in range(100)]
    for name in hostile:
        add(lab, name, single, LIST_MAX)
    lab.dns.commit()
    lab.configure()
    lab.mta.configure()
    answers = matrix.look_up(hostile + [
        'free.test', 'small.test', 'largest.test', 'beyond.test',
        'other.test'])
    assert all(answer.endswith(' ok') for answer in answers), answers
    tap.diag(subprocess.run([BINARY, '-bV'], stdout=subprocess.PIPE,
                            text=True, check=True).stdout.split('\n')[0])
    lab.mta.start()
    one_domain(lab)
    many(lab, [f'bob{number}@largest.test' for number in range(100)],
         '100 recipients at one domain')
    many(lab, [f'bob@{name}' for name in hostile],
         '100 recipients at 100 domains')
    tap.same(lab.mta.bounces(), [], 'nothing bounced')
    tap.same(matrix.crashes(lab), [], 'no process died')
    tap.done()
