# SPDX-License-Identifier: ISC
"""What the resolver and the plugin say to syslog; and a syslog daemon that has stopped to
read (a full disk, a server far away) holds up no mail."""
import contextlib
import os
import socket
import subprocess

from labkit import tap, tlsrpt
from labkit.exim import Exim
from labkit.lab import Lab

LOG = '/dev/log'


def make_dev():
    """A /dev of this world's own: /dev/log is not to be the machine's."""
    new = '/run/lab/dev'
    os.mkdir(new)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'dev', new],
                   check=True)
    for name in ('null', 'zero', 'random', 'urandom'):
        subprocess.run(['cp', '-a', f'/dev/{name}', new], check=True)
    subprocess.run(['mount', '--move', new, '/dev'], check=True)


def fill(path):
    """Until the daemon's queue takes no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(path)
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.send(b'<22>more')


def drain(daemon):
    daemon.setblocking(False)
    lines = []
    with contextlib.suppress(BlockingIOError):
        while True:
            lines.append(daemon.recv(65536).decode())
    return [line for line in lines if line != '<22>more']


make_dev()
daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
daemon.bind(LOG)
os.chmod(LOG, 0o666)

lab = Lab(Exim('single'))
lab.domain('one.test', 'enforce', mx=['mx.one.test'])
lab.domain('two.test', 'enforce', mx=['mx.two.test'])
lab.domain('gone.test', mx=['mx.gone.test'])
lab.policies.host('gone.test')
lab.policies.record('gone.test')
for name in ('one.test', 'two.test'):
    lab.dns.set(f'_smtp._tls.{name}', 'TXT',
                f'"v=TLSRPTv1; rua=mailto:reports@{name}"')
lab.dns.commit()
lab.configure(**tlsrpt.SETTINGS)
lab.mta.configure()
lab.mta.start()

lab.expect_delivered(lab.send('bob@one.test'), 'a daemon that reads')
said = '\n'.join(drain(daemon))
tap.like(said, r'^<22>\w{3} [ \d]\d \d\d:\d\d:\d\d mta-sts-resolver\[\d+\]: '
         r'domain=one\.test event=policy ', 'gets one line a new policy')
tap.like(said, r'mta-sts\[\d+\]: TLSRPT: status=success, domain=one\.test, '
         r'receiving_mx=mx\.one\.test\[', 'and one a session for TLS reports')
fill(LOG)
mark = lab.now()
lab.expect_delivered(lab.send('bob@two.test'),
                     'a daemon that does not: a policy is found', tls=True)
lab.expect_delivered(lab.send('bob@gone.test'),
                     'and one that cannot be fetched is none')
tap.ok(lab.now() - mark < 10, 'without a wait')
tap.same(drain(daemon), [], 'though nothing could be said of it')
daemon.close()
os.unlink(LOG)
lab.forget()
lab.expect_delivered(lab.send('bob@one.test'), 'no daemon at all')
tap.done()
