# SPDX-License-Identifier: ISC
"""Resolver and fetcher, stopped until a deadline has passed (SIGSTOP, a frozen
cgroup, a laptop that sleeps): what the clock says then is no word about the
domain, so nothing is recorded against it, "no policy" least of all.

Each case has a domain of its own and stops at something that the world sees,
not after a time; the world answers at once when the stop has begun.
"""
import contextlib
import glob
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from fakeworld import World, policy
from inject_scratch import unprivileged
from inject_tap import Tap

DNS_TIMEOUT, FETCH_TIMEOUT = 2, 3
# What is under way, and how long that may take.
MOMENTS = {"dns _mta-sts.": DNS_TIMEOUT, "dns mta-sts.": DNS_TIMEOUT,
           "hello ": FETCH_TIMEOUT, "fetch ": FETCH_TIMEOUT}
LATE = (0.05, 0.5, 0.9, 1.5)  # seconds after the deadline

tap = Tap()


class GatedWorld(World):
    """Waits at each gate until the processes are stopped."""
    gates = {}

    def count(self, what):
        super().count(what)
        gate = self.gates.get(what)
        if gate:
            gate.reached.set()
            gate.open.wait(20)


class Gate:
    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(child) for child in f.read().split()]


def cases():
    for moment in MOMENTS:
        for who in ("resolver", "fetcher", "both"):
            if who != "resolver" and moment.startswith("dns"):
                continue  # there is no fetcher yet
            for late in LATE:
                yield moment, who, late


def start(domain, state):
    conf = os.path.join(TOP, domain + ".conf")
    WORLD.configure(conf, state_dir=state, dns_timeout=DNS_TIMEOUT,
                    fetch_timeout=FETCH_TIMEOUT)
    return subprocess.Popen(
        [TOP + "/help_resolver", conf, str(WORLD.https_port), "lookup", domain],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def recorded(state):
    """The reasons for "no policy" and for failed fetches in the store."""
    found = []
    for path in glob.glob(state + "/checks/*/*"):
        with open(path) as f:
            found += [line.strip() for line in f
                      if line.startswith(("reason:", "failed-reason:"))]
    return [line for line in found if not line.endswith(": ok")]


def run_case(number, moment, who, late):
    domain = "d%d.test" % number
    state = tempfile.mkdtemp(dir=TOP)
    gate = WORLD.gates[moment + domain] = Gate()
    process = start(domain, state)
    reached = gate.reached.wait(20)
    stopped = [process.pid] if who != "fetcher" else []
    stopped += children(process.pid) if who != "resolver" else []
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    gate.open.set()
    time.sleep(MOMENTS[moment] + late)
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):  # the resolver killed it
            os.kill(pid, signal.SIGCONT)
    said = process.communicate(timeout=60)[0].strip()
    policies = glob.glob(state + "/policies/*/" + domain)
    what = said.replace("done lookup %s " % domain, "")
    good = what == "ok" and policies or what.startswith("fault ")
    return reached and stopped and good, what, recorded(state)


def silent_host(number):
    domain = "d%d.test" % number
    state = tempfile.mkdtemp(dir=TOP)
    WORLD.policy[domain] = "hang"
    start(domain, state).communicate(timeout=60)
    return recorded(state)


def work(todo, results, first):
    for number in range(first, len(todo), AT_ONCE):
        results[number] = (False, "the case failed", None)
        results[number] = run_case(number, *todo[number])


def main():
    todo = list(cases())
    results = [None] * len(todo)
    threads = [threading.Thread(target=work, args=(todo, results, first))
               for first in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (moment, who, late), (good, said, found) in zip(todo, results):
        name = "%s stopped at %r until %s s after the deadline" % (
            who, moment.strip(), late)
        tap.ok(good, "%s: a policy, or a local fault (%s)" % (name, said))
        tap.equal(found, [], name + ": nothing is recorded")
    # A busy machine stops us too.
    for number in range(len(todo), len(todo) + SPARE):
        found = silent_host(number)
        if found:
            break
    tap.equal(found, ["reason: fetch_timeout", "failed-reason: fetch_timeout"],
              "nobody stopped, a host that is silent: its failure")


SPARE, AT_ONCE = 8, 16

if __name__ == "__main__":
    with unprivileged("tests/help_resolver") as TOP:
        DOMAINS = ["d%d.test" % i for i in range(len(list(cases())) + SPARE)]
        WORLD = GatedWorld(TOP, DOMAINS)
        for DOMAIN in DOMAINS:
            WORLD.txt["_mta-sts." + DOMAIN] = ["v=STSv1; id=1"]
            WORLD.policy[DOMAIN] = policy()
        main()
    sys.exit(tap.done())
