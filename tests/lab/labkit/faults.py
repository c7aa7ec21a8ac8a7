# SPDX-License-Identifier: ISC
"""What can go wrong on this machine, each undone when its block ends.

    with faults.fault(lab, 'state-full'):
        ...

The store's content survives all of them.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess

from labkit import paths

STATE = pathlib.Path(paths.STATE)


@contextlib.contextmanager
def settings(**lines):
    """Further lines of mta-sts.conf."""
    path = pathlib.Path(paths.CONFIG)
    before = path.read_text()
    path.write_text(before + ''.join(f'{key.replace("_", "-")} {value}\n'
                                     for key, value in lines.items()))
    try:
        yield
    finally:
        path.write_text(before)


def script(name, text):
    """A program that stands for the resolver."""
    path = pathlib.Path('/run/lab/home', name)
    path.write_text('#!/bin/sh\n' + text)
    path.chmod(0o755)
    return str(path)


def _object(value):
    @contextlib.contextmanager
    def apply(lab):
        lab.reconfigure(MTA_STS_SO=value)
        try:
            yield
        finally:
            lab.reconfigure()
    return apply


def _settings(**settings):
    @contextlib.contextmanager
    def apply(lab):
        before = pathlib.Path(paths.CONFIG).read_text()
        text = ''.join(f'{key.replace("_", "-")} {value}\n'
                       for key, value in settings.items())
        pathlib.Path(paths.CONFIG).write_text(before + text)
        try:
            yield
        finally:
            pathlib.Path(paths.CONFIG).write_text(before)
    return apply


def _resolver(name, text):
    """Deadlines are short: a hanging resolver is waited for."""
    def apply(lab):
        return _settings(resolver=script(name, text), fetch_timeout=1,
                         dns_timeout=1)(lab)
    return apply


@contextlib.contextmanager
def _not_executable(lab):
    path = script('not-executable', 'exit 0\n')
    os.chmod(path, 0o644)
    with _settings(resolver=path)(lab):
        yield


@contextlib.contextmanager
def _state_missing(_lab):
    STATE.rename(STATE.with_name('elsewhere'))
    try:
        yield
    finally:
        if STATE.exists():
            shutil.rmtree(STATE)
        STATE.with_name('elsewhere').rename(STATE)


def _folders():
    return [STATE] + [path for path in STATE.rglob('*') if path.is_dir()]


@contextlib.contextmanager
def _state_unwritable(_lab):
    modes = [(path, path.stat().st_mode & 0o7777) for path in _folders()]
    for path, mode in modes:
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes:
            path.chmod(mode)


@contextlib.contextmanager
def _state_of_root(_lab):
    owners = [(path, path.stat()) for path in [STATE, *STATE.rglob('*')]]
    for path, _info in owners:
        os.chown(path, 0, 0)
    try:
        yield
    finally:
        for path, info in owners:
            if path.exists():
                os.chown(path, info.st_uid, info.st_gid)


@contextlib.contextmanager
def _state_full(_lab):
    """A small file system with the same content and no room."""
    mounted = STATE.with_name('small')
    mounted.mkdir(exist_ok=True)
    info = STATE.stat()
    subprocess.run(['mount', '-t', 'tmpfs', '-o',
                    f'size=1m,mode=750,uid={info.st_uid},gid={info.st_gid}',
                    'small', mounted], check=True)
    subprocess.run(['cp', '-a', f'{STATE}/.', mounted], check=True)
    filler = mounted / 'filler'
    with contextlib.suppress(OSError), open(filler, 'wb', 0) as file:
        while True:
            file.write(b'x' * 4096)
    os.chown(filler, info.st_uid, info.st_gid)
    subprocess.run(['mount', '--bind', mounted, STATE], check=True)
    try:
        yield
    finally:
        subprocess.run(['umount', '-l', STATE], check=True)
        subprocess.run(['umount', '-l', mounted], check=True)


FAULTS = {
    'object-missing': _object('/nonexistent/mta-sts.so'),
    'object-broken': _object('/etc/passwd'),
    'function-missing': _object('/lib/x86_64-linux-gnu/libc.so.6'),
    'resolver-missing': _settings(resolver='/nonexistent/mta-sts-resolver'),
    'resolver-not-executable': _not_executable,
    'resolver-hangs': _resolver('hang', 'exec sleep 1000\n'),
    'resolver-crashes': _resolver('crash', 'kill -SEGV $$\n'),
    'state-missing': _state_missing,
    'state-unwritable': _state_unwritable,
    'state-of-root': _state_of_root,
    'state-full': _state_full,
    'ca-missing': _settings(ca_file='/nonexistent/ca.pem'),
}


def fault(lab, name):
    return FAULTS[name](lab)
