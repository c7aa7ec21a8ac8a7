# SPDX-License-Identifier: ISC
"""The rows of scenarios-tlsrpt.tsv through Exim."""
import re

from labkit import inbound, scenarios, tap, tlsrpt
from labkit.lab import SENDER, Message

REUSED = 4
RELAY = re.compile(r'^  require\s+(?:message = relay not permitted\s+)?'
                   r'domains\s*= \+local_domains : \+relay_to_domains', re.M)
CALLOUT = '  deny !verify = recipient/callout=6s,no_cache\n\n'


def with_callouts(text):
    """Strangers' recipients are verified by asking the MX host."""
    assert RELAY.search(text)
    return RELAY.sub(lambda found: CALLOUT + found[0], text, count=1)


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


def _reuse(lab, rcpt):
    """Their host is known to have more than one mail by the second stage."""
    messages = [lab.send_queued(rcpt) for _ in range(REUSED)]
    lab.mta.run('-qqff')
    return messages


def _first(lab, rows):
    """What is sent at once; returns the messages."""
    domains = {row.name: row.domain for row in rows}
    sent = []
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
    lab.settle(_first(lab, rows))
    again = [lab.send(f'bob@{row.domain}') for row in rows
             if row.send == 'twice']
    for row in rows:
        if row.send == 'callout':
            _callout(f'eve@{rows[0].domain}', f'bob@{row.domain}')
    lab.settle(again)
    lab.mta.empty_queue()
    for row in rows:
        if row.send == 'reuse':
            lab.settle(_reuse(lab, f'bob@{row.domain}'))


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
