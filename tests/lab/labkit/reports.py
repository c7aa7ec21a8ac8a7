# SPDX-License-Identifier: ISC
"""TLS reports at their destinations: a collector for https, mails in a mailbox,
and whether what came is a report as RFC 8460 4.4 has it."""
import base64
import email
import email.policy
import gzip
import json
import socket
import subprocess
import sys

from labkit import certs, paths
from labkit.net import read_log, replace
from labkit.tap import until

sys.path.append(str(paths.LAB / 'src/tests/unit/lib'))
import inject_schema  # noqa: E402

COLLECTOR = '198.51.100.84'


def faults(report):
    """What the schema of tests/unit finds wrong, in words; [] for a report."""
    return list(inject_schema.faults(report))


def counted(report):
    """Sessions that succeeded and failed, and the failures' result types."""
    sums = [policy['summary'] for policy in report['policies']]
    return (sum(one['total-successful-session-count'] for one in sums),
            sum(one['total-failure-session-count'] for one in sums),
            sorted({failure['result-type'] for policy in report['policies']
                    for failure in policy['failure-details']}))


class Mail:
    """One that came, with the report in it."""

    def __init__(self, text):
        self.mail = email.message_from_string(text, policy=email.policy.SMTP)
        parts = [part for part in self.mail.walk() if
                 part.get_content_type() == 'application/tlsrpt+gzip']
        self.file = parts[0].get_filename() if parts else None
        self.packed = parts[0].get_content() if parts else b''
        self.report = json.loads(gzip.decompress(self.packed)) \
            if parts else None

    def __getitem__(self, name):
        return self.mail[name]


class Post:
    """A request at the collector."""

    def __init__(self, entry):
        self.method = entry['method']
        self.path = entry['path']
        self.host = entry['host']
        self.type = entry['type']
        self.encoding = entry['encoding']
        self.packed = base64.b64decode(entry['body'])
        self.report = json.loads(gzip.decompress(self.packed)) \
            if self.packed else None


class Collector:
    """One a world."""

    def __init__(self, lab, name='collector.test', kind='good'):
        certificate = paths.CERTS / 'collector.pem'
        certs.issue(certificate, [name], kind)
        self.behave({})
        lab.dns.set(name, 'A', COLLECTOR)
        inside = paths.INSIDE.read_text().split()
        with open(paths.LOG / 'collector.err', 'ab') as err:
            self.process = subprocess.Popen(
                inside + ['/usr/bin/python3', '-B', '/run/lab/src/tests/lab/'
                          'servers/collector.py', str(certificate)],
                stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        if not until(self._is_up, 15):
            raise RuntimeError('the collector does not listen')

    @staticmethod
    def _is_up():
        try:
            socket.create_connection((COLLECTOR, 443), 2).close()
            return True
        except OSError:
            return False

    @staticmethod
    def behave(rules):
        """By path, as in servers/collector.py."""
        replace(paths.CONF / 'collector.json', json.dumps(rules))

    @staticmethod
    def posts(since=0):
        return [Post(entry) for entry in read_log('collector.log', since)
                if entry['method']]


def send(*options):
    """`report send`; exit status, and the lines that it printed."""
    done = subprocess.run([paths.COMMAND, 'report', 'send', *options],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout.splitlines()
