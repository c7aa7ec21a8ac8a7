# SPDX-License-Identifier: ISC
"""Resolvers as machines have them, on a loopback address of their own: unbound
and systemd-resolved, from Debian, in a root of their own.

    with resolvers.unbound('127.0.0.61', NO_WAY_OUT):
        ...                                    # until it is ended
"""
import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from labkit import paths

UNPACKED = pathlib.Path('/run/lab/resolvers')
ROOT = pathlib.Path('/run/lab/resolvers-root')
RESOLVED = '127.0.0.53'

# unbound.conf: who is asked.  Nothing answers at port 1.
NO_WAY_OUT = 'forward-zone:\n name: "."\n forward-addr: 127.0.0.1@1\n'
TO_THE_SITE = f'forward-zone:\n name: "."\n forward-addr: {paths.DNS}\n'


def _make_root():
    if ROOT.exists():
        return
    for name in ('upper', 'work', 'root'):
        (ROOT / name).mkdir(parents=True)
    root = ROOT / 'root'
    subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o',
                    f'lowerdir={UNPACKED},upperdir={ROOT}/upper,'
                    f'workdir={ROOT}/work', root], check=True)
    for name in ('proc', 'sys', 'dev'):
        (root / name).mkdir(exist_ok=True)
        subprocess.run(['mount', '--rbind', f'/{name}', root / name],
                       check=True)
    (root / 'etc').mkdir(exist_ok=True)
    (root / 'etc/passwd').write_text(
        'root:x:0:0::/:/bin/sh\nsystemd-resolve:x:996:996::/:/bin/false\n')
    (root / 'etc/group').write_text('root:x:0:\nsystemd-resolve:x:996:\n')
    (root / 'run/systemd/resolve').mkdir(parents=True, exist_ok=True)
    (root / 'run/systemd/netif/links').mkdir(parents=True, exist_ok=True)
    os.chown(root / 'run/systemd/resolve', 996, 996)


def _is_up(address):
    """True once it says anything of localhost, for which it asks nobody."""
    query = struct.pack('!6H', 7, 0x100, 1, 0, 0, 0) + \
        b'\x09localhost\0' + struct.pack('!2H', 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect((address, 53))
        with contextlib.suppress(OSError):
            sock.send(query)
            return len(sock.recv(4096)) > 0
    return False


@contextlib.contextmanager
def _running(address, *argv):
    with open(paths.LAB / 'log' / 'resolvers.log', 'ab') as log:
        process = subprocess.Popen(['chroot', ROOT / 'root', *argv],
                                   stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL)
    end = time.monotonic() + 20
    try:
        while not _is_up(address):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f'{argv[0]} does not answer')
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def unbound(address, rest, allow='allow'):
    """`rest` comes behind the server's own lines."""
    _make_root()
    (ROOT / 'root/etc/lab.conf').write_text(
        f'server:\n chroot: ""\n username: ""\n use-syslog: no\n'
        f' pidfile: ""\n interface: {address}\n module-config: "iterator"\n'
        f' do-not-query-localhost: no\n local-zone: "test." nodefault\n'
        f' access-control: 127.0.0.0/8 {allow}\n{rest}')
    return _running(address, '/usr/sbin/unbound', '-d', '-c', '/etc/lab.conf')


def resolved(settings):
    """At RESOLVED."""
    _make_root()
    root = ROOT / 'root'
    (root / 'etc/resolv.conf').write_text(f'nameserver {RESOLVED}\n')
    (root / 'etc/systemd').mkdir(exist_ok=True)
    (root / 'etc/systemd/resolved.conf').write_text(
        f'[Resolve]\nFallbackDNS=\nDNSSEC=no\n{settings}\n')
    return _running(RESOLVED, '/lib/systemd/systemd-resolved')
