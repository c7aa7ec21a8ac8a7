#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""CPU of the resolver and its fetcher for a domain with a policy, beside a bare
loop of c-ares and curl_multi that gets the same policies from the same servers
on loopback (bare_fetch.c).

The first two rows compare like with like: no disk on either side (the store in
a file system in memory, a loop that writes nothing), and a disk on both (each
policy is safe there before it counts: two syncs, which the store promises and
which cost what the disk and its file system make them cost).  The third is the
store on the disk beside the loop that writes nothing; what it has above the
first is the disk.  The last is the fetcher alone.

Run in turns; medians of BENCH_ROUNDS, in microseconds an item, and their ratio.
Time of waiting counts for nothing, so the servers may be slow; a busy machine
makes all of it dearer.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../unit/lib"))
from fakeworld import World, policy
from inject_scratch import unprivileged
from benchlib import (ROUNDS, children_us as usage, few, make_state, memory, row,
                      spread)
from serving import FLIGHT, ask, end

FEW, MANY = few((64, 640), (2, 8))  # items; the difference leaves out what a start costs
DOMAINS = [f"d{n}.test" for n in range(MANY)]


def configure(place):
    conf = tempfile.mkstemp(dir=TOP)[1]
    WORLD.configure(conf, state_dir=make_state(place, used=True), dns_timeout=20,
                    fetch_timeout=60, log_level="error")
    return conf


def serve(domains, place):
    """The resolver serving."""
    process = subprocess.Popen(
        [TOP + "/help_resolver", configure(place), str(WORLD.https_port), "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    before = usage()
    ask(process, domains)
    end(process)
    return usage() - before


def per_item(measure, names, few, many):
    return (measure(names[:many]) - measure(names[:few])) / (many - few)


def serve_disk(domains):
    return serve(domains, TOP)


def serve_memory(domains):
    return serve(domains, MEMORY)


def bare_store(names):
    return bare_fetch(names, dict(os.environ,
                                  BARE_STORE=tempfile.mkdtemp(dir=TOP)))


def bare_fetch(names, env=None):
    before = usage()
    said = subprocess.run(
        [TOP + "/bare_fetch", str(WORLD.dns_port), str(WORLD.https_port),
         WORLD.ca_file, str(FLIGHT), *names], stdout=subprocess.PIPE,
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
    process.stdin.write(b"".join(left[:FLIGHT]))
    process.stdin.flush()
    del left[:FLIGHT]
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
    turns = [[per_item(measure, DOMAINS, FEW, MANY)
              for measure in (serve_memory, serve_disk, bare_fetch, bare_store,
                              fetcher)]
             for _ in range(ROUNDS)]
    no_disk, disk, bare, stored, alone = zip(*turns)
    for what, used, beside, goal in (
            ("a policy, 64 in flight, no disk", no_disk, bare, "<= 1.3"),
            ("the same, a disk on both sides", disk, stored, "<= 1.3"),
            ("the same, a disk on our side alone", disk, bare, None),
            ("the same, the fetcher alone", alone, bare, "<= 1.3")):
        row("7", what, used, beside, "us", goal=goal,
            against="c-ares and curl")


if __name__ == "__main__":
    with unprivileged("tests/help_resolver", "bench/bare_fetch") as TOP:
        spread(TOP)
        # Where there is no file system in memory it is the disk.
        MEMORY = tempfile.mkdtemp(prefix="mta-sts-bench.", dir=memory() or TOP)
        try:
            WORLD = World(TOP, DOMAINS)
            main()
        finally:
            shutil.rmtree(MEMORY, ignore_errors=True)
