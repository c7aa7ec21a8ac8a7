# SPDX-License-Identifier: ISC
"""smtpd's log: what it says of each recipient of each message."""
import pathlib
import re

DELIVERY = re.compile(
    r'\w{16} (?:mta|mda) delivery evpid=(?P<envelope>\w{16}) (?P<rest>.*)')
# The table had no host: an attempt that never reached a delivery's log line.
NO_HOST = re.compile(
    r'warn: Failed to retrieve smarthost for envelope (?P<envelope>\w+)')
# The table's reason, which comes before it, written by another process, so in
# the same order: in 6.8 its own line, in 7.x smtpd's.
WHY = re.compile(r'event=relayhost reason=(\w+)|lookup failed: (\w+)')
ENVELOPE = re.compile(
    r' smtp envelope evpid=(\w{16}) from=<[^>]*> to=<([^>]*)>')
ACCEPTED = re.compile(r' smtp message msgid=(\w{8}) ')
CONNECTING = re.compile(r'(\w{16}) mta connecting address=[^/]*//(\S+):\d+ ')
ERROR = re.compile(r'(\w{16}) mta (?:error reason=(.*)|(ssl_check_name: .*))')
FLAGS = {'Ok': '=>', 'TempFail': '==', 'PermFail': '**', 'Loop': '**'}


class Delivery:
    """One attempt at one recipient; flags as Exim's log has them."""

    def __init__(self, envelope, address, result, reason, relay=''):
        self.envelope = envelope
        self.address = address.lower()
        self.result = result
        self.flag = FLAGS.get(result, '??')
        self.reason = reason
        self.relay = relay
        self.no_host = not relay and result == 'TempFail'


def _delivery(match):
    fields = dict(re.findall(r'(\w+)=("[^"]*"|<[^>]*>|\S*)', match['rest']))
    return Delivery(match['envelope'], fields.get('to', '').strip('<>'),
                    fields.get('result', '').strip('"'),
                    re.sub(r'.*stat="(.*)".*', r'\1', match['rest']),
                    fields.get('relay', '').strip('"'))


class Log:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def text(self, mark=0):
        try:
            with open(self.path, encoding='utf-8', errors='replace') as file:
                file.seek(mark)
                return file.read()
        except FileNotFoundError:
            return ''

    def size(self):
        """A mark for the others."""
        return self.path.stat().st_size if self.path.exists() else 0

    def clear(self):
        self.path.unlink(missing_ok=True)

    def attempts(self, mark=0):
        addresses = dict(ENVELOPE.findall(self.text()))
        found, reasons = [], []
        before = self.text().count('\n') - self.text(mark).count('\n')
        for number, line in enumerate(self.text().split('\n')):
            delivery, why = DELIVERY.match(line), WHY.search(line)
            no_host = NO_HOST.match(line)
            attempt = None
            if delivery:
                attempt = _delivery(delivery)
            elif why:
                reasons.append(why[1] or why[2])
            elif no_host:
                envelope = no_host['envelope'].rjust(16, '0')
                reason = reasons.pop(0) if reasons else ''
                attempt = Delivery(
                    envelope, addresses.get(envelope, ''), 'TempFail',
                    f'Cannot retrieve smarthost: {reason}')
            if attempt and number >= before:
                found.append(attempt)
        return found

    def deliveries(self, message_id):
        return [entry for entry in self.attempts()
                if entry.envelope.startswith(message_id)]

    def tried(self, mark):
        """Envelopes that were."""
        return {entry.envelope for entry in self.attempts(mark)}

    def accepted(self, mark):
        """Messages that were taken."""
        return ACCEPTED.findall(self.text(mark))

    def errors(self, address):
        """Of outgoing sessions to this address, in order."""
        text = self.text()
        sessions = {session for session, where in CONNECTING.findall(text)
                    if where.strip('[]') == address}
        return [reason or check for session, reason, check in
                ERROR.findall(text) if session in sessions]

    def bounces(self):
        return [line for line in self.text().splitlines()
                if re.search(r'result="(?:PermFail|Loop)"', line)]
