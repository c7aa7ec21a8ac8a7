# SPDX-License-Identifier: ISC
"""Rows 3 and 13 in a world of the lab: deliveries of Debian's Exim, for
tests/bench/delivery.py: lab_exim.py TURNS MESSAGES KIND...

Prints JSON: for each kind of delivery its instructions with MTA-STS and without,
a list of TURNS pairs; and the CPU of MESSAGES deliveries at 50 a second to
domains never seen, and to the same domains when they are known."""
import json
import os
import re
import subprocess
import sys
import time

from labkit import matrix, paths
from labkit.exim import BINARY, Exim
from labkit.lab import Lab

PER_SECOND = 50
HOOK = '/run/lab/build/bench/count_fork.so'
REPORTS = {'organization': 'Lab', 'contact': 'postmaster@sender.test'}


def arrange(lab, count):
    """Domains, and those of the busy Exim."""
    lab.domain('free.test', mx=['mx.free.test'])
    lab.domain('strict.test', 'enforce', mx=['mx.strict.test'])
    lab.dns.set('_smtp._tls.strict.test', 'TXT',
                '"v=TLSRPTv1; rua=mailto:r@strict.test"')
    busy = [f'd{number}.busy.test' for number in range(count)]
    lab.mx.add('mx.busy.test')
    for domain in busy:
        lab.dns.set(domain, 'MX', '10 mx.busy.test.')
    lab.dns.commit()
    return busy


def configure(lab, ours, **settings):
    lab.configure(recheck=86400, dns_timeout=30, fetch_timeout=60, **settings)
    lab.mta.configure(fragments=ours)


def instructions(lab, domain):
    """Of the delivery process and all that it starts."""
    for path in os.listdir('/tmp'):
        if path.startswith('callgrind.'):
            os.unlink('/tmp/' + path)
    message = lab.send_queued(f'bob@{domain}')
    # Valgrind runs nothing that is setuid; this process is root as it is.
    os.chmod(BINARY, 0o755)
    done = subprocess.run(
        ['env', f'LD_PRELOAD={HOOK}', 'valgrind', '--tool=callgrind',
         '--trace-children=yes', '--callgrind-out-file=/dev/null',
         '--log-file=/tmp/callgrind.%p', BINARY, '-M', message.id],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=200,
        check=False)
    os.chmod(BINARY, 0o4755)
    if done.returncode:
        sys.exit(f'valgrind: {done.returncode}')
    total = 0
    for path in os.listdir('/tmp'):
        if path.startswith('callgrind.'):
            with open('/tmp/' + path) as log:
                total += sum(int(n.replace(',', '')) for n in re.findall(
                    r'Collected : ([0-9,]+)', log.read()))
    out = lab.outcome(message, f'bob@{domain}')
    if out.verdict != 'delivered' or not total:
        sys.exit(f'{domain}: {out.verdict} {out.reason}, {total} instructions')
    return total


KINDS = {'no policy': ('free.test', {}), 'enforce': ('strict.test', {}),
         'enforce, TLS reports': ('strict.test', REPORTS)}


def whole_deliveries(lab, turns, kinds):
    rows = {}
    for name in kinds:
        domain, settings = KINDS[name]
        rows[name] = []
        for _ in range(turns):
            configure(lab, False)
            without = instructions(lab, domain)
            configure(lab, True, **settings)
            lab.forget()  # the record for reports is asked for where wanted
            matrix.look_up([domain])
            rows[name].append([instructions(lab, domain), without])
            if settings and not os.listdir(paths.STATE + '/outcomes'):
                sys.exit('no session was recorded')
    return rows


def wait_for(pid):
    """Seconds of CPU of a process that ends, and of what it waited for."""
    _, _, use = os.wait4(pid, 0)
    return use.ru_utime + use.ru_stime


def deliver_all(lab, domains):
    """Seconds of CPU of these deliveries, PER_SECOND of them begun a second,
    those that they start included."""
    ids = [lab.send_queued(f'bob@{domain}').id for domain in domains]
    began, running = time.monotonic(), []
    for number, id_ in enumerate(ids):
        ahead = began + number / PER_SECOND - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        running.append(os.posix_spawn(BINARY, [BINARY, '-M', id_], os.environ))
    cpu = sum(map(wait_for, running))
    # A machine that does not keep up defers some; they count once more.
    for _ in range(3):
        for id_ in lab.mta.queue():
            cpu += wait_for(os.posix_spawn(BINARY, [BINARY, '-M', id_],
                                           os.environ))
    if lab.mta.queue():
        sys.exit(f'{len(lab.mta.queue())} messages are left')
    return cpu


def busy(lab, domains, turns):
    configure(lab, True)
    pairs = []
    deliver_all(lab, domains[:1])
    for _ in range(turns):
        lab.forget()
        cold = deliver_all(lab, domains)
        pairs.append([cold, deliver_all(lab, domains)])
    return pairs


def main():
    turns, count = map(int, sys.argv[1:3])
    lab = Lab(Exim('debian'))
    domains = arrange(lab, count)
    configure(lab, True)
    print(json.dumps({'instructions': whole_deliveries(lab, turns,
                                                      sys.argv[3:]),
                      'busy': busy(lab, domains, turns)}))


main()
