# SPDX-License-Identifier: ISC
"""One fault, every kind of domain: what is sent, what waits, and that all of
it goes out once the fault is mended.

Each row has domains of its own:

    entry, unchecked    an enforce policy in the store, asked for just now or
                        past recheck; the preferred MX host is an attacker's,
                        the second is good
    bad, bad-unchecked  the same, but the host that the policy names has no
                        STARTTLS, and the other is an attacker's
    absent              looked up, no policy; its host has no STARTTLS
    cold, cold-free     nothing is known of them; one has an enforce policy
                        and a host without STARTTLS, the other no policy
    lax-cold, lax-free  the same, under "on-local-error deliver"
    lax-bad             a second message to "bad", under the same

A cell says what became of the message: "sent, TLS", "sent, plain", or "waits:"
with the reason that the MTA's log has.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import time

from labkit import certs, paths, sabotage, tap
from labkit.exim import MAINLOG, Exim
from labkit.lab import SENDER, Lab, Message

RECHECK = 300
AT_ONCE = 20    # lookups
YEAR = 31557600  # the longest max_age: it outlives a clock a year ahead
KINDS = ('entry', 'unchecked', 'bad', 'bad-unchecked', 'absent', 'cold',
         'cold-free')
LAX = ('lax-cold', 'lax-free', 'lax-bad')
KNOWN = ('entry', 'unchecked', 'bad', 'bad-unchecked', 'absent')
ENFORCE = ('entry', 'unchecked', 'bad', 'bad-unchecked', 'cold', 'lax-cold')
HEADS = {'entry': 'entry', 'unchecked': 'entry, unchecked',
         'bad': 'entry, bad MX', 'bad-unchecked': 'unchecked, bad MX',
         'absent': 'no policy', 'cold': 'no entry', 'lax-cold':
         'no entry, deliver', 'lax-bad': 'bad MX, deliver'}
LABELS = {'poor-user': 'ulimit -f 4 -n 20, umask 0',
          'killed-write': 'killed mid-write'}
SENT = 'sent, TLS'
PLAIN = 'sent, plain'
NO_TLS = 'waits: no TLS'


class RotatedExim(Exim):
    """Its main log may be begun anew: a calling user's limit holds for it."""
    saved = ''

    def rotate(self):
        self.saved += super().log()
        MAINLOG.unlink(missing_ok=True)

    def log(self):
        return self.saved + super().log()


class Row:
    """A fault, the reason that it gives, and where it differs from what is
    expected of every fault."""

    def __init__(self, fault, reason, expect=None, local=False, late=True,
                 dated=False):
        self.fault = fault
        # In a timeless world: its policy hosts' certificate is good for the
        # month, as real ones are.
        self.dated = dated
        self.reason = reason
        self.caller = sabotage.CALLERS.get(fault)
        self.local = local  # from a user of this machine: no RCPT is verified
        # The hosts of "bad" and "cold" are mended after one more queue run,
        # not before the first.
        self.late = late
        self.expect = dict.fromkeys(('entry', 'unchecked'), SENT)
        self.expect.update(dict.fromkeys(('bad', 'bad-unchecked', 'lax-bad'),
                                         NO_TLS))
        self.expect.update(dict.fromkeys(('cold', 'cold-free'),
                                         f'waits: {reason}'))
        self.expect.update(dict.fromkeys(('absent', 'lax-cold', 'lax-free'),
                                         PLAIN))
        self.expect.update(expect or {})
        self.messages = {}
        self.cells = {}
        self.seconds = 0

    def domain(self, kind):
        kind = {'lax-bad': 'bad'}.get(kind, kind)
        return f'{kind}.{self.fault}.test'

    def host(self, kind):
        return f'{kind}-{self.fault}.hosts.test'


def everything(value):
    """An expectation for all kinds of domains but the lax ones."""
    return dict.fromkeys(KINDS, value)


# The world


def timeless(path, names, ca=False):
    """Replaces a certificate by one that is valid from 1970 to 2049."""
    stem = str(path)
    san = ','.join('DNS:' + name for name in names)
    extensions = 'basicConstraints=critical,CA:TRUE\n' \
        'keyUsage=critical,keyCertSign\n' if ca else f'subjectAltName={san}\n'
    pathlib.Path(stem + '.cnf').write_text(
        f'[ca]\ndefault_ca=d\n[d]\ndatabase={stem}.index\nrand_serial=yes\n'
        f'new_certs_dir={paths.CERTS}\ndefault_md=sha256\npolicy=p\n'
        'unique_subject=no\n[p]\ncommonName=supplied\n[e]\n' + extensions)
    pathlib.Path(stem + '.index').write_text('')
    key = paths.CERTS / 'ca.key' if ca else certs.LEAF_KEY
    subject = '/CN=Lab Test CA' if ca else f'/CN={names[0][:60]}'
    for argv in (
            ['req', '-new', '-key', key, '-subj', subject,
             '-out', stem + '.csr'],
            ['ca', '-batch', '-notext', '-config', stem + '.cnf',
             '-extensions', 'e', '-startdate', '19700101000001Z',
             '-enddate', '20491231000000Z', '-in', stem + '.csr',
             '-out', path, '-keyfile', paths.CERTS / 'ca.key'] +
            (['-selfsign'] if ca else ['-cert', paths.CA])):
        subprocess.run(['openssl', *map(str, argv)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not ca:
        with open(path, 'a', encoding='ascii') as file:
            file.write(certs.LEAF_KEY.read_text())


def make_timeless():
    """Certificates that no clock finds invalid, as if this were their year
    whatever year it is: the roots' and the MX hosts'."""
    timeless(paths.CA, [], ca=True)
    for path in ('/etc/ssl/certs/ca-certificates.crt',
                 '/etc/ssl/certs/lab.pem'):
        pathlib.Path(path).write_bytes(paths.CA.read_bytes())
    timeless(paths.CERTS / 'mx/x.hosts.test-wildcard.pem', ['*.hosts.test'])


def host_policies(lab, row, in_no_time):
    domains = [row.domain(kind) for kind in KINDS + LAX[:2]]
    lab.policies.host(*domains)
    if in_no_time:
        hosts = ['mta-sts.' + domain for domain in domains]
        timeless(paths.CERTS / 'host' / f'good-{hosts[0]}.pem', hosts)


def arrange(lab, rows, in_no_time):
    """All domains of all rows; one certificate for the policy hosts of each,
    and one for all MX hosts."""
    if in_no_time:
        make_timeless()
    for row in rows:
        host_policies(lab, row, in_no_time and not row.dated)
        for kind in KINDS + LAX[:2]:
            good = kind in ('entry', 'unchecked')
            host, attacker = row.host(kind), 'attacker-' + row.host(kind)
            lab.mx.add(host, 'good' if good else 'nostarttls', 'wildcard',
                       'x.hosts.test')
            records = [f'20 {host}.']
            if kind in ENFORCE:
                lab.mx.add(attacker, 'good', 'wildcard', 'x.hosts.test')
                records.append(f'{10 if good else 30} {attacker}.')
                lab.policies.publish(row.domain(kind), 'enforce', [host],
                                     max_age=YEAR)
            lab.dns.set(row.domain(kind), 'MX', *records)
    lab.dns.commit()


def look_up(domains):
    """By the resolver, as a delivery has it done; returns its answers.  A few
    at a time: a busy machine is not to make fetches fail."""
    answers = []
    for first in range(0, len(domains), AT_ONCE):
        done = subprocess.run(
            ['setpriv', '--reuid', 'Debian-exim', '--regid', 'Debian-exim',
             '--clear-groups', paths.RESOLVER],
            input=''.join(f'lookup {domain}\n' for domain in
                          domains[first:first + AT_ONCE]), text=True,
            stdout=subprocess.PIPE, check=False)
        answers += done.stdout.splitlines()
    return sorted(answers)


def seed(lab, row):
    known = [row.domain(kind) for kind in KNOWN]
    answers = look_up(known)
    if answers != sorted(f'done lookup {domain} ok' for domain in known):
        raise RuntimeError(f'the store is not filled: {answers}')
    for kind in ('unchecked', 'bad-unchecked'):
        lab.age(row.domain(kind), RECHECK + 1)


# Messages


def _tidy():
    """Empties the hints databases, which exist as on every used system:
    beyond a caller's file size Exim can use them, but not make them."""
    time.sleep(1.1)  # whole seconds count
    for name in ('retry', 'wait-remote_smtp'):
        subprocess.run(['exim_tidydb', '-t', '0s', '/var/spool/exim4', name],
                       check=True, stdout=subprocess.DEVNULL)


def _make_hints(lab, row):
    messages = [lab.send(f'eve@{row.domain(kind)}')
                for kind in ('absent', 'bad')]
    lab.settle(messages)
    lab.mta.empty_queue()


def _send(lab, row, kind):
    rcpt = f'bob@{row.domain(kind)}'
    if not row.caller and not row.local:
        return lab.send(rcpt)
    tag = f'local-{kind}-{row.fault}'
    id_ = lab.mta.submit_local(SENDER, [rcpt], lab.text(tag, [rcpt]),
                               preexec_fn=row.caller)
    return Message(tag, id_, [rcpt])


def send(lab, row, kinds):
    """All at once: a resolver that hangs is waited for."""
    if row.caller:
        _tidy()
        for kind in kinds:
            lab.mta.rotate()
            row.messages[kind] = _send(lab, row, kind)
            lab.settle([row.messages[kind]])
    else:
        lab.mta.forget_retries()
        with concurrent.futures.ThreadPoolExecutor(len(kinds)) as pool:
            sent = pool.map(lambda kind: _send(lab, row, kind), kinds)
            row.messages.update(zip(kinds, sent))
        lab.settle([row.messages[kind] for kind in kinds])
    for kind in kinds:
        row.cells[kind] = cell(lab, row.messages[kind])


def cell(lab, message):
    """What became of it, in a few words."""
    out = lab.outcome(message)
    if out.verdict == 'delivered':
        if 'attacker' in out.host:
            return f'LEAKED to {out.host}'
        return SENT if out.tls else PLAIN
    if out.verdict != 'deferred':
        return out.verdict.upper()
    token = re.search(r'MTA-STS: (?:(\w+)$|(.*))', out.reason)
    if token:
        return f'waits: {token.group(1) or token.group(2)}'
    if re.search('did not offer TLS', out.reason):
        return NO_TLS
    return f'waits: {out.reason}'


# What must hold for every fault


def strays():
    """Zombies, and children of ours that nobody waits for any more."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            text = path.read_text()
            comm, rest = text[text.index('(') + 1:].rsplit(')', 1)
            state, parent = rest.split()[:2]
            if (state == 'Z' and parent != '1') or \
                    re.match('mta-sts|resolver-|sleep|cat', comm) and \
                    _is_ours(path.parent):
                found.append(f'{path.parent.name} {comm} {state}')
    return found


def _is_ours(process):
    """Of the MTA's user: the world's own helpers are root's."""
    return process.stat().st_uid != 0


def crashes(lab):
    """What is left of a process that died."""
    lines = [line for line in lab.mta.log().splitlines()
             if re.search(r'crashed|signal \d|SIG[A-Z]{3}', line)]
    lines += [line for line in lab.mta.panics().splitlines()
              if 'setrlimit(RLIMIT_' not in line]
    return lines + [str(path) for place in ('/', '/var/spool/exim4',
                                            '/var/log/exim4')
                    for path in pathlib.Path(place).glob('**/core*'
                                                         if place != '/'
                                                         else 'core*')]


def _quiet():
    """A daemon that was restarted began a queue run."""
    def only_daemon():
        running = []
        for path in pathlib.Path('/proc').glob('[0-9]*/exe'):
            with contextlib.suppress(OSError):
                if os.readlink(path) == '/usr/sbin/exim4':
                    running.append(path)
        return len(running) == 1
    tap.until(only_daemon, 60)


def loose():
    """Files of the store with another mode than theirs."""
    return [str(path) for path in [sabotage.STATE,
                                   *sabotage.STATE.rglob('*')]
            if path.lstat().st_mode & 0o7777 not in (
                (0o750,) if path.is_dir() else (0o640, 0o600))]


def make_good(lab, row):
    """No MX host is to blame any more."""
    for kind in KINDS + LAX[:2]:
        lab.mx.add(row.host(kind), 'good', 'wildcard', 'x.hosts.test')


def mend(lab, row):
    """Queue runs without the fault: first the hosts are as they were, so that
    a domain that was cold is seen to be enforced now, then they are good."""
    _quiet()
    wanted = {'bad': NO_TLS, 'bad-unchecked': NO_TLS, 'cold': NO_TLS,
              'cold-free': PLAIN, 'lax-cold': PLAIN, 'lax-free': PLAIN,
              'absent': PLAIN, 'entry': SENT, 'unchecked': SENT,
              'lax-bad': NO_TLS}
    if not row.cells['lax-cold'].startswith('sent'):
        wanted['lax-cold'] = NO_TLS
    if row.cells['cold'].startswith('sent'):
        wanted['cold'] = PLAIN
    if row.cells['lax-bad'].startswith('sent'):
        wanted['lax-bad'] = PLAIN
    if row.late:
        lab.mta.run_queue()
        got = {kind: cell(lab, message)
               for kind, message in row.messages.items()}
        if any(wanted[kind] != text for kind, text in got.items()):
            tap.diag({kind: text for kind, text in got.items()
                      if wanted[kind] != text})
            return 'not as without a fault'
    make_good(lab, row)
    lab.mta.run_queue()
    got = {kind: cell(lab, message)
           for kind, message in row.messages.items()}
    counts = {message.tag: 0 for message in row.messages.values()}
    for entry in lab.mx.messages():
        if entry['tag'] in counts:
            counts[entry['tag']] += 1
    if all(text in (SENT, PLAIN) for text in got.values()) and \
            set(counts.values()) == {1} and lab.mta.queue() == {}:
        return 'all sent, once'
    tap.diag(f'{got} {counts}')
    return 'NOT all sent'


def run_row(lab, row):
    began = time.monotonic()
    seed(lab, row)
    if row.caller:
        _make_hints(lab, row)
    with sabotage.apply(lab, row.fault):
        send(lab, row, KINDS)
        with sabotage.settings(on_local_error='deliver'):
            send(lab, row, LAX)
        left = tap.until(lambda: not strays(), 12, 0.2)
        row.strays = [] if left else strays()
        if not row.late:
            make_good(lab, row)
    row.cells['mended'] = mend(lab, row)
    row.seconds = time.monotonic() - began
    check_row(lab, row)


def check_row(lab, row):
    for kind in KINDS + LAX:
        if not tap.ok(re.fullmatch(row.expect[kind], row.cells[kind]),
                      f'{row.fault}, {kind}: {row.expect[kind]}'):
            tap.diag(row.cells[kind])
    tap.same(row.cells['mended'], 'all sent, once',
             f'{row.fault}, mended: -qff sends everything')
    tap.same(lab.mta.bounces(), [], f'{row.fault}: nothing bounced')
    tap.same(crashes(lab), [], f'{row.fault}: no process crashed')
    tap.same(loose(), [], f'{row.fault}: modes in the store')
    tap.same(row.strays, [], f'{row.fault}: no zombie, nothing left running')


def table(rows, name):
    """On the standard output, and kept for `make test` to show."""
    lines = [['fault', *HEADS.values(), 'mended', 's']]
    for row in rows:
        lines.append([LABELS.get(row.fault, row.fault),
                      *(row.cells[kind] for kind in HEADS),
                      row.cells['mended'], f'{row.seconds:.0f}'])
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = ''.join('  '.join(part.ljust(width) for part, width in
                             zip(line, widths)).rstrip() + '\n'
                   for line in lines)
    tap.diag(text)
    (paths.LAB / 'out/lab' / f'matrix-{name}.txt').write_text(text)


def start(rows, flavour='single', in_no_time=False):
    """A world with the rows' domains, and a running MTA."""
    lab = Lab(RotatedExim(flavour))
    arrange(lab, rows, in_no_time)
    lab.configure(dns_timeout=1, fetch_timeout=1)
    lab.reconfigure()
    lab.mta.start()
    return lab


def run(name, rows, **more):
    """The whole of a test program; its arguments choose among the rows."""
    rows = [row for row in rows if row.fault in sys.argv[1:] or
            not sys.argv[1:]]
    lab = start(rows, **more)
    for row in rows:
        run_row(lab, row)
    table(rows, name)
    return lab
