#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What a lookup costs in CPU, beside a program that links c-ares alone and
asks the same (bare_cares.c), turn by turn: medians of ROUNDS turns, in
microseconds an item, and their ratio.

    serving     one resolver, 64 lookups of domains without a record at a time,
                in a store that has its directories; the name server takes some
                milliseconds for each answer, so they come one by one, as from a
                network
    at once     the same, of a name server that answers all that was asked
                together: the bare loop waits once for 64 answers
    again       lookups of domains that were looked up before and are due again:
                their files are there
    its DNS     the questions alone, without the store
    with files  the bare loop makes one small file for each answer besides
    in memory   serving, with the store in /dev/shm, where a new file costs least
    once        a process for each lookup, in a store that is in use

Where there are two cores, the program that is measured has one to itself and
name server and driver share the other: else the scheduler decides how many
answers it finds at each wait, and the bare loop costs 9 to 44 microseconds.

TMPDIR says on which file system all else is.
"""
import os
import subprocess
import time

from benchlib import (BUILD, ROUNDS, children_us as usage, configure, few,
                      make_state, memory, place, row, unprivileged as drop)
from serving import FLIGHT, ask, end, examples, start_resolver

ITEMS = int(os.environ.get("BENCH_ITEMS", few(8000, 64)))
DELAY = 4000  # microseconds that the name server takes, on average
ALL_CORES = os.sched_getaffinity(0)


def in_use(top, port, where=None):
    """The configuration of a store that has its directories, in where, else
    beside the programs of top."""
    return configure(top, make_state(where or top, used=True),
                     nameserver=f"127.0.0.1:{port}", negative_ttl=1)


def serve(top, conf, count):
    """Microseconds of CPU a lookup in one serving resolver."""
    before = usage()
    child = start_resolver(top, conf)
    ask(child, examples(count))
    end(child)
    return (usage() - before) / count


def twice(top, port, count):
    """The same for domains never seen, and for those domains once more."""
    conf = in_use(top, port)
    first = serve(top, conf, count)
    time.sleep(2.1)
    return first, serve(top, conf, count)


def loop(words, last, count):
    """Microseconds of CPU of a program's start and end; the shell forks with
    less ado than this interpreter."""
    command = (f"i=0; while [ $i -lt {count} ]; do {' '.join(words)} {last} "
               ">/dev/null || exit; i=$((i + 1)); done")
    before = usage()
    subprocess.run(["sh", "-c", command], check=True, preexec_fn=drop)
    return (usage() - before) / count


def once(top, conf, count):
    """In the store of a resolver that served, for domains never seen."""
    return loop([top + "/mta-sts-resolver", "-f", conf, "--once"],
                f"o$i.t{time.monotonic_ns()}.example", count)


def bare(top, port, count, files=False, program="bare_cares"):
    words = [f"{top}/{program}", f"127.0.0.1:{port}", str(FLIGHT), str(count)]
    if files:
        words.append(make_state(top))
    before = usage()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=drop)
    return (usage() - before) / count


def show(name, ours, theirs, goal, number="7"):
    row(number, name, ours, theirs, "us", goal=goal, against="c-ares")


def bench_serving(top, slow, quick):
    turns = [(*twice(top, slow, ITEMS), bare(top, slow, ITEMS),
              bare(top, slow, ITEMS, files=True),
              bare(top, slow, ITEMS, program="only_dns"),
              serve(top, in_use(top, quick), ITEMS),
              bare(top, quick, ITEMS))
             for _ in range(ROUNDS)]
    ours, again, alone, files, only, quick_ours, quick_alone = zip(*turns)
    show(f"no record, serving, {FLIGHT} in flight", ours, alone, "<= 2.5")
    show("again", again, alone, "<= 2.5")
    show("its DNS", only, alone, "<= 2.5")
    show("with files", ours, files, None)
    show("all answers at once", quick_ours, quick_alone, None)


def bench_memory(top, port):
    """What is left where the file system costs next to nothing."""
    if memory() is None:
        row("7", "in memory", None, None, "us", goal="<= 2.5", against="c-ares",
            note="there is no /dev/shm to measure in")
        return
    with place(where=memory()) as where:
        pairs = [(serve(top, in_use(top, port, where), ITEMS),
                  bare(top, port, ITEMS)) for _ in range(ROUNDS)]
        show("in memory", *zip(*pairs), "<= 2.5")


def bench_once(top, port):
    count = max(ITEMS // 20, 1)
    conf = in_use(top, port)
    serve(top, conf, ITEMS)
    words = [top + "/bare_cares", f"127.0.0.1:{port}", "1"]
    pairs = [(once(top, conf, count), loop(words, "1", count))
             for _ in range(ROUNDS)]
    show("no record, --once", *zip(*pairs), "<= 1.6", number="8")


def name_server(delay):
    server = subprocess.Popen(
        [os.path.join(BUILD, "bench/dns_none"), str(delay)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return server, int(server.stdout.readline())


def main():
    if len(ALL_CORES) > 1:
        os.sched_setaffinity(0, sorted(ALL_CORES)[1:])
    with place("mta-sts-resolver", "bench/bare_cares", "bench/only_dns") as top:
        servers = [name_server(DELAY), name_server(0)]
        try:
            bench_serving(top, servers[0][1], servers[1][1])
            bench_memory(top, servers[0][1])
            bench_once(top, servers[1][1])
        finally:
            for server, _ in servers:
                server.stdin.close()
                server.wait()


if __name__ == "__main__":
    main()
