# SPDX-License-Identifier: ISC
"""The rows of scenarios-tlsrpt.tsv through Exim."""
import copy
import pathlib
import re
import shutil

from labkit import inbound, sabotage, scenarios, tap, tlsrpt
from labkit.exim import Exim
from labkit.lab import SENDER, Lab, Message

REUSED = 4
CALL = '${dlfunc{MTA_STS_SO}{mta_sts_event}'
RELAY = re.compile(r'^  require\s+(?:message = relay not permitted\s+)?'
                   r'domains\s*= \+local_domains : \+relay_to_domains', re.M)
CALLOUT = '  deny !verify = recipient/callout=6s,no_cache\n\n'


def with_callouts(text):
    """Strangers' recipients are verified by asking the MX host."""
    assert RELAY.search(text)
    return RELAY.sub(lambda found: CALLOUT + found[0], text, count=1)


def with_dane_required(text):
    """One host must have DANE, as an operator may want it."""
    return re.sub(r'^  hosts_try_dane = .*\n',
                  r'\g<0>  hosts_require_dane = mx.dareq.test\n', text,
                  flags=re.M)


def _text(lab, tag, rcpt):
    return 'TLS-Required: No\n' + lab.text(tag, [rcpt])


def _report(lab, rcpt):
    """A mail that TLS need not protect (RFC 8689 5)."""
    tag = lab._tag()
    return Message(tag, lab.mta.submit(SENDER, [rcpt], _text(lab, tag, rcpt)),
                   [rcpt])


def _callout(sender, rcpt):
    """Refused, whatever the MX host says: no relay."""
    replies = inbound.deliver(sender, rcpt, '')
    assert replies['rcpt'] >= 400, replies


def _reuse(lab, *domains):
    """Messages that Exim knows to wait for one host; the first is released,
    and takes the others along."""
    messages = []
    for number in range(REUSED):
        tag, rcpt = lab._tag(), f'bob@{domains[number % len(domains)]}'
        id_ = lab.mta.submit_local(SENDER, [rcpt], lab.text(tag, [rcpt]),
                                   '-odqs')
        messages.append(Message(tag, id_, [rcpt]))
    lab.mta.release([messages[0].id])
    tap.until(lambda: not lab.mta.children(), 20)
    # Where a connection is not used again, they are left.
    lab.mta.release([message.id for message in messages[1:]])
    return messages


def _domains(rows):
    return {row.name: row.domain for row in rows}


def _first(lab, rows):
    """What is sent at once; returns the messages."""
    domains, sent = _domains(rows), []
    for row in rows:
        rcpt = f'bob@{row.domain}'
        if row.send in ('-', 'unasked', 'twice'):
            sent.append(lab.send(rcpt))
        elif row.send == 'report':
            sent.append(_report(lab, rcpt))
        elif row.send.startswith('with='):
            sent.append(lab.send(rcpt, f'bob@{domains[row.send[5:]]}'))
    return sent


def send(lab, rows):
    """Sends what the rows say, to the end of all of it."""
    domains = _domains(rows)
    lab.settle(_first(lab, rows))
    again = [lab.send(f'bob@{row.domain}') for row in rows
             if row.send == 'twice']
    for row in rows:
        if row.send == 'callout':
            _callout(f'eve@{rows[0].domain}', f'bob@{row.domain}')
    lab.settle(again)
    lab.mta.empty_queue()
    for row in rows:
        if row.send.startswith('reuse'):
            others = [domains[name] for name in row.send.split('=')[1:]]
            lab.settle(_reuse(lab, row.domain, *others))


def run(lab, rows):
    """Arranges and sends; the AD bit counts, for DANE."""
    for row in rows:
        tlsrpt.arrange(lab, row)
    lab.dns.commit()
    lab.configure(**tlsrpt.SETTINGS)
    with scenarios.setup(lab, 'trust-ad'):
        lab.mta.restart()
        send(lab, rows)
    tap.until(lambda: lab.mx.all_over() and not lab.mta.children(), 20)


# The obvious rule, which the comparison has to find wrong

def _call(text, start):
    """The expansion that begins there."""
    depth = 0
    for end in range(start + 1, len(text)):
        depth += {'{': 1, '}': -1}.get(text[end], 0)
        if depth == 0:
            return text[start:end + 1]
    raise ValueError(text[start:])


class Naive:
    """objects/naive.c, which is called with the same events behind ours."""

    def __init__(self):
        self.directory = pathlib.Path('/run/lab/home/naive')
        self.directory.mkdir()
        file = self.directory / '2026-01-01'
        file.touch()
        shutil.chown(file, 'Debian-exim')
        self.object = sabotage.object_file('naive', f'FILE_NAME="{file}"')

    def beside(self, text):
        starts = re.finditer(re.escape(CALL), text)
        calls = {_call(text, found.start()) for found in starts}
        assert calls
        for call in calls:
            text = text.replace(call, call + call.replace('MTA_STS_SO',
                                                          self.object))
        return text

    def outcomes(self):
        return tlsrpt.outcomes(self.directory)


# The test

def _check_rows(rows, due, written):
    """One assertion a row: each session once, and as it was."""
    for row in rows:
        of_row = [one for one in due if one.domain == row.ascii_domain]
        wrong = tlsrpt.join(of_row, [outcome for outcome in written
                                     if outcome.domain ==
                                     row.ascii_domain])
        if not tap.ok(not wrong, f'{row.name}: {", ".join(row.expected)} '
                      f'({row.policy_text}; {row.what})'):
            tap.diag('\n'.join(wrong))
    tap.same([wrong for wrong in tlsrpt.join(due, written)], [],
             f'{len(due)} sessions, {len(written)} outcomes: one to one')


def _coarse(sessions):
    """No more than success or failure, which is all that the rule knows."""
    found = [copy.copy(one) for one in sessions]
    for one in found:
        kind, result = one.what.split(':')[:2]
        one.what = f'{kind}:{result == "success"}'
    return found


def _check_comparison(due, written, naive):
    """That it would have found a fault."""
    spoilt = copy.copy(written[0])
    spoilt.what = 'sts:validation-failure'
    moved = copy.copy(written[0])
    moved.domain = written[1].domain
    for name, others in (('missing', written[1:]),
                         ('twice', written + written[:1]),
                         ('of another result', [spoilt] + written[1:]),
                         ('of another domain', [moved] + written[1:])):
        tap.ok(tlsrpt.join(due, others), f'noticed: an outcome is {name}')
    wrong = tlsrpt.join(_coarse(due), _coarse(naive.outcomes()))
    tap.ok(10 <= len(wrong) < len(due), 'noticed: the obvious rule is wrong '
           f'{len(wrong)} times about {len(due)} sessions')


def _check_reports(due):
    """The same sessions, a day later."""
    tlsrpt.make_yesterday()
    found = tlsrpt.reports()
    counts = tlsrpt.counted_in_reports(found)
    tap.same(counts, tlsrpt.counted(due),
             f'{len(found)} reports have these sessions, and no others')
    results = {what.split(':')[1] for of_domain in counts.values()
               for what in of_domain}
    for result in tlsrpt.RESULTS:
        tap.ok(result in results, f'{result}: of a real host, in a report')


def check(flavour):
    """All of it with one configuration."""
    lab, naive, rows = Lab(Exim(flavour)), Naive(), tlsrpt.load()
    lab.edit = lambda text: naive.beside(
        with_dane_required(with_callouts(text)))
    lab.reconfigure()
    run(lab, rows)
    sessions = lab.mx.sessions()
    tap.same(tlsrpt.check_table(rows, sessions), [],
             f'the MX hosts saw {len(sessions)} connections, as in the table')
    tap.ok(any(session['messages'] == REUSED for session in sessions
               if session['what'] == 'tls'),
           f'one of them carried {REUSED} messages')
    due, written = tlsrpt.due(rows, sessions), tlsrpt.outcomes()
    _check_rows(rows, due, written)
    _check_comparison(due, written, naive)
    _check_reports(due)
    tap.same(lab.mta.panics(), '', 'nothing in the panic log')
    return lab
