# SPDX-License-Identifier: ISC
"""More of what can go wrong on this machine than faults.py has: by its names
and by these, each undone when its block ends.

    with sabotage.apply(lab, 'clock-1970'):
        ...
"""
import contextlib
import functools
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import time

from labkit import faults, outside, paths
from labkit.faults import settings

STATE = pathlib.Path(paths.STATE)
PRELOAD = pathlib.Path('/etc/ld.so.preload')
OFFSET = pathlib.Path('/etc/lab-clock')
YEAR = 365 * 86400


@functools.cache
def object_file(name, *defines):
    """Compiles one of tests/lab/objects."""
    out = f'/run/lab/home/{name}.so'
    source = paths.LAB / f'src/tests/lab/objects/{name}.c'
    subprocess.run(['cc', '-D_GNU_SOURCE', *(f'-D{text}' for text in defines),
                    '-shared', '-fPIC', '-O1', '-o', out, str(source), '-ldl'],
                   check=True)
    return out


def replace_clock(text):
    """At once, for programs that read it meanwhile."""
    new = OFFSET.with_suffix('.new')
    new.write_text(text)
    new.rename(OFFSET)


@contextlib.contextmanager
def moving_clock():
    """Every program that starts has the clock that OFFSET says."""
    replace_clock('0\n')
    PRELOAD.write_text(object_file('clock') + '\n')
    try:
        yield
    finally:
        PRELOAD.unlink()


def _program(text):
    """A program in the resolver's place."""
    def apply(_lab):
        return settings(resolver=faults.script(
            f'resolver-{random.randrange(1 << 30)}', text))
    return apply


def killer(point):
    """The resolver, killed at that point of each write; see killer.c."""
    return (f'LD_PRELOAD={object_file("killer")} KILL_AT={point} '
            f'exec {paths.RESOLVER} "$@"\n')


def _killed(point):
    def apply(lab):
        return _program(killer(point))(lab)
    return apply


# Trust roots


@contextlib.contextmanager
def _ca_unreadable(_lab):
    path = pathlib.Path('/run/lab/home/roots.pem')
    shutil.copy(paths.CA, path)
    path.chmod(0o600)
    with settings(ca_file=path):
        yield


@contextlib.contextmanager
def _ca_garbage(_lab):
    path = pathlib.Path('/run/lab/home/garbage.pem')
    path.write_bytes(random.Random(8461).randbytes(5000))
    with settings(ca_file=path):
        yield


@contextlib.contextmanager
def _default_roots(mode):
    """The trust roots that the configuration does not name."""
    directory = pathlib.Path('/etc/ssl/certs')
    directory.chmod(mode)
    try:
        yield
    finally:
        directory.chmod(0o755)


# Files that say how to ask


def _unreadable(path):
    @contextlib.contextmanager
    def apply(_lab):
        path_of = pathlib.Path(path)
        mode = path_of.stat().st_mode & 0o7777
        path_of.chmod(0o600)
        try:
            yield
        finally:
            path_of.chmod(mode)
    return apply


# The state directory


@contextlib.contextmanager
def _state_top_of_root(_lab):
    """As "mkdir" by root leaves it, with what is below as it was."""
    info = STATE.stat()
    os.chown(STATE, 0, 0)
    try:
        yield
    finally:
        os.chown(STATE, info.st_uid, info.st_gid)


@contextlib.contextmanager
def _state_read_only(_lab):
    """A file system that the kernel has made read-only."""
    subprocess.run(['mount', '--bind', STATE, STATE], check=True)
    subprocess.run(['mount', '-o', 'remount,bind,ro', STATE], check=True)
    try:
        yield
    finally:
        subprocess.run(['umount', STATE], check=True)


@contextlib.contextmanager
def _state_without_inodes(_lab):
    """A small file system with the same content and no more files."""
    count = sum(1 for _path in STATE.rglob('*')) + 2
    small = STATE.with_name('few')
    small.mkdir(exist_ok=True)
    info = STATE.stat()
    subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', f'size=8m,nr_inodes={count},mode=750,'
         f'uid={info.st_uid},gid={info.st_gid}', 'few', small], check=True)
    subprocess.run(['cp', '-a', f'{STATE}/.', small], check=True)
    number = 0
    with contextlib.suppress(OSError):
        while True:
            (small / f'filler{number}').touch()
            number += 1
    subprocess.run(['mount', '--bind', small, STATE], check=True)
    try:
        yield
    finally:
        subprocess.run(['umount', STATE], check=True)
        subprocess.run(['umount', small], check=True)


# Descriptors and the limits of a calling user


def hungry(count):
    """Edits the configuration: `count` descriptors are free while our
    function runs.  To load it takes one, so it is called before, too."""
    hog = object_file('hog')
    query = '${dlfunc{MTA_STS_SO}{mta_sts_query}{$domain}}'
    first = '${dlfunc{MTA_STS_SO}{mta_sts_query}{[192.0.2.1]}}'
    take = '${if eq{%s${dlfunc{%s}{hog_take}{%d}}}{}{}{}}' % (
        first, hog, count)
    give = '${dlfunc{%s}{hog_give}{}}' % hog

    def edit(text):
        # With MTA_STS_IGNORE_TLS_REQUIRED and without.
        assert text.count(query) == 2, text.count(query)
        return text.replace(query, take + query + give)
    return edit


def _descriptors(count):
    @contextlib.contextmanager
    def apply(lab):
        before = lab.edit
        lab.edit = lambda text: hungry(count)(
            before(text) if before else text)
        lab.reconfigure()
        try:
            yield
        finally:
            lab.edit = before
            lab.reconfigure()
    return apply


def poor():
    """What a local user can do before he runs sendmail.  Without the first
    line Exim dies of its own hints database."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    os.umask(0)


def many_signals():
    """Every signal that can be is blocked and ignored."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def little_memory():
    for what, size in ((resource.RLIMIT_AS, 120), (resource.RLIMIT_DATA, 40),
                       (resource.RLIMIT_STACK, 1)):
        resource.setrlimit(what, (size << 20, size << 20))


def little_time():
    """Not fewer processes: those of other worlds would count."""
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))


def nothing_open():
    """Standard input is the message."""
    os.close(1)
    os.close(2)
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.close(number)


# The clock


def build_date():
    """Before which no clock can be right; a distribution's is a later one."""
    text = (pathlib.Path(__file__).parents[3] / 'GNUmakefile').read_text()
    return int(re.search(r'(?m)^SOURCE_DATE_EPOCH \?= (\d+)$', text)[1])


def _clock(offset=None, at=None):
    """Off by some seconds, or standing at that time when the fault begins."""
    @contextlib.contextmanager
    def apply(lab):
        seconds = offset if at is None else at - int(time.time())
        OFFSET.write_text(f'{seconds}\n')
        PRELOAD.write_text(object_file('clock') + '\n')
        lab.mta.restart()
        try:
            yield
        finally:
            PRELOAD.unlink()
            OFFSET.unlink()
            lab.mta.restart()
    return apply


SABOTAGE = {
    **faults.FAULTS,
    'resolver-aborts': _program('kill -ABRT $$\n'),
    'resolver-stops': _program('kill -STOP $$\n'),
    'resolver-lies': _program('for d; do :; done; '
                              'echo "done lookup $d ok"\n'),
    'resolver-babbles': _program('exec /bin/cat /dev/urandom\n'),
    'resolver-closes': _program('exec >&-; exec sleep 1000\n'),
    'killed-create': _killed('create'),
    'killed-write': _killed('write'),
    'killed-sync': _killed('sync'),
    'killed-rename': _killed('rename'),
    'state-top-of-root': _state_top_of_root,
    'state-read-only': _state_read_only,
    'state-without-inodes': _state_without_inodes,
    'ca-unreadable': _ca_unreadable,
    'ca-garbage': _ca_garbage,
    'roots-unreadable': lambda _lab: _default_roots(0o700),
    'config-unreadable': _unreadable(paths.CONFIG),
    'resolv-unreadable': _unreadable('/etc/resolv.conf'),
    'descriptors-0': _descriptors(0),
    'descriptors-3': _descriptors(3),
    'clock-1970': _clock(at=600),
    'clock-before-build': _clock(at=build_date() - 86400),
    'clock-year-ahead': _clock(offset=YEAR),
}


# What a caller does to himself is no fault of this machine.
CALLERS = {
    'poor-user': poor,
    'many-signals': many_signals,
    'little-memory': little_memory,
    'little-time': little_time,
    'nothing-open': nothing_open,
}


def apply(lab, name):
    """Nothing is wrong where it is a caller's name."""
    if name in CALLERS:
        return contextlib.nullcontext()
    return {**SABOTAGE, **outside.FAULTS}[name](lab)
