# SPDX-License-Identifier: ISC
"""The rows of scenarios.tsv: arranged, sent, judged.

policy: "-", MODE (all its MX hosts), MODE:PATTERN,..., txt=WHAT (the
        query of the record fails so), host=WHAT (404; invalid, a policy that
        is none; expired, its certificate)
mx:     PREFERENCE:NAME[>CNAME TARGET][=WHAT[/CERTIFICATE[+TLSA]]] with WHAT as
        in servers/mx_hosts.py and TLSA one of tlsa, badtlsa, failtlsa (the
        query fails), pkixtlsa (right, but of a usage that is none of DANE's
        for SMTP); or null, none, address, dns=WHAT
setup:  "-", trust-ad, or a name of faults.py; rows with "-" first,
        all at once

Another MTA takes the same rows: it changes what the setups mean to it.

scenarios-openssl.tsv has the rows that are otherwise with an Exim built against
OpenSSL: its verdict, its words, and what else its log says of the message.
notice: the subject of the one mail that Exim may send about it, to the
postmaster, and must where the configuration wants it: the delivery process
died.
"""
import contextlib
import csv
import os
import pathlib
import re

from labkit import certs, faults, paths, tap
from labkit.exim import is_ascii
from labkit.tap import until

TABLE = pathlib.Path(__file__).parents[1] / 'scenarios.tsv'
OPENSSL = TABLE.with_name('scenarios-openssl.tsv')


class Row:
    def __init__(self, fields):
        self.name = fields['name']
        self.domain = fields['domain']
        self.policy = fields['policy']
        self.mx = fields['mx']
        self.setup = fields['setup']
        self.expected = fields['expected']
        self.reason = fields['reason']
        self.what = fields['the MX host']
        self.log = None
        self.notice = None
        self.message = None
        self.outcome = None
        self.lines = ''

    def with_openssl(self, fields):
        self.expected = fields['expected']
        self.reason = fields['reason']
        self.log = fields['log'] if fields['log'] != '-' else None
        self.notice = fields['notice'] if fields['notice'] != '-' else None

    @property
    def ascii_domain(self):
        return self.domain.encode('idna').decode()

    @property
    def policy_text(self):
        """For people."""
        return {'-': 'none published', 'txt=servfail': 'record: SERVFAIL',
                'host=404': 'policy: 404'}.get(
                    self.policy, self.policy.replace(':', ', mx: '))

    @property
    def verdict(self):
        out = self.outcome
        if out.verdict == 'delivered':
            return 'delivered tls' if out.tls else 'delivered plain'
        return out.verdict

    @property
    def good(self):
        if self.verdict != self.expected or \
                self.log and not re.search(self.log, self.lines):
            return False
        if self.expected == 'deferred':
            return bool(re.search(self.reason, self.outcome.reason))
        return self.outcome.host.lower() == self.reason


def _read(table):
    with open(table, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t',
                                   quoting=csv.QUOTE_NONE))


def load(library='GnuTLS'):
    """The rows, as they are with Exim's TLS library."""
    rows = {fields['name']: Row(fields) for fields in _read(TABLE)}
    if library == 'OpenSSL':
        for fields in _read(OPENSSL):
            rows[fields['name']].with_openssl(fields)
    return list(rows.values())


def _tlsa(lab, host, what):
    name = f'_25._tcp.{host}'
    digest = certs.spki_sha256(lab.mx.certificate(host)) \
        if what in ('tlsa', 'pkixtlsa') else '00' * 32
    usage = 1 if what == 'pkixtlsa' else 3
    lab.dns.set(name, 'TLSA', f'{usage} 1 1 {digest}')
    if what == 'failtlsa':
        lab.dns.behave(name, 'servfail', 'TLSA')
    lab.dns.sign(*lab.dns.signed, host)


def _add_host(lab, spec):
    """One entry of the mx column; returns preference and name."""
    head, _, what = spec.partition('=')
    preference, name = head.split(':')
    what, _, cert = (what or 'good').partition('/')
    cert, _, tlsa = (cert or 'good').partition('+')
    name, _, target = name.partition('>')
    if target:
        lab.dns.set(name, 'CNAME', f'{target}.')
        lab.mx.add(target, what, 'good',
                   target if cert == 'canonical' else name)
    else:
        lab.mx.add(name, what, cert)
    if tlsa:
        _tlsa(lab, name, tlsa)
    return preference, name


def arrange(lab, row):
    """Makes the row's domain, its hosts and its policy."""
    domain, hosts = row.ascii_domain, []
    if row.mx == 'null':
        lab.dns.set(domain, 'MX', '0 .')
    elif row.mx == 'address':
        lab.dns.set(domain, 'A', lab.mx.add(f'host.{domain}'))
    elif row.mx.startswith('dns='):
        lab.dns.behave(domain, row.mx[4:])
    elif row.mx != 'none':
        hosts = [_add_host(lab, spec) for spec in row.mx.split(' ')]
        lab.dns.set(domain, 'MX', *(f'{preference} {name}.'
                                    for preference, name in hosts))
    if any('tlsa' in spec for spec in row.mx.split(' ')):
        lab.dns.sign(*lab.dns.signed, domain)
    if row.policy.startswith('txt='):
        lab.dns.behave(f'_mta-sts.{domain}', row.policy[4:])
    elif row.policy.startswith('host='):
        what = row.policy[5:]
        lab.policies.host(domain, kind='good' if what in ('404', 'invalid')
                          else what)
        lab.policies.record(domain)
        if what != '404':
            lab.policies.serve(domain, 'version: STSv1\r\n'
                               if what == 'invalid' else
                               lab.policies.text('enforce', ['*.' + domain]))
    elif row.policy != '-':
        mode, _, patterns = row.policy.partition(':')
        lab.policies.publish(
            domain, mode, patterns.split(',') if patterns
            else [name.lower() for _, name in hosts])


@contextlib.contextmanager
def _trust_ad():
    """The AD bit is believed, as where a validating resolver is asked."""
    path = pathlib.Path('/etc/resolv.conf')
    before = path.read_text()
    path.write_text(before + 'options trust-ad\n')
    try:
        yield
    finally:
        path.write_text(before)


def setup(lab, what):
    """What a row needs beyond its domain; undone afterwards."""
    if what == '-':
        return contextlib.nullcontext()
    if what == 'trust-ad':
        return _trust_ad()
    return faults.fault(lab, what)


def send(lab, rows):
    for row in rows:
        row.message = lab.send(f'bob@{row.domain}')


def judge(lab, rows):
    lab.settle([row.message for row in rows])
    for row in rows:
        row.outcome = lab.outcome(row.message)
        if row.log:
            row.lines = lab.mta.log_of(row.message.id)


def run(lab, rows, progress=lambda text: None):
    """Sends one message a row; fills in the outcomes."""
    for row in rows:
        arrange(lab, row)
    lab.dns.commit()
    lab.configure()
    for what in sorted({row.setup for row in rows}):
        some = [row for row in rows if row.setup == what]
        progress(f'{len(some)} message(s), setup: {what}')
        with setup(lab, what):
            send(lab, some)
            judge(lab, some)


# What Exim writes to the postmaster about a message whose delivery process
# died.
DIED = 'smtp transport process returned non-zero status 0x000b: ' \
    'terminated by signal 11'
FROZEN = 'Message {id} has been frozen. The sender is <alice@mail.sender.test>. ' \
    'The following address(es) have yet to be delivered: bob@{domain}: ' + DIED


def _notice(lab, row):
    """The id of the mail that Exim had to send about a row, where it is that
    mail and no other."""
    about, found = row.message.id, []

    def is_sent():
        found[:] = re.findall(rf'^\S+ \S+ (\S+) <= <> R={about} .* P=local ',
                              lab.mta.log(), re.M)
        return found and ' Frozen ' in lab.mta.log_of(found[0])

    until(is_sent, 30)
    if len(found) != 1:
        return None
    header, body = (lab.mta.run(option, found[0])
                    for option in ('-Mvh', '-Mvb'))
    text = FROZEN.format(id=about, domain=row.ascii_domain)
    good = f' Subject: {row.notice}\n' in header and \
        ' To: postmaster@sender.test\n' in header and \
        ' '.join(body.split()[1:]) == text
    if not good:
        tap.diag(header + body)
    return found[0] if good else None


def _bounces(lab, rows):
    """What the log says of mail that Exim made, but for the notices that it had
    to send: one for each row whose delivery process died."""
    lines = lab.mta.bounces()
    for row in rows:
        if not row.notice or DIED not in row.outcome.reason or \
                not lab.mta.tells_frozen():
            continue
        notice = _notice(lab, row)
        # The lab's Exim has no such mailbox.
        expected = (f' {notice} <= <> ',
                    f' {notice} ** postmaster@sender.test: ')
        found = [[line for line in lab.mta.bounces() if part in line]
                 for part in expected]
        if [len(some) for some in found] == [1, 1]:
            lines = [line for line in lines if [line] not in found]
        else:
            lines.append(f'{row.name}: no notice "{row.notice}"')
    return lines


def check(lab, rows):
    """One assertion a row, then what must hold for all."""
    for row in rows:
        if not tap.ok(row.good, f'{row.name}: {row.expected} '
                      f'({row.policy_text}; {row.what})'):
            tap.diag(f'{row.verdict}, host {row.outcome.host}: '
                     f'{row.outcome.reason}')
            tap.diag(row.lines)
    tap.same(_bounces(lab, rows), [], 'nothing bounced')
    stray = [entry for entry in lab.mx.messages()
             if entry['tag'] not in {row.message.tag for row in rows}]
    tap.same(stray, [], 'no MX host got anything else')
    tap.ok(is_ascii(''.join(lab.mta.queue())) and os.path.exists(paths.STATE),
           'queue and state directory are still there')
