# SPDX-License-Identifier: ISC
"""mta-sts-resolver --once, as the plugins start it: its answer line and its
exit status say what became of the lookup, a local fault above all."""
import os
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World, policy
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
same = tap.equal


def run(*arguments, **settings):
    """Answer line and exit status, with a store of its own."""
    conf = os.path.join(TOP, "conf")
    WORLD.configure(conf, settings, state_dir=tempfile.mkdtemp(dir=TOP),
                    dns_timeout=1, fetch_timeout=1)
    done = subprocess.run(
        [TOP + "/mta-sts-resolver", "-e", "-f", conf, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        timeout=60)
    return done.stdout, done.returncode


def killed_early():
    """Who starts it sets how long it may live; it asks for no more."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    conf = os.path.join(TOP, "conf")
    WORLD.configure(conf, state_dir=tempfile.mkdtemp(dir=TOP), dns_timeout=20,
                    nameserver="127.0.0.1:%d" % silent.getsockname()[1])
    done = subprocess.run(
        [TOP + "/mta-sts-resolver", "-e", "-f", conf, "--once", "d.test"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
        preexec_fn=lambda: signal.alarm(1))
    same(done.returncode, -signal.SIGALRM,
         "the shorter of two limits to its life holds")
    silent.close()


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
    killed_early()


if __name__ == "__main__":
    with unprivileged("mta-sts-resolver") as TOP:
        WORLD = World(TOP, ["d.test"])
        main()
    sys.exit(tap.done())
