# SPDX-License-Identifier: ISC
"""The way to the DNS, to policy hosts, and the fetcher, broken on a machine with
OpenSMTPD: what is sent, what waits, and that all of it goes out once the fault
is gone.  smtpd itself resolves and connects in all of this.

Each fault has domains of its own:

    known       an enforce policy in the store, and a good MX host
    bad         the same, its MX host has no STARTTLS any more
    none        looked up, no policy; its host has no STARTTLS
    cold        never looked up: an enforce policy, a host without STARTTLS
    free        never looked up, no policy, a host without STARTTLS
    lax         as cold, under "on-local-error deliver"

A cell is "TLS", "plain" or "waits"."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import threading
import time

from labkit import opensmtpd_lab, paths, tap
from labkit.outside import serve_refusing

KINDS = ('known', 'bad', 'none', 'cold', 'free')
SEEN = ('known', 'bad', 'none')
STRICT = ('known', 'bad', 'cold', 'lax')
SHORT = {'dns_timeout': 1, 'fetch_timeout': 1}
USUAL = {'known': 'TLS', 'bad': 'waits', 'none': 'plain', 'cold': 'waits',
         'free': 'waits', 'lax': 'plain'}
# Without a record there is nothing to be fetched.
FETCH = {**USUAL, 'free': 'plain'}
WELL = {**FETCH, 'lax': 'waits'}
MINUTE = 62     # after which a host that failed is probed again
KNOT = '198.51.100.54'      # a name server that only our resolver asks
LINK_LOCAL = 'fe80::53'


def _ip(*words):
    return subprocess.run(['ip', *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


@contextlib.contextmanager
def _forbidden(*what):
    """This for the user that the resolver runs as."""
    uid = pwd.getpwnam('opensmtpd').pw_uid
    rule = ['uidrange', f'{uid}-{uid}', *what, 'prohibit']
    made = _ip('rule', 'add', *rule)
    if made.returncode:
        raise RuntimeError(made.stdout)
    try:
        yield
    finally:
        _ip('rule', 'del', *rule)


def _link():
    """An interface that is up, but for loopback."""
    return [link['ifname'] for link in json.loads(_ip('-j', 'link').stdout)
            if 'LOOPBACK' not in link['flags'] and 'UP' in link['flags']][0]


def serve_link_local():
    """A name server at a link-local address, which hands on to the site's."""
    link = _link()
    _ip('addr', 'replace', f'{LINK_LOCAL}/64', 'dev', link, 'nodad')
    front = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    front.bind((LINK_LOCAL, 53, 0, socket.if_nametoindex(link)))

    def serve():
        while True:
            query, client = front.recvfrom(4096)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
                back.settimeout(3)
                back.sendto(query, (paths.DNS, 53))
                front.sendto(back.recv(65535), client)
    threading.Thread(target=serve, daemon=True).start()
    return f'{LINK_LOCAL}%{link}'


def _fetcher(word):
    """help_fetcher_fault does what its name says."""
    path = pathlib.Path(f'/run/lab/home/fetcher-{word}')
    if not path.exists():
        shutil.copy('/run/lab/build/tests/help_fetcher_fault', path)
        path.chmod(0o755)
    return {'fetcher': path}


class Row:
    def __init__(self, name, settings, expect, context=None):
        self.name = name
        self.settings = settings    # a function: lines of mta-sts.conf
        self.expect = expect
        self.context = context or contextlib.nullcontext
        self.messages = {}
        self.cells = {}

    def domain(self, kind):
        return f'{kind}.{self.name}.test'


def _rows():
    rows = [
        Row('dns-refused', lambda: {'nameserver': '127.0.0.99'}, USUAL),
        Row('dns-unreachable', lambda: {'nameserver': paths.UNREACHABLE},
            USUAL),
        Row('dns-silent', lambda: {'nameserver': paths.BLACKHOLE}, USUAL),
        Row('dns-forbidden', lambda: {'nameserver': KNOT}, USUAL,
            lambda: _forbidden('to', KNOT)),
        Row('dns-refuses-all', lambda: {'nameserver': serve_refusing()},
            USUAL),
        Row('https-forbidden', dict, FETCH,
            lambda: _forbidden('ipproto', 'tcp', 'dport', '443')),
        Row('fetcher-missing', lambda: {'fetcher': '/nonexistent/fetcher'},
            FETCH)]
    rows += [Row(f'fetcher-{word}', lambda word=word: _fetcher(word), FETCH)
             for word in ('hangs', 'killed', 'nonsense', 'flood')]
    if os.path.isdir('/proc/sys/net/ipv6'):
        rows.append(Row('dns-link-local',
                        lambda: {'nameserver': serve_link_local()}, WELL))
    return rows


def _arrange(lab, rows):
    lab.policies.host(*(row.domain(kind) for row in rows for kind in STRICT))
    for row in rows:
        for kind in (*KINDS, 'lax'):
            domain = row.domain(kind)
            lab.domain(domain, mx=[(f'mx.{domain}', 'good' if kind in
                                    ('known', 'bad') else 'nostarttls')])
            if kind in STRICT:
                lab.policies.publish(domain, 'enforce', [f'mx.{domain}'])
    lab.dns.commit()


def _seed(lab, rows):
    """What is known, from real mail; then the bad hosts go bad."""
    messages = [lab.send(f'eve@{row.domain(kind)}') for row in rows
                for kind in SEEN]
    tap.until(lambda: all(lab.mx.messages(message.tag)
                          for message in messages), 60, 0.5)
    for row in rows:
        lab.mx.add(f'mx.{row.domain("bad")}', 'nostarttls')
    # smtpd keeps a connection that worked for some seconds.
    tap.until(lab.mta.idle, 60, 0.5)


def _waiting(lab):
    return {rcpt for rcpts in lab.mta.queue().values() for rcpt in rcpts}


def _cell(lab, message):
    """A message that was held has another id by now, but still its tag."""
    arrived = lab.mx.messages(message.tag)
    if len(arrived) > 1:
        return 'TWICE'
    if arrived:
        return 'TLS' if arrived[0]['tls'] else 'plain'
    if message.id is None:
        return 'refused'
    return 'waits' if message.rcpts[0] in _waiting(lab) else 'LOST'


def _send(lab, row, kinds):
    for kind in kinds:
        row.messages[kind] = lab.send(f'bob@{row.domain(kind)}')

    def over():
        return all(lab.mx.messages(row.messages[kind].tag) or
                   row.expect[kind] == 'waits' and
                   lab.mta.tried(row.messages[kind]) for kind in kinds)
    tap.until(over, 40, 0.3)
    for kind in kinds:
        row.cells[kind] = _cell(lab, row.messages[kind])


def _restart(lab, later=0, **settings):
    """With other settings, as if so many seconds had passed for routes."""
    lab.mta.stop()
    lab.age_routes(later)
    lab.configure(**SHORT, **settings)
    lab.mta.start()


def _mended(lab, row):
    """All of it arrives, once, and what is enforced under TLS, now that the
    hosts are good too."""
    for kind in (*KINDS, 'lax'):
        if kind in STRICT:
            lab.mx.add(f'mx.{row.domain(kind)}')
    _restart(lab, later=MINUTE)
    deadline = time.monotonic() + 90
    while 'waits' in (cells := {kind: _cell(lab, message) for kind, message in
                                row.messages.items()}).values() and \
            time.monotonic() < deadline:
        lab.mta.run_queue()
        time.sleep(1)
    return {kind: cell for kind, cell in cells.items()
            if cell != ('TLS' if kind in STRICT and row.cells[kind] == 'waits'
                        else 'plain' if row.cells[kind] == 'waits'
                        else row.cells[kind])}


def _run_row(lab, row):
    began = time.monotonic()
    with row.context():
        settings = row.settings()
        _restart(lab, **settings)
        _send(lab, row, KINDS)
        _restart(lab, **settings, on_local_error='deliver')
        _send(lab, row, ['lax'])
    wrong = _mended(lab, row)
    tap.diag(f'{row.name}: {row.cells}, {time.monotonic() - began:.0f} s')
    tap.same(row.cells, row.expect, f'{row.name}: what is sent, what waits')
    tap.same(wrong, {}, f'{row.name}, mended: all is sent, once, and what is '
             'enforced under TLS')
    tap.same(lab.mta.panics(), '', f'{row.name}: nothing died')


def run(version, *names):
    rows = [row for row in _rows() if not names or row.name in names]
    with opensmtpd_lab.running(version) as lab:
        lab.configure(**SHORT)
        _arrange(lab, rows)
        _seed(lab, rows)
        for row in rows:
            _run_row(lab, row)
        # Notices of a delay go to a sender whose domain has no MX host.
        tap.same([line for line in lab.mta.bounces() if
                  ' from=<> ' not in line], [], 'nothing bounced')
    tap.done()
