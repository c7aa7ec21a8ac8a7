#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""CPU of the resolver and its fetcher for a domain with a policy, beside a bare
loop of c-ares and curl_multi that gets the same policies from the same servers
on loopback and writes nothing down (bare_fetch.c).

Run in turns; medians of BENCH_ROUNDS, in microseconds an item, and their ratio.
The second line shows what of it is the fetcher's alone, the third what a bare
loop needs that puts each policy safely on the disk (two syncs), as ours does.  Time of waiting counts
for nothing, so the servers may be slow; a busy machine makes all of it dearer.
"""
import os
import resource
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../unit"))
from fakeworld import World, policy
from inject_scratch import unprivileged

IN_FLIGHT = 64
FEW, MANY = 64, 320  # items; the difference leaves out what a start costs
DOMAINS = [f"d{n}.test" for n in range(MANY)]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))


def usage():
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (use.ru_utime + use.ru_stime) * 1e6


def make_state():
    """A store that has been in use: its directories are there."""
    state = tempfile.mkdtemp(dir=TOP)
    for kind in "policies", "checks":
        for bucket in range(256):
            os.makedirs(f"{state}/{kind}/{bucket:02x}", 0o750)
    return state


def configure():
    conf = tempfile.mkstemp(dir=TOP)[1]
    WORLD.configure(conf, state_dir=make_state(), dns_timeout=20,
                    fetch_timeout=60, log_level="error")
    return conf


def serve(domains):
    """The resolver serving, IN_FLIGHT requests at a time."""
    process = subprocess.Popen(
        [TOP + "/help_resolver", configure(), str(WORLD.https_port), "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, bufsize=1)
    before = usage()
    left, answered = list(domains), 0
    for name in left[:IN_FLIGHT]:
        process.stdin.write(f"lookup {name}\n")
    del left[:IN_FLIGHT]
    while answered < len(domains):
        if not process.stdout.readline().endswith(" ok\n"):
            sys.exit("a lookup failed")
        answered += 1
        if left:
            process.stdin.write(f"lookup {left.pop(0)}\n")
    process.stdin.close()
    process.wait()
    return usage() - before


def per_item(measure, names, few, many):
    return (measure(names[:many]) - measure(names[:few])) / (many - few)


def bare_store(names):
    return bare_fetch(names, dict(os.environ,
                                  BARE_STORE=tempfile.mkdtemp(dir=TOP)))


def bare_fetch(names, env=None):
    before = usage()
    said = subprocess.run(
        [TOP + "/bare_fetch", str(WORLD.dns_port), str(WORLD.https_port),
         WORLD.ca_file, str(IN_FLIGHT), *names], stdout=subprocess.PIPE,
        text=True, timeout=120, check=True, env=env).stdout
    if said.strip() != str(len(names)):
        sys.exit(f"the bare loop got {said.strip()} of {len(names)}")
    return usage() - before


def fetcher(names):
    """The fetcher without a resolver: what TLS and HTTP cost."""
    port = WORLD.https_port
    before = usage()
    process = subprocess.Popen(
        [TOP + "/mta-sts-fetcher", "--port", str(port), "--ca-file",
         WORLD.ca_file], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    left = [f"{n} policy mta-sts.{name} {port} 20000 127.0.0.1\n".encode()
            for n, name in enumerate(names)]
    process.stdin.write(b"".join(left[:IN_FLIGHT]))
    process.stdin.flush()
    del left[:IN_FLIGHT]
    answered = 0
    while answered < len(names):
        if not process.stdout.readline().startswith(b"end "):
            continue
        answered += 1
        if left:
            process.stdin.write(left.pop(0))
            process.stdin.flush()
    process.stdin.close()
    process.wait()
    return usage() - before


def main():
    for domain in DOMAINS:
        WORLD.txt["_mta-sts." + domain] = ["v=STSv1; id=1"]
        WORLD.policy[domain] = policy()
    print(f"{'CPU a lookup, microseconds':40} {'ours':>9} {'bare':>9}")
    turns = [[per_item(measure, DOMAINS, FEW, MANY)
              for measure in (serve, bare_fetch, fetcher, bare_store)]
             for _ in range(ROUNDS)]
    ours, bare, alone, stored = (statistics.median(c) for c in zip(*turns))
    for what, used, beside in (
            ("a policy, serving, 64 in flight", ours, bare),
            ("the same, the fetcher alone", alone, bare),
            ("the same, the bare loop syncs too", ours, stored)):
        print(f"{what:40} {used:9.1f} {beside:9.1f} {used / beside:6.2f}  "
              "(goal 1.3)", flush=True)


if __name__ == "__main__":
    with unprivileged("tests/help_resolver", "bench/bare_fetch") as TOP:
        WORLD = World(TOP, DOMAINS)
        main()
