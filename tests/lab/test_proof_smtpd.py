# SPDX-License-Identifier: ISC
"""docs/proof.md, its commands for OpenSMTPD as they stand."""
import os
import pathlib
import subprocess
import threading

from labkit import opensmtpd_lab, proof, tap

STUBS = pathlib.Path('/run/stubs')
WISH = pathlib.Path('/run/restart')
# In place of systemd's: this world's smtpd is started by the test.
SYSTEMCTL = f"""#!/bin/sh
: >{WISH}
while [ -e {WISH} ]; do sleep 0.1; done
"""
# smtpd has a root of its own here, with this machine's /etc.
INSIDE = """#!/bin/sh
exec chroot %s /usr/sbin/%s "$@"
"""


def write_stubs(root):
    STUBS.mkdir()
    for name, text in {'systemctl': SYSTEMCTL,
                       'sendmail': INSIDE % (root, 'sendmail'),
                       'smtpctl': INSIDE % (root, 'smtpctl')}.items():
        (STUBS / name).write_text(text)
        (STUBS / name).chmod(0o755)


def serve(lab, over):
    while not over.wait(0.1):
        if WISH.exists():
            lab.mta.restart()
            WISH.unlink()


def run(command):
    done = subprocess.run(['sh', '-c', command], text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ,
                               'PATH': f'{STUBS}:{os.environ["PATH"]}'})
    return done.stdout


def three(heading, queued):
    first, second, third = proof.commands(heading, 'sendmail')
    run(first)
    tap.like(run(second), queued, f'{heading}: the mail waits')
    tap.diag(run(third).strip())


def prove(lab):
    run(f'mta-sts query {proof.DOMAIN}')
    three('OpenSMTPD', r'\|you@example\.org\.test\|.*\|Cannot retrieve smarthost')
    tap.ok(tap.until(lambda: not lab.mta.queue(), 30), 'and leaves')
    tap.like(lab.mta.log(), r'to=<you@example\.org\.test>.* relay="203\.0\.113\.1 .*'
             r'result="Ok"', 'to the host of the policy')
    three('The certificate, too',
          r'(?i)\|you@proof\.example\.org\.test\|.*\|(.*certificate|Network error|'
          r'Cannot retrieve)')
    tap.same(lab.mta.queue(), {}, 'nothing is left in the queue')


def main(version):
    with opensmtpd_lab.running(version) as lab:
        write_stubs(lab.mta.root)
        proof.install(lab.mta.root)
        lab.domain(proof.DOMAIN, 'enforce', mx=['mx1.' + proof.DOMAIN])
        lab.domain(proof.CERTIFICATE, None,
                   mx=[('wrong.' + proof.DOMAIN, 'good', 'wrongname')])
        lab.dns.commit()
        over = threading.Event()
        thread = threading.Thread(target=serve, args=(lab, over))
        thread.start()
        try:
            prove(lab)
        finally:
            over.set()
            thread.join()


main(opensmtpd_lab.VERSIONS[-1])
tap.done()
