# SPDX-License-Identifier: ISC
"""Code injected into the resolver executes a set-user-id program of root's,
and is still who it was."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_scratch import NOBODY, unprivileged
from inject_tap import Tap

tap = Tap()


def make_setuid():
    """A copy of id(1) that is root for anybody."""
    directory = tempfile.mkdtemp(prefix="mta-sts-setuid.")
    program = os.path.join(directory, "id")
    shutil.copy(shutil.which("id"), program)
    os.chmod(directory, 0o755)
    os.chmod(program, 0o4755)
    return directory, program


def main(program):
    conf = os.path.join(TOP, "conf")
    with open(conf, "w") as out:
        out.write(f"state-dir {tempfile.mkdtemp(dir=TOP)}\n"
                  "nameserver 127.0.0.1:9\n")
    plain = subprocess.run([program, "-u"], stdout=subprocess.PIPE, text=True)
    if plain.stdout != "0\n":
        tap.skip("set-user-id programs", "they gain nothing here at all")
        return
    done = subprocess.run(
        [TOP + "/mta-sts-resolver", "-e", "-f", conf, "--once", "d.test"],
        env={"LD_PRELOAD": TOP + "/hook_resolver.so", "HOOK_SETUID": program},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    tap.equal(done.stdout, f"{NOBODY}\n",
              "a set-user-id program gains nothing by being run from it",
              done.returncode, done.stderr)


if os.getuid() != 0:
    print("1..0 # SKIP only root can make a set-user-id program of root's")
    sys.exit(0)
setuid, setuid_program = make_setuid()
try:
    pid = os.fork()
    if pid == 0:
        with unprivileged("mta-sts-resolver", "tests/hook_resolver.so") as TOP:
            main(setuid_program)
        status = tap.done()
        sys.stdout.flush()
        os._exit(status)
    _, status = os.waitpid(pid, 0)
finally:
    shutil.rmtree(setuid)
sys.exit(os.waitstatus_to_exitcode(status))
