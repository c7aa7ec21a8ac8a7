# SPDX-License-Identifier: ISC
"""The world as a test sees it."""
import itertools
import os
import pathlib
import re
import subprocess
import time

from labkit import paths, tap
from labkit.exim import Exim
from labkit.net import Dns, MxHosts, Policies

SENDER = 'alice@mail.sender.test'
_numbers = itertools.count(1)


class Message:
    def __init__(self, tag, id_, rcpts):
        self.tag = tag
        self.id = id_
        self.rcpts = [rcpt.lower() for rcpt in rcpts]


class Outcome:
    """Of one recipient: verdict is delivered, deferred, bounced or lost.

    delivered: an MX host has it, and the MTA's log says so.  deferred: it is
    in the queue, and no host anywhere has it.
    """

    def __init__(self, verdict, reason, arrived):
        self.verdict = verdict
        self.reason = reason
        self.arrived = arrived  # log entries of MX hosts
        self.tls = bool(arrived) and all(entry['tls'] for entry in arrived)
        self.host = arrived[0]['name'] if arrived else None


class Lab:
    def __init__(self, mta=None):
        self.dns = Dns()
        self.policies = Policies(self.dns)
        self.mx = MxHosts(self.dns)
        self.mta = mta or Exim()
        self.macros = {}
        self.edit = None

    # Arranging

    def domain(self, name, mode=None, patterns=None, mx=(), **policy):
        """A domain with MX hosts (name, or (name, what, certificate)) and,
        with a mode, a policy: its patterns are the hosts unless given."""
        names = []
        for number, host in enumerate(mx, 1):
            host = (host,) if isinstance(host, str) else host
            self.mx.add(*host)
            names.append(host[0])
            if number == 1:
                records = []
            records.append(f'{number * 10} {host[0]}.')
        if names:
            self.dns.set(name, 'MX', *records)
        if mode:
            self.policies.publish(
                name, mode, names if patterns is None else patterns, **policy)
        return name

    def configure(self, **settings):
        """Lines of mta-sts.conf; _ stands for -."""
        lines = {'allow-private': 'yes'}
        lines.update({key.replace('_', '-'): value
                      for key, value in settings.items()})
        pathlib.Path(paths.CONFIG).write_text(
            ''.join(f'{key} {value}\n' for key, value in lines.items()
                    if value is not None))

    def reconfigure(self, **macros):
        """The MTA's configuration: self.macros, self.edit, and `macros`;
        faults come back to it."""
        self.mta.configure(macros={**self.macros, **macros}, edit=self.edit)
        if self.mta.daemon_pid():
            self.mta.restart()

    def forget(self, domain=None):
        """Empties the store, or drops one domain."""
        if domain is None:
            subprocess.run(['find', paths.STATE, '-mindepth', '1', '-delete'],
                           check=True)
            return
        for path in pathlib.Path(paths.STATE).glob(f'*/*/{domain}'):
            path.unlink()

    @staticmethod
    def _help_age(*argv):
        done = subprocess.run(
            ['/run/lab/build/tests/help_age', paths.STATE,
             *map(str, argv)], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout)

    def age(self, domain, seconds):
        """Moves an entry's times into the past, whatever kind it is."""
        self._help_age(domain, seconds)

    def set_field(self, domain, field, value):
        """A time of a policy entry, as help_age names it."""
        self._help_age(domain, 'set', field, value)

    # Sending

    @staticmethod
    def _tag():
        """By which a message is known at the other end."""
        return f't{os.getpid()}-{next(_numbers)}'

    @staticmethod
    def text(tag, rcpts, subject='test', sender=SENDER):
        folded = ',\n '.join(rcpts)
        return (f'From: <{sender}>\nTo: {folded}\n'
                f'Subject: {subject}\nX-Lab-Tag: {tag}\n'
                f'Message-ID: <{tag}@lab.test>\n\nHello.\n')

    def send(self, *rcpts, sender=SENDER):
        """Hands a message to the MTA, which begins to deliver at once."""
        tag = self._tag()
        id_ = self.mta.submit(sender, rcpts, self.text(tag, rcpts))
        return Message(tag, id_, rcpts)

    def send_queued(self, *rcpts, sender=SENDER):
        """A message that waits for a queue run."""
        tag = self._tag()
        id_ = self.mta.submit_queued(sender, rcpts, self.text(tag, rcpts))
        return Message(tag, id_, rcpts)

    def settle(self, messages, seconds=90):
        """Waits until every recipient of the messages has been tried."""
        def settled():
            log = self.mta.log()
            return all(self._tried(log, message) for message in messages)
        return tap.until(settled, seconds, 0.1)

    @staticmethod
    def _tried(log, message):
        if f'{message.id} Completed' in log:
            return True
        lines = [line.lower() for line in log.splitlines()
                 if message.id in line and
                 re.search(r' (?:==|=>|->|\*\*) ', line)]
        return all(any(rcpt in line for line in lines)
                   for rcpt in message.rcpts)

    # Looking

    def outcome(self, message, rcpt=None):
        """What became of a recipient (the first, unless named)."""
        rcpt = (rcpt or message.rcpts[0]).lower()
        seen = [entry for entry in self.mta.deliveries(message.id)
                if entry.address == rcpt]
        last = seen[-1] if seen else None
        arrived = [entry for entry in self.mx.messages(message.tag)
                   if rcpt in [name.lower() for name in entry['rcpts']]
                   or not rcpt.isascii()]
        queued = rcpt in self.mta.queue().get(message.id, [])
        # A queue run that comes too early says nothing of the cause.
        tried = [entry for entry in seen
                 if 'retry time not reached' not in entry.reason] or seen
        reason = tried[-1].reason if tried else 'nothing in the log'
        flag = last.flag if last else None
        if flag == '**':
            verdict = 'bounced'
        elif flag in ('=>', '->') and arrived and not queued:
            verdict = 'delivered'
        elif flag == '==' and queued and not arrived:
            verdict = 'deferred'
        elif arrived:
            verdict = 'arrived and queued'
        else:
            verdict = 'lost' if not queued else 'waiting'
        return Outcome(verdict, reason, arrived)

    def expect_delivered(self, message, name, rcpt=None, tls=None, host=None):
        """One assertion: delivered, over TLS or not, to that host."""
        self.settle([message])
        out = self.outcome(message, rcpt)
        good = out.verdict == 'delivered' and \
            (tls is None or out.tls == tls) and \
            (host is None or (out.host or '').lower() == host.lower())
        if not tap.ok(good, name):
            tap.diag(f'{out.verdict}, host {out.host}, TLS {out.tls}: '
                     f'{out.reason}')
        return out

    def expect_deferred(self, message, pattern, name, rcpt=None):
        """One assertion: in the queue, nowhere else, with that reason."""
        self.settle([message])
        out = self.outcome(message, rcpt)
        good = out.verdict == 'deferred' and re.search(pattern, out.reason)
        if not tap.ok(good, name):
            tap.diag(f'{out.verdict}, host {out.host}: {out.reason}')
            tap.diag(f'expected: {pattern}')
        return out

    def txt_queries(self, domain, since=0):
        return len(self.dns.queries(f'_mta-sts.{domain}', 'TXT', since))

    def policy_requests(self, domain, since=0):
        return len(self.policies.requests(domain, since))

    @staticmethod
    def now():
        """A mark for `since`: servers' logs carry the same clock."""
        time.sleep(0.01)
        return time.time()
