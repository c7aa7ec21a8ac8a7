# SPDX-License-Identifier: ISC
"""The first process of a world: makes it, runs one program in it, ends it.

Called by `enter` inside new mount, network, process, host name and IPC
namespaces.  Nothing here touches the machine: every write goes to a tmpfs,
and when this process ends, so does everything in the namespaces.

Two networks, joined by a pair of interfaces:

    here       192.0.2.25          the mail server under test
    internet   198.51.100.0/24     name servers, policy hosts
               203.0.113.0/25      MX hosts
               203.0.113.128/25    other networks, see labkit/receiver.py

The addresses are remote to the mail server, as in production, so that it
needs no exception for local ones.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

from labkit import certs, paths, servers

HOSTNAME = 'mail.sender.test'
PASSWD = """\
Debian-exim:x:995:995::/var/spool/exim4:/usr/sbin/nologin
opensmtpd:x:994:994::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:993:993::/var/lib/opensmtpd/empty:/usr/sbin/nologin
alice:x:1995:1995:Alice:/run/lab/home/alice:/bin/sh
mallory:x:1996:1996:Mallory:/run/lab/home/mallory:/bin/sh
"""
GROUP = """\
Debian-exim:x:995:
opensmtpd:x:994:
opensmtpq:x:993:
alice:x:1995:
mallory:x:1996:
"""


def run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f'world: {" ".join(map(str, argv))}: {done.stdout}')
    return done.stdout


def mount(source, target, kind=None, options=None):
    argv = ['mount']
    if kind:
        argv += ['-t', kind]
    if options:
        argv += ['-o', options]
    run(*argv, source, target)


def bind(source, target, writable=False):
    pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    mount(source, target, options='bind')
    if not writable:
        mount(source, target, options='remount,bind,ro')


def overlay(directory, below=None):
    """A writable copy of a directory, with `below` laid over it."""
    upper = pathlib.Path(f'/run/lab/overlay{directory}/upper')
    work = upper.with_name('work')
    for path in (upper, work):
        path.mkdir(parents=True)
    lower = f'{below}:{directory}' if below else directory
    mount('overlay', directory, 'overlay',
          f'lowerdir={lower},upperdir={upper},workdir={work}')


def make_files(cache, top, build):
    """The file system of the world."""
    # Below /run/lab, before /tmp or anything above them is covered.
    hold = {name: os.open(path, os.O_PATH)
            for name, path in (('src', top), ('build', build), ('out', build),
                               ('unpacked', cache / 'root'),
                               ('debian', cache / 'smtpd'),
                               ('resolvers', cache / 'resolvers'),
                               ('web', cache / 'web'),
                               ('exims', cache / 'exim'))
            if os.path.isdir(path)}
    mount('lab', '/run', 'tmpfs', 'mode=755,size=4g')
    for name, fd in hold.items():
        bind(f'/proc/1/fd/{fd}', f'/run/lab/{name}', name == 'out')
        os.close(fd)
    for name in ('home/alice', 'home/mallory', 'conf', 'log', 'mail', 'www'):
        (paths.LAB / name).mkdir(parents=True)
    os.chmod(paths.LAB / 'log', 0o1777)
    shutil.chown(paths.LAB / 'home/alice', 1995, 1995)
    shutil.chown(paths.LAB / 'home/mallory', 1996, 1996)
    if paths.PACKAGED:
        use_installed()
    else:
        use_unpacked()
    mount('lab', '/tmp', 'tmpfs', 'mode=1777,size=1g')
    for directory in ('/run/exim4', '/var/spool/exim4', '/var/log/exim4',
                      '/var/lib/exim4', '/var/mail'):
        os.makedirs(directory, exist_ok=True)


def use_installed():
    """The mail server of this machine, whose configuration is Debian's."""
    for directory in ('/usr', '/etc', '/var'):
        overlay(directory)
    for directory in ('/var/spool/exim4', '/var/log/exim4', '/var/mail',
                      paths.STATE):
        shutil.rmtree(directory, ignore_errors=True)
    # smtpd is started by the test, and is no service here.
    pathlib.Path('/etc/init.d/opensmtpd').unlink(missing_ok=True)


def use_unpacked():
    unpacked = '/run/lab/unpacked'
    exim = f'/run/lab/exims/{os.environ["LAB_EXIM"]}/root' \
        if os.environ.get('LAB_EXIM') else None
    overlay('/usr', f'{exim}/usr:{unpacked}/usr' if exim else
            unpacked + '/usr')
    for directory in ('/etc', '/var'):
        overlay(directory)
    # A mail server of this machine has nothing to do with it.
    for directory in ('/etc/exim4', '/var/lib/exim4', '/var/spool/exim4',
                      '/var/log/exim4', '/var/mail', paths.STATE):
        shutil.rmtree(directory, ignore_errors=True)
    for directory in ('/etc', '/var'):
        run('cp', '-a', f'{unpacked}{directory}/.', directory)
    if exim:
        run('cp', '-a', f'{exim}/etc/.', '/etc')


def names_of(lines):
    return {line.split(':')[0] for line in lines}


def make_users():
    for file, lines in (('passwd', PASSWD), ('group', GROUP)):
        path = pathlib.Path('/etc', file)
        there = path.read_text().splitlines(True)
        lines = lines.splitlines(True)
        if paths.PACKAGED:
            # Its package has made the mail server's.
            known = names_of(there)
            lines = [line for line in lines if not names_of([line]) & known]
        ours = names_of(lines)
        path.write_text(''.join(line for line in there
                                if not names_of([line]) & ours) +
                        ''.join(lines))
    for directory in ('/run/exim4', '/var/spool/exim4', '/var/log/exim4'):
        for path, folders, files in os.walk(directory):
            for name in ['.'] + folders + files:
                shutil.chown(os.path.join(path, name), 'Debian-exim',
                             'Debian-exim')
    os.chmod('/var/spool/exim4', 0o750)
    shutil.chown('/var/mail', 'root', 'mail')
    os.chmod('/var/mail', 0o2775)


def make_names():
    socket.sethostname(HOSTNAME)
    etc = pathlib.Path('/etc')
    for name, text in (
            ('hostname', HOSTNAME + '\n'),
            ('mailname', 'sender.test\n'),
            ('hosts', '127.0.0.1 localhost\n::1 localhost\n'
                      f'192.0.2.25 {HOSTNAME} mail\n'),
            ('aliases', 'root: alice\npostmaster: alice\n'),
            ('nsswitch.conf', 'passwd: files\ngroup: files\n'
                              'hosts: files dns\n'),
            ('resolv.conf', f'nameserver {paths.DNS}\n')):
        path = etc / name
        if path.is_symlink():
            path.unlink()
        path.write_text(text)


def make_network():
    """Two network namespaces; returns a program's prefix for the far one."""
    run('ip', 'link', 'set', 'lo', 'up')
    far = subprocess.Popen(['unshare', '--net', 'sleep', 'infinity'])
    here = os.readlink('/proc/self/ns/net')
    while os.readlink(f'/proc/{far.pid}/ns/net') == here:
        time.sleep(0.005)
    run('ip', 'link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'site',
        'netns', str(far.pid))
    has_v6 = os.path.isdir('/proc/sys/net/ipv6')
    inside = ['nsenter', f'--net=/proc/{far.pid}/ns/net']
    for prefix in [], inside:
        # Some container engines switch it off where a namespace begins.
        subprocess.run(prefix + ['sh', '-c', 'echo 0 >/proc/sys/net/ipv6/'
                                 'conf/all/disable_ipv6'],
                       stderr=subprocess.DEVNULL, check=False)
    for prefix, commands in (
            ([], """
                addr add 192.0.2.25/24 dev wan
                addr add 2001:db8:2::25/64 dev wan nodad
                link set wan up
                route add default via 192.0.2.1
                route add default via 2001:db8:2::1 dev wan"""),
            (inside, """
                link set lo up
                addr add 192.0.2.1/24 dev site
                addr add 2001:db8:2::1/64 dev site nodad
                link set site up
                route add local 198.51.100.0/24 dev lo
                route add local 203.0.113.0/25 dev lo
                route add local 2001:db8:113::/64 dev lo
                route add blackhole 203.0.113.252/32
                route add blackhole 203.0.113.253/32
                route add unreachable 203.0.113.254/32""")):
        for line in commands.split('\n'):
            if line.strip() and (has_v6 or '2001:' not in line):
                run(*prefix, 'ip', *line.split())
    return inside


def make_trust():
    """The test CA is the only root that this world's programs trust."""
    certs.make_authority()
    directory = pathlib.Path('/etc/ssl/certs')
    for path in directory.iterdir():
        if path.suffix in ('.0', '.pem') or path.name.startswith('ca-cert'):
            path.unlink()
    shutil.copy(paths.CA, directory / 'ca-certificates.crt')
    shutil.copy(paths.CA, directory / 'lab.pem')
    digest = run('openssl', 'x509', '-noout', '-hash', '-in', paths.CA)
    (directory / f'{digest.strip()}.0').symlink_to('lab.pem')


def install_build():
    """What was built, where an installation puts it."""
    build = paths.LAB / 'build'
    for name, to, mode in (('mta-sts.so', paths.OBJECT, 0o644),
                           ('mta-sts-resolver', paths.RESOLVER, 0o755),
                           ('mta-sts-fetcher', paths.FETCHER, 0o755),
                           ('mta-sts', paths.COMMAND, 0o755)):
        if (build / name).exists() and not paths.PACKAGED:
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy(build / name, to)
            os.chmod(to, mode)
    if not paths.PACKAGED:
        shutil.copytree(paths.LAB / 'src/exim/conf', paths.SHARED + '/exim',
                        dirs_exist_ok=True)
    # As `mta-sts setup --user Debian-exim` leaves it.
    os.makedirs(paths.STATE, exist_ok=True)
    os.chmod(paths.STATE, 0o750)
    shutil.chown(paths.STATE, 'Debian-exim', 'Debian-exim')
    pathlib.Path(paths.CONFIG).write_text('allow-private yes\n')


def start_servers(inside):
    """Name server, policy hosts, MX hosts, on the internet's side."""
    children = servers.start(inside)
    servers.wait_until_up()
    return children


def stay_bounded(seconds):
    def over(_signal, _frame):
        print(f'Bail out! the world ended after {seconds} s', flush=True)
        os._exit(124)

    def killed(number, _frame):
        os._exit(128 + number)
    signal.signal(signal.SIGALRM, over)
    signal.signal(signal.SIGTERM, killed)
    signal.signal(signal.SIGINT, killed)
    signal.signal(signal.SIGHUP, killed)
    signal.alarm(seconds)


def run_program(argv, children):
    """Runs the program; a server that dies meanwhile is an error."""
    if argv[0].endswith('.py'):
        top = os.environ['LAB_TOP']
        path = os.path.abspath(argv[0])
        if path.startswith(top + '/'):
            path = '/run/lab/src' + path[len(top):]
        argv = [sys.executable, path] + argv[1:]
    os.environ['PYTHONPATH'] = '/run/lab/src/tests/lab'
    os.environ['HOME'] = '/root'
    if sys.stdin.isatty():
        child = subprocess.Popen(argv, cwd='/run/lab/src')
    else:
        child = subprocess.Popen(argv, cwd='/run/lab/src',
                                 stdin=subprocess.DEVNULL)
    servers = {process.pid: name for name, process in children.items()}
    while True:
        pid, status = os.wait()  # orphans of the world, too
        if pid == child.pid:
            return os.waitstatus_to_exitcode(status)
        if pid in servers:
            print(f'# world: {servers[pid]} ended: {status}', flush=True)


def main():
    began = time.monotonic()
    stay_bounded(int(os.environ['LAB_LIMIT']))
    os.umask(0o022)
    cache = pathlib.Path(os.environ['LAB_CACHE'])
    make_files(cache, os.environ['LAB_TOP'], os.environ['LAB_BUILD'])
    make_users()
    make_names()
    inside = make_network()
    paths.INSIDE.write_text(' '.join(inside))
    make_trust()
    install_build()
    children = start_servers(inside)
    print(f'# world up in {time.monotonic() - began:.1f} s', flush=True)
    status = run_program(sys.argv[1:], children)
    if status and os.environ.get('LAB_KEEP'):
        name = pathlib.Path(sys.argv[1]).stem
        kept = f'/run/lab/out/lab/{name}.kept'
        shutil.rmtree(kept, ignore_errors=True)
        for part in ('/run/lab/log', '/run/lab/conf', '/var/log/exim4',
                     '/var/spool/exim4', paths.STATE):
            if os.path.isdir(part):
                shutil.copytree(part, kept + part, symlinks=True,
                                ignore_dangling_symlinks=True)
    sys.stdout.flush()
    os._exit(status if status >= 0 else 128 - status)


main()
