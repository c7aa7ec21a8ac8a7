# SPDX-License-Identifier: ISC
"""The rows of scenarios-tlsrpt.tsv through OpenSMTPD.

Not there: DANE, callouts, TLS-Required (a report is what the sender of reports
sends); one MX host an attempt; a common name is accepted.  A probe is a
session at an MX host, but none of smtpd's: the host knows it by its EHLO.
"""
import re
import time

from labkit import opensmtpd_lab, tap, tlsrpt

REPORTS = 'tlsrpt@sender.test'
PROBE = 'mail.sender.test'  # this machine's name; smtpd's is another
COMMENT = '# match from local mail-from'
REUSED = 3
ATTEMPTS = 2


def load(version):
    """Rows that say something to this MTA, and what is different there."""
    rows = [row for row in tlsrpt.load()
            if row.send != 'callout' and row.type != 'tlsa' and
            'tlsa' not in row.mx and
            # 6.8.0p2 may crash of it.
            not ('injected' in row.mx and version == '6.8')]
    for row in rows:
        row.domain = row.ascii_domain  # no SMTPUTF8
        row.expected = _expected(row)
    return rows


def _expected(row):
    if row.policy == 'enforce' and 'cnonly' in row.mx:
        # smtpd verifies a common name where there is no other.
        return ['sts:success']
    if '/canonical' in row.mx:
        # The name before CNAME is the host's, and what is verified.
        return ['sts:' + tlsrpt.NAME]
    if row.name == 'reused-by-two-other':
        # A relay of its own for each domain, and so a connection.
        return ['no-policy-found:success']
    return row.expected


def _mx_names(rows):
    """Before CNAME, by the name after it: routes have MX records' names."""
    return {target.lower(): name for row in rows for name, target in
            re.findall('[0-9]+:([^>= ]+)>([^>= ]+)', row.mx)}


def with_reports(body):
    """The example's rule for our own reports is no comment any more."""
    assert COMMENT in body
    return body.replace(COMMENT, COMMENT[2:])


def due(rows, sessions):
    expected = tlsrpt.due(rows, [session for session in sessions
                                 if session.get('helo') != PROBE])
    # What has no session fails once an attempt.
    expected += [one for one in expected if not one.session] * (ATTEMPTS - 1)
    names = _mx_names(rows)
    changed = {row.domain: row.expected[0] for row in rows
               if 'cnonly' in row.mx or '/canonical' in row.mx}
    for one in expected:
        if one.session:
            one.hosts = [names.get(host, host) for host in one.hosts]
            one.what = changed.get(one.domain, one.what)
    return expected


def _first(lab, rows):
    """Returns the reports among the messages."""
    reports = []
    domains = {row.name: row.domain for row in rows}
    for row in rows:
        rcpts = [f'bob@{row.domain}']
        if row.send.startswith('nothing'):
            continue
        if row.send.startswith(('with=', 'reuse=')):
            other = domains[row.send.partition('=')[2]]
            rcpts.append(f'bob@{other}')
        if row.send == 'report':
            reports.append(lab.send(*rcpts, sender=REPORTS))
        else:
            lab.send(*rcpts)
    return reports


def _over(lab):
    """Waits until smtpd has closed all connections, idle ones too."""
    for _ in range(2):
        time.sleep(2)
        tap.until(lab.mx.all_over, 25, 0.2)


def send(lab, rows):
    """Each row's mail, and all that waits then once more."""
    reports = _first(lab, rows)
    _over(lab)
    for report in reports:
        lab.expect_delivered(report, 'reports leave, though TLS fails where '
                             'the policy enforces it')
    for row in rows:
        for _ in range(REUSED if row.send.startswith('reuse') else 0):
            lab.send(f'bob@{row.domain}')
    lab.mta.resume_routes()
    lab.mta.ctl('schedule', 'all')
    _over(lab)


def _wrong(lab, rows):
    return tlsrpt.join(due(rows, lab.mx.sessions()), tlsrpt.outcomes())


def compare(lab, rows):
    # Sessions wait a moment for probes.
    tap.until(lambda: not _wrong(lab, rows), 15, 0.5)
    sessions = lab.mx.sessions()
    expected = due(rows, sessions)
    tap.same(_wrong(lab, rows), [],
             f'OpenSMTPD {lab.mta.version}: {len(expected)} sessions that '
             f'count, of {len(sessions)}, are what was written down')
    counts = {one.domain for one in expected}
    tap.same([row.name for row in rows
              if bool(row.expected) != (row.domain in counts)], [],
             'those that count are the ones of the table')
    tap.ok(any(session.get('messages') == REUSED for session in sessions),
           f'one connection carried {REUSED} messages')


def check(version):
    rows = load(version)
    with opensmtpd_lab.running(version, edit=with_reports) as lab:
        lab.mta.stop()
        for row in rows:
            tlsrpt.arrange(lab, row)
        lab.dns.commit()
        lab.configure(report_from=REPORTS, **tlsrpt.SETTINGS)
        lab.mta.start()
        send(lab, rows)
        compare(lab, rows)
        tap.same(lab.mta.panics(), '', 'nothing died')
