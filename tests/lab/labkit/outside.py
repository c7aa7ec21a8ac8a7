# SPDX-License-Identifier: ISC
"""The way to the DNS and to policy hosts, and the fetcher, broken for the
resolver alone: Exim itself resolves and connects in all of this.  Each is
undone when its block ends.

    with outside.FAULTS['dns-refused'](lab):
        ...
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading

from labkit import paths
from labkit.faults import settings

LINK_LOCAL = 'fe80::53'


def _ip(*words):
    done = subprocess.run(['ip', *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f'ip {words}: {done.stdout}')


def _nameserver(address):
    return lambda _lab: settings(nameserver=address)


@contextlib.contextmanager
def _forbidden(*what):
    """This, to the user that the resolver runs as."""
    uid = os.stat(paths.STATE).st_uid
    rule = ['uidrange', f'{uid}-{uid}', *what, 'prohibit']
    _ip('rule', 'add', *rule)
    try:
        yield
    finally:
        _ip('rule', 'del', *rule)


@contextlib.contextmanager
def _dns_forbidden(_lab):
    """A name server that only the resolver asks."""
    with settings(nameserver=paths.KNOT), _forbidden('to', paths.KNOT):
        yield


def _https_forbidden(_lab):
    return _forbidden('ipproto', 'tcp', 'dport', '443')


@contextlib.contextmanager
def _link_local(_lab):
    """The only name server has a zone index, as SLAAC writes it; it hands on
    to the site's."""
    _ip('addr', 'replace', f'{LINK_LOCAL}/64', 'dev', 'wan', 'nodad')
    front = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    front.bind((LINK_LOCAL, 53, 0, socket.if_nametoindex('wan')))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                query, client = front.recvfrom(4096)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
                    back.settimeout(3)
                    back.sendto(query, (paths.DNS, 53))
                    front.sendto(back.recv(65535), client)
    threading.Thread(target=serve, daemon=True).start()
    try:
        with settings(nameserver=f'{LINK_LOCAL}%wan'):
            yield
    finally:
        front.close()


REFUSING = '127.0.0.62'


def serve_refusing():
    """A name server that refuses whatever it is asked; its address."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((REFUSING, 53))

    def serve():
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(query[:2] + b'\x81\x85' + query[4:], client)
    threading.Thread(target=serve, daemon=True).start()
    return REFUSING


@contextlib.contextmanager
def _dns_refuses_all(_lab):
    with settings(nameserver=serve_refusing()):
        yield


def _fetcher(word):
    """help_fetcher_fault does what its name says."""
    @contextlib.contextmanager
    def apply(_lab):
        path = pathlib.Path(f'/run/lab/home/fetcher-{word}')
        shutil.copy('/run/lab/build/tests/help_fetcher_fault', path)
        path.chmod(0o755)
        with settings(fetcher=path):
            yield
    return apply


FAULTS = {
    'dns-refused': _nameserver('127.0.0.99'),
    'dns-unreachable': _nameserver(paths.UNREACHABLE),
    'dns-silent': _nameserver(paths.BLACKHOLE),
    'dns-forbidden': _dns_forbidden,
    'dns-refuses-all': _dns_refuses_all,
    'dns-link-local': _link_local,
    'https-forbidden': _https_forbidden,
    'fetcher-missing': lambda _lab: settings(fetcher='/nonexistent/fetcher'),
    'fetcher-hangs': _fetcher('hangs'),
    'fetcher-killed': _fetcher('killed'),
    'fetcher-nonsense': _fetcher('nonsense'),
    'fetcher-flood': _fetcher('flood'),
    'fetcher-huge': _fetcher('huge'),
}
