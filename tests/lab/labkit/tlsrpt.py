# SPDX-License-Identifier: ISC
"""Sessions that TLS reports count: the rows of scenarios-tlsrpt.tsv, what the
MX hosts saw, and what was written down (store/outcomes.h), one to one.

policy, mx: as in labkit/scenarios.py
send:       "-", or what the test does instead of sending one message: twice,
            reuse (four that wait for this host, at once), reuse=ROW (the same,
            every other one to that domain), with=ROW (one for both domains),
            nothing, callout (a stranger's RCPT is verified there), report (a
            mail with TLS-Required: No); unasked: the domain wants no reports
expected:   TYPE:RESULT[:REASON] of each session that counts, with "~" in front
            if it ended before there was a connection; "-": none does

`due` works out the same from what the hosts saw, so that a table and two sorts
of programs have to agree.
"""
import collections
import csv
import datetime
import json
import pathlib
import re
import subprocess
import urllib.parse

from labkit import paths, scenarios

OUTCOMES = pathlib.Path(paths.STATE) / 'outcomes'
TABLE = pathlib.Path(__file__).parents[1] / 'scenarios-tlsrpt.tsv'
SETTINGS = {'organization': 'Lab', 'contact': 'postmaster@sender.test'}
MISMATCH = 'validation-failure:mtasts-policy-mx-mismatch'
FETCH = {'404': 'sts-policy-fetch-error:fetch-http-status',
         'invalid': 'sts-policy-invalid:policy-no-mode',
         'expired': 'sts-webpki-invalid:fetch-cert-expired'}
NAME = 'certificate-host-mismatch:mx-cert-name'
TRUST = 'certificate-not-trusted:mx-cert-untrusted'
CERTIFICATE = {'expired': 'certificate-expired:mx-cert-expired',
               'wrongname': NAME, 'cnonly': NAME, 'partial': NAME,
               'untrusted': TRUST, 'selfsigned': TRUST}
# All that RFC 8460 4.3 has.
RESULTS = ('starttls-not-supported', 'certificate-host-mismatch',
           'certificate-expired', 'certificate-not-trusted',
           'validation-failure', 'tlsa-invalid', 'dnssec-invalid',
           'dane-required', 'sts-policy-fetch-error', 'sts-policy-invalid',
           'sts-webpki-invalid')
# Before these no session has begun, as Postfix counts them; and this is the
# second half of one that failed.
UNCOUNTED = ('refused', 'no-greeting', 'greeting-refused', 'no-ehlo',
             'starttls-unused')
TLS_FAILURES = {'no-starttls': 'starttls-not-supported:mx-no-starttls',
                'starttls-rejected': 'validation-failure:starttls-rejected',
                'handshake-cut': 'validation-failure:handshake'}


class Row(scenarios.Row):
    def __init__(self, fields):
        super().__init__({**fields, 'setup': '-', 'reason': ''})
        self.send = fields['send'].partition(',')[0]
        self.asked = 'unasked' not in fields['send'].split(',')
        self.expected = [] if fields['expected'] == '-' \
            else fields['expected'].split(' ')

    @property
    def hosts(self):
        """As Exim names them: after CNAME."""
        return [re.match('[0-9]+:(?:[^>=]+>)?([^>=]+)', spec)[1].lower()
                for spec in self.mx.split(' ')]

    @property
    def counted(self):
        return self.asked and self.send not in ('callout', 'report')

    @property
    def type(self):
        if 'tlsa' in self.mx or 'dane-required' in self.name:
            return 'tlsa'
        return self.type_without_dane

    @property
    def type_without_dane(self):
        mode = self.policy.partition(':')[0]
        return 'no-policy-found' if mode in ('-', 'none') else 'sts'

    def permits(self, host):
        """Whether the policy does, where it has patterns of its own."""
        patterns = self.policy.partition(':')[2]
        return not patterns or any(
            host == pattern or pattern.startswith('*.') and
            host.partition('.')[2] == pattern[2:]
            for pattern in patterns.split(','))


def load():
    with open(TABLE, encoding='utf-8', newline='') as file:
        reader = csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
        return [Row(fields) for fields in reader]


def arrange(lab, row):
    """Domain, hosts, policy, and the record of a domain that wants reports."""
    scenarios.arrange(lab, row)
    if row.asked:
        lab.dns.set(f'_smtp._tls.{row.ascii_domain}', 'TXT',
                    f'"v=TLSRPTv1; rua=mailto:reports@{row.ascii_domain}"')


class Due:
    """What a session should have been written down as."""

    def __init__(self, row, what, session):
        self.domain = row.ascii_domain
        self.what = what
        self.hosts = [session['name'].lower()] if session else row.hosts
        self.address = session['ip'] if session else None
        self.session = session

    def _is_place(self, outcome):
        """An MX host that was not reached may be named all the same."""
        return outcome.host in self.hosts and \
            self.address in (None, outcome.address)

    def matches(self, outcome):
        if outcome.domain != self.domain or outcome.what != self.what or \
                not self._is_place(outcome):
            return False
        # The client knows of a connection before this side accepts it.
        return not self.session or \
            self.session['began'] - 1.5 < outcome.time <= self.session['t'] + 2

    def __str__(self):
        return f'{self.domain} {self.what} {self.hosts} [{self.address}]'


class Outcome:
    """A line of the store's files; `what` as in the table."""

    def __init__(self, fields):
        fields = [urllib.parse.unquote(field) if field != '-' else ''
                  for field in fields]
        (self.time, self.domain, self.type, self.fetched, self.result,
         self.host, self.address, self.source, self.helo, self.reason,
         self.additional) = fields
        self.time = int(self.time)
        self.host = self.host.lower()
        self.what = ':'.join(filter(None, (self.type, self.result,
                                           self.reason)))

    def __str__(self):
        return f'{self.domain} {self.what} {self.host} [{self.address}]'


def outcomes(directory=OUTCOMES):
    """All that was written down of sessions, in order."""
    found = []
    for path in sorted(directory.glob('????-??-??')):
        for line in path.read_text(encoding='latin-1').splitlines():
            fields = line.split(' ')
            if fields[0] == '1' and fields[-1] == '.' and len(fields) == 13:
                found.append(Outcome(fields[1:-1]))
    # A policy that could not be fetched is no session, unless it has a host.
    return [outcome for outcome in found
            if outcome.host or not outcome.result.startswith('sts-')]


def _by_certificate(row, session):
    """The result once a certificate was presented."""
    if row.type == 'no-policy-found':
        return 'success'
    if row.type == 'tlsa':
        return 'tlsa-invalid:dane' if 'badtlsa' in row.mx else 'success'
    return CERTIFICATE.get(session['certificate'], 'success')


def _type(row, session):
    """A limit: before a handshake begins Exim does not say that DANE is in
    force, unless STARTTLS is missing or refused for good."""
    if row.type == 'tlsa' and session['do'].startswith('starttls4'):
        return row.type_without_dane
    return row.type


def _result(row, session):
    if row.policy.startswith('host='):
        return FETCH[row.policy[5:]]
    what = session['what']
    # A limit: Exim has only the name after CNAME.  Where the certificate does
    # not have the one before, that is not in the policy.
    if not row.permits(session['name'].lower()) or '/canonical' in row.mx:
        return MISMATCH
    if what == 'tls' or what == 'handshake-failed' and session['certificate']:
        return _by_certificate(row, session)
    if row.type == 'tlsa' and what == 'no-starttls':
        return 'starttls-not-supported:dane'
    return TLS_FAILURES.get(what, 'validation-failure:handshake')


def due(rows, sessions):
    """What these sessions should have been written down as, by themselves;
    and those without a connection, which nothing but the table tells."""
    found = [Due(row, what[1:], None) for row in rows
             for what in row.expected if what.startswith('~')]
    for session in sessions:
        if session['what'] in UNCOUNTED:
            continue
        host = session['name'].lower()
        of_host = {row.ascii_domain: row for row in rows if host in row.hosts}
        # That of the first RCPT, if there was one: later messages may be for
        # other domains.
        first = [name.encode('idna').decode() for name in session['domains']]
        row = of_host[(first or list(of_host))[0]]
        if row.counted:
            found.append(Due(row, f'{_type(row, session)}:'
                             f'{_result(row, session)}', session))
    return found


def join(expected, written):
    """Each session to a line of its own; returns what is wrong, in words."""
    left, wrong = list(written), []
    for one in expected:
        match = next((outcome for outcome in left if one.matches(outcome)),
                     None)
        if match:
            left.remove(match)
            continue
        # The same session, written down as something else?
        other = next((outcome for outcome in left
                      if outcome.domain == one.domain and
                      one.address in (None, outcome.address)), None)
        if other:
            left.remove(other)
        wrong.append(f'{one}: ' + (f'is {other}' if other else 'missing'))
    return wrong + [f'{outcome}: no such session' for outcome in left]


def check_table(rows, sessions):
    """That the hosts saw what the table is about; returns what differs.
    How many sessions alike four messages need is the MTA's choice."""
    expected, wrong = due(rows, sessions), []
    names = {(session['name'] or '').lower() for session in sessions}
    for row in rows:
        named = sorted(what.lstrip('~') for what in row.expected)
        seen = sorted(one.what for one in expected
                      if one.domain == row.ascii_domain)
        if row.send == 'reuse':
            seen = sorted(set(seen))
        if seen != named:
            wrong.append(f'{row.name}: {seen}, not {named}')
        if row.send in ('callout', 'report') and not names & set(row.hosts):
            wrong.append(f'{row.name}: no session')
    return wrong


# The same in reports

def make_yesterday():
    """Moves all that was written down to the day before."""
    for path in sorted(OUTCOMES.glob('????-??-??')):
        day = datetime.date.fromisoformat(path.name)
        text = re.sub(r'^([1P]) ([0-9]+)',
                      lambda found: f'{found[1]} {int(found[2]) - 86400}',
                      path.read_text(encoding='ascii'), flags=re.M)
        path.write_text(text, encoding='ascii')
        path.rename(path.with_name(str(day - datetime.timedelta(days=1))))


def reports():
    """What `report send` would send, by the domain of the destination."""
    done = subprocess.run([paths.COMMAND, 'report', 'send', '--now',
                           '--dry-run', '--json'], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        one = json.loads(line)
        for uri in one['destinations']:
            found[uri.rpartition('@')[2]].append(one['report'])
    return found


def counted(sessions):
    """How many sessions of each domain ended how, as in the table."""
    counts = collections.defaultdict(collections.Counter)
    for one in sessions:
        counts[one.domain][one.what] += 1
    return counts


def counted_in_reports(found):
    counts = collections.defaultdict(collections.Counter)
    for domain, reports_of in found.items():
        for policy in (policy for report in reports_of
                       for policy in report['policies']):
            kind = policy['policy']['policy-type']
            counts[domain][f'{kind}:success'] += \
                policy['summary']['total-successful-session-count']
            for one in policy['failure-details']:
                what = [kind, one['result-type'],
                        one.get('failure-reason-code')]
                counts[domain][':'.join(filter(None, what))] += \
                    one['failed-session-count']
    return {domain: +of_domain for domain, of_domain in counts.items()}
