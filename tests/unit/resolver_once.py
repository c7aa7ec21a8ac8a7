# SPDX-License-Identifier: ISC
"""mta-sts-resolver --once, as the plugins start it: its answer line and its
exit status say what became of the lookup, a local fault above all."""
import os
import shutil
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("B", "build"))

if not shutil.which("openssl"):
    print("1..0 # SKIP openssl is not installed")
    sys.exit(0)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fakeworld import World, policy  # noqa: E402

COUNT = 0
FAILED = 0


def same(got, expected, name):
    global COUNT, FAILED
    COUNT += 1
    holds = got == expected
    FAILED += not holds
    print("%sok %d - %s" % ("" if holds else "not ", COUNT, name), flush=True)
    if not holds:
        print("# got %r, expected %r" % (got, expected), flush=True)


def run(*arguments, **settings):
    """Answer line and exit status, with a store of its own."""
    state = tempfile.mkdtemp(dir=TOP)
    lines = {"state-dir": state, "allow-private": "yes", "dns-timeout": 1,
             "fetch-timeout": 1, "ca-file": WORLD.ca_file,
             "nameserver": "127.0.0.1:%d" % WORLD.dns_port}
    lines.update({k.replace("_", "-"): v for k, v in settings.items()})
    conf = os.path.join(TOP, "conf")
    with open(conf, "w") as f:
        f.writelines("%s %s\n" % item for item in lines.items())
    done = subprocess.run(
        [PROGRAM, "-e", "-f", conf, *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, timeout=60)
    return done.stdout, done.returncode


def main():
    same(run("--once", "none.test"), ("done lookup none.test ok\n", 0),
         "no record: recorded, exit 0")
    WORLD.txt["_mta-sts.d.test"] = ["v=STSv1; id=1"]
    WORLD.policy["d.test"] = policy()
    same(run("--once", "d.test", ca_file="/nonexistent"),
         ("done lookup d.test fault ca_unusable\n", 3),
         "trust roots missing: a fault, exit 3")
    same(run("--once", "--routes", "d.test", ca_file="/nonexistent"),
         ("done routes d.test fault ca_unusable\n", 3),
         "the same where routes are asked for")
    same(run("--once", "d.test", state_dir="/nonexistent"),
         ("done lookup d.test fault state_missing\n", 3),
         "state directory missing: a fault, exit 3")
    same(run("--refresh", "d.test")[1], 1,
         "refresh of a domain that is not known: exit 1")
    same(run("--once", "a b.test"), ("", 2), "no domain: exit 2")


if __name__ == "__main__":
    TOP = tempfile.mkdtemp(prefix="mta-sts-once.")
    PROGRAM = os.path.join(TOP, "mta-sts-resolver")
    shutil.copy(os.path.join(BUILD, "mta-sts-resolver"), PROGRAM)
    if os.getuid() == 0:  # the resolver refuses to run as root
        os.chown(TOP, 65534, 65534)
        os.setgid(65534)
        os.setuid(65534)
    try:
        WORLD = World(TOP, ["d.test"])
        main()
    finally:
        shutil.rmtree(TOP, ignore_errors=True)
    print("1..%d" % COUNT, flush=True)
    os._exit(1 if FAILED or not COUNT else 0)
