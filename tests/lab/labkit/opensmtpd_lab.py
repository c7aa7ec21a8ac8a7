# SPDX-License-Identifier: ISC
"""The world with OpenSMTPD in it, and what differs from Exim there."""
import contextlib
import csv
import pathlib
import re
import subprocess
import zlib

from labkit import paths, scenarios, tap
from labkit.lab import SENDER, Lab, Message, Outcome
from labkit.opensmtpd import OpenSmtpd, Refused


def versions():
    """Both; where packages are tried, the one that is installed, if any: 6.8, or
    7.6, which stands for 7.4 and all later ones."""
    if not paths.PACKAGED:
        return ('6.8', '7.6')
    done = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Version}', 'opensmtpd'], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if not done.stdout:
        return ()
    return ('6.8',) if done.stdout.startswith('6.') else ('7.6',)


VERSIONS = versions()
NO_FAULTS = ('-', 'trust-ad')
TABLE = pathlib.Path(__file__).parents[1] / 'scenarios-opensmtpd.tsv'


def _age_routes(path, seconds):
    """Moves the times of a file of routes into the past."""
    text = re.sub(r'^(recorded|probed): ([1-9][0-9]*)$',
                  lambda match: f'{match[1]}: {int(match[2]) - seconds}',
                  path.read_text(), flags=re.M)
    body = text[:text.rindex('crc32: ')]
    with open(path, 'r+', encoding='ascii') as file:
        file.write(f'{body}crc32: {zlib.crc32(body.encode()):08x}\n')
        file.truncate()


@contextlib.contextmanager
def running(version, users=False, **configure):
    """A lab in which that version runs, from an empty queue, log and store;
    `users`: send_auth is to work."""
    lab = SmtpdLab(version)
    lab.dns.commit()
    lab.configure()
    if users:
        configure['edit'] = lab.mta.serve_users
    lab.mta.configure(**configure)
    lab.mta.start()
    tap.diag(f'OpenSMTPD {version}')
    try:
        yield lab
    finally:
        lab.mta.empty_queue()
        lab.mta.stop()
        lab.forget()
        lab.mta.log_file.clear()


class SmtpdLab(Lab):
    def __init__(self, version):
        super().__init__(OpenSmtpd(version))

    # Sending

    def send(self, *rcpts, sender=SENDER):
        """A message that smtpd does not take is the client's to keep."""
        tag = self._tag()
        try:
            id_ = self.mta.submit(sender, rcpts, self.text(tag, rcpts))
        except Refused as refused:
            message = Message(tag, None, rcpts)
            message.refused = str(refused)
            return message
        return Message(tag, id_, rcpts)

    def send_auth(self, *rcpts, sender=SENDER):
        """From a user, on the submission port."""
        tag = self._tag()
        id_ = self.mta.submit_auth(sender, rcpts, self.text(tag, rcpts))
        return Message(tag, id_, rcpts)

    def sendmail(self, *rcpts, sender=SENDER):
        """From a program on this machine."""
        tag = self._tag()
        id_ = self.mta.submit_local(sender, rcpts, self.text(tag, rcpts))
        return Message(tag, id_, rcpts)

    def send_held(self, *rcpts):
        """A message that is accepted now and tried with the next queue run."""
        self.mta.hold_queue()
        return self.send(*rcpts)

    def settle(self, messages, seconds=120):
        return tap.until(lambda: all(message.id is None or
                                     self.mta.tried(message)
                                     for message in messages), seconds, 0.2)

    @staticmethod
    def age_routes(seconds):
        """When hosts were looked up and probed; smtpd is stopped."""
        for path in pathlib.Path(paths.STATE).glob('routes/*/*'):
            _age_routes(path, seconds)

    def later(self, seconds):
        """As if so much time had passed, with smtpd stopped."""
        self.mta.stop()
        self.age_routes(seconds)
        for domain in {path.name for path in
                       pathlib.Path(paths.STATE).glob('[pc]*/*/*')}:
            self.age(domain, seconds)
        self.mta.start()

    # Looking

    def outcome(self, message, rcpt=None):
        """As for Exim; "refused" is a message that was not taken."""
        if message.id is None:
            arrived = self.mx.messages(message.tag)
            return Outcome('refused' if not arrived else 'arrived',
                           message.refused, arrived)
        out = super().outcome(message, rcpt)
        if out.verdict == 'deferred':
            out.reason = self._detail(message, rcpt or message.rcpts[0],
                                      out.reason)
        return out

    def resolvers(self):
        """Those that the table has started and that are not done."""
        found = []
        for pid, name in self.mta.processes().items():
            with contextlib.suppress(OSError):
                words = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
                if name == 'mta-sts-resolve' and b'--once' in words:
                    found.append(pid)
        return found

    @staticmethod
    def mode(domain):
        """Of the policy that the store has; None: it has none."""
        for path in pathlib.Path(paths.STATE).glob(f'policies/*/{domain}'):
            return re.search(r'^mode: (\w+)', path.read_text(), re.M)[1]
        return None

    @staticmethod
    def _newest(field, domain):
        for path in pathlib.Path(paths.STATE).glob(f'routes/*/{domain}'):
            return max(map(int, re.findall(f'^{field}: ([0-9]+)$',
                                           path.read_text(), re.M)))
        return 0

    def probed(self, domain):
        """When a host of the domain was last probed; 0: never."""
        return self._newest('probed', domain)

    @staticmethod
    def probed_good(domain):
        """Whether a probe found a host of the domain that works."""
        for path in pathlib.Path(paths.STATE).glob(f'routes/*/{domain}'):
            return re.search('^probed: [1-9].*\nprobe: ok$',
                             path.read_text(), re.M) is not None
        return False

    def routed(self, domain):
        """When its policy and then its MX hosts were looked up; 0: never."""
        return self._newest('recorded', domain)

    def _address(self, host):
        """Where an MX host is, through a CNAME."""
        for _ in range(4):
            for kind in ('A', 'AAAA'):
                found = self.dns.records.get((host, kind))
                if found:
                    return found[1][0]
            found = self.dns.records.get((host, 'CNAME'))
            if not found:
                break
            host = found[1][0].rstrip('.').lower()
        return None

    def _detail(self, message, rcpt, reason):
        """smtpd tells the cause of a failed session apart from the delivery
        that it belongs to."""
        last = [entry for entry in self.mta.deliveries(message.id)
                if entry.address == rcpt.lower()][-1]
        address = self._address(last.relay.lower())
        errors = self.mta.log_file.errors(address) if address else []
        return f'{errors[-1]} ({reason})' if errors else reason


class Row(scenarios.Row):
    """A row of scenarios.tsv as it is for OpenSMTPD."""

    def __init__(self, row, fields, version):
        self.__dict__.update(row.__dict__)
        self.difference = fields.get('difference', '-')
        self.expected = fields.get(version, row.expected)
        reasons = fields.get('reason', row.reason).split(' / ')
        self.reason = reasons[0 if version == '6.8' else -1]

    @property
    def good(self):
        if self.expected == 'refused' == self.verdict:
            return self.reason in self.outcome.reason
        return super().good


def _own():
    """What TABLE says, by the scenario's name."""
    with open(TABLE, encoding='utf-8', newline='') as file:
        reader = csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
        return {fields['name']: fields for fields in reader}


def differences():
    """Why a verdict is not Exim's, by the scenario's name."""
    return {name: fields['difference'] for name, fields in _own().items()
            if fields['difference'] != '-'}


def load(version):
    """Rows that say something to this MTA."""
    own = _own()
    rows = [Row(row, own.get(row.name, {}), version)
            for row in scenarios.load()]
    return [row for row in rows if row.expected != '-']


@contextlib.contextmanager
def setup(lab, what):
    """As scenarios.setup.  The configuration is read when smtpd starts its
    programs, so a changed one takes effect with a restart."""
    before = pathlib.Path(paths.CONFIG).read_text()
    with scenarios.setup(lab, what):
        changed = pathlib.Path(paths.CONFIG).read_text() != before
        if changed:
            lab.mta.restart()
        yield
    if changed:
        lab.mta.restart()


def run(lab, rows, progress=lambda text: None):
    """As scenarios.run; a U-label is sent to as an A-label, since smtpd has
    no SMTPUTF8."""
    for row in rows:
        row.domain = row.ascii_domain
        scenarios.arrange(lab, row)
    lab.dns.commit()
    lab.configure()
    # Faults last: for a moment after one nothing is looked up.
    for what in sorted({row.setup for row in rows},
                       key=lambda what: (what not in NO_FAULTS, what)):
        some = [row for row in rows if row.setup == what]
        progress(f'{len(some)} message(s), setup: {what}')
        with setup(lab, what):
            scenarios.send(lab, some)
            scenarios.judge(lab, some)
