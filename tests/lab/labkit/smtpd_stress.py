# SPDX-License-Identifier: ISC
"""Harm and load for smtpd and its two programs, and what it costs."""
import contextlib
import os
import pathlib
import signal
import smtplib
import statistics
import threading
import time

from labkit import tap
from labkit.lab import SENDER

RESOLVER = 'mta-sts-resolver'[:15]  # as the kernel cuts it
FILTER = 'filter-mta-sts'
TABLE = 'table-mta-sts'
TIMEOUT = 90


# Processes

def pids(lab, name):
    return [pid for pid, command in lab.mta.processes().items()
            if command == name]


def smtpd_pids():
    """All of smtpd's own processes: most are in an empty root."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if (path / 'comm').read_text(encoding='ascii') == 'smtpd\n':
                found.append(int(path.name))
    return found


def _status(pid, field):
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f'/proc/{pid}/status').read_text(
                encoding='ascii', errors='replace').splitlines():
            if line.startswith(field + ':'):
                return int(line.split()[1])
    return 0


def parent(pid):
    """The name of the program that started it."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f'/proc/{_status(pid, "PPid")}/comm') \
            .read_text(encoding='ascii').strip()
    return '?'


def resident(pid):
    """Kilobytes."""
    return _status(pid, 'VmRSS')


def end(pid, number=signal.SIGKILL):
    """False where it has ended by itself."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


# Sessions

def begun():
    """A session after MAIL."""
    smtp = smtplib.SMTP('127.0.0.1', 25, timeout=TIMEOUT)
    smtp.ehlo('client.sender.test')
    smtp.mail(SENDER)
    return smtp


def held(rcpt):
    """A session whose RCPT has no answer yet."""
    smtp = begun()
    smtp.putcmd('rcpt', f'TO:<{rcpt}>')
    return smtp


def seconds_of_session(rcpt):
    """From connect to the answer to RCPT."""
    began = time.monotonic()
    smtp = held(rcpt)
    code, reply = smtp.getreply()
    took = time.monotonic() - began
    smtp.close()
    if code != 250:
        raise RuntimeError(f'{rcpt}: {code} {reply}')
    return took


def nearly_all(values):
    """The 95th percentile."""
    return sorted(values)[len(values) * 95 // 100]


def spread(values):
    """Of seconds, in words."""
    return (f'{len(values)} sessions, median '
            f'{statistics.median(values) * 1000:.1f} ms, 95 % below '
            f'{nearly_all(values) * 1000:.1f} ms, '
            f'longest {max(values) * 1000:.1f} ms')


class Senders:
    """A few clients that send to one domain after the other until told to
    stop; everything that was answered is kept."""

    def __init__(self, lab, domains, clients=4):
        self.lab = lab
        self.domains = iter(domains)
        self.lock = threading.Lock()
        self.messages = []
        self.errors = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._send)
                        for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _next(self):
        with self.lock:
            return next(self.domains, None)

    def _send(self):
        while not self.over.is_set():
            domain = self._next()
            if domain is None:
                return
            try:
                message = self.lab.send(f'bob@{domain}')
            except OSError as error:  # smtplib's are among them
                self.errors.append(f'{domain}: {error!r}')
            else:
                self.messages.append(message)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(TIMEOUT)
        self.errors += [f'{thread.name} still waits'
                        for thread in self.threads if thread.is_alive()]

    @property
    def taken(self):
        return [message for message in self.messages if message.id]

    @property
    def refused(self):
        return [message for message in self.messages if not message.id]


# Judgement

def is_well(lab, name):
    """Two assertions."""
    tap.ok(lab.mta.is_running(), f'{name}: smtpd is running')
    tap.same(lab.mta.panics(), '', f'{name}: no process of it has died')


def all_arrive(lab, messages, name, seconds=180):
    """One assertion: each exactly once, after more attempts if need be."""
    tags = sorted(message.tag for message in messages)

    def arrived():
        return sorted(entry['tag'] for entry in lab.mx.messages()
                      if entry['tag'] in tags)
    deadline = time.monotonic() + seconds
    while not tap.until(lambda: len(arrived()) >= len(tags), 3, 0.2) and \
            time.monotonic() < deadline:
        lab.mta.run_queue()
    found = arrived()
    if not tap.same(found, tags, name):
        missing = sorted(set(tags) - set(found))
        tap.diag(f'{len(missing)} did not arrive, {" ".join(missing[:20])}; '
                 f'queue: {lab.mta.ctl("show", "queue")[:4000]}')
