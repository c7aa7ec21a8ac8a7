#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What a lookup costs in CPU, beside a program that links c-ares alone and
asks the same (bare_cares.c), turn by turn: medians of ROUNDS turns, in
microseconds an item, and their ratio.

    serving     one resolver, 64 lookups of domains without a record at a time
    its DNS     the questions alone, without the store
    once        a process for each lookup

The second line of "serving" compares with the same loop that makes one small
file for each answer: what a lookup leaves in the store costs more than what it
asks.  TMPDIR says on which file system.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("B", "build"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
ITEMS = int(os.environ.get("BENCH_ITEMS", 4000))
FLIGHT = 64
NOBODY = 65534


def drop():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def usage():
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (use.ru_utime + use.ru_stime) * 1e6


def make_state(top):
    state = tempfile.mkdtemp(dir=top)
    os.chmod(state, 0o750)
    if os.getuid() == 0:
        os.chown(state, NOBODY, NOBODY)
    return state


def serve(top, port, count):
    """Microseconds of CPU a lookup in one serving resolver."""
    state = make_state(top)
    conf = os.path.join(top, "conf")
    with open(conf, "w") as file:
        file.write(f"state-dir {state}\nnameserver 127.0.0.1:{port}\n")
    before = usage()
    child = subprocess.Popen([top + "/mta-sts-resolver", "-f", conf],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=drop)
    sent = done = 0
    while done < count:
        lines = b""
        while sent < count and sent - done < FLIGHT:
            lines += b"lookup n%d.example\n" % sent
            sent += 1
        if lines:
            os.write(child.stdin.fileno(), lines)
        said = os.read(child.stdout.fileno(), 65536)
        if b"fault" in said or not said:
            sys.exit("the resolver says: " + said.decode())
        done += said.count(b"\n")
    child.stdin.close()
    child.wait()
    used = (usage() - before) / count
    shutil.rmtree(state)
    return used


def loop(words, last, count):
    """Microseconds of CPU of a program's start and end; the shell forks with
    less ado than this interpreter."""
    command = (f"i=0; while [ $i -lt {count} ]; do {' '.join(words)} {last} "
               ">/dev/null || exit; i=$((i + 1)); done")
    before = usage()
    subprocess.run(["sh", "-c", command], check=True, preexec_fn=drop)
    return (usage() - before) / count


def once(top, port, count):
    state = make_state(top)
    conf = os.path.join(top, "conf")
    with open(conf, "w") as file:
        file.write(f"state-dir {state}\nnameserver 127.0.0.1:{port}\n")
    used = loop([top + "/mta-sts-resolver", "-f", conf, "--once"],
                "n$i.example", count)
    shutil.rmtree(state)
    return used


def bare(top, port, flight, count, files=False, program="bare_cares"):
    words = [f"{top}/{program}", f"127.0.0.1:{port}", str(flight), str(count)]
    if files:
        words.append(make_state(top))
    before = usage()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=drop)
    used = (usage() - before) / count
    if files:
        shutil.rmtree(words[-1])
    return used


def show(name, ours, theirs, goal):
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{name:40} {a:9.1f} {b:9.1f} {a / b:6.2f}  (goal {goal})",
          flush=True)


def main():
    top = tempfile.mkdtemp(prefix="mta-sts-bench.")
    os.chmod(top, 0o755)
    for name in ("mta-sts-resolver", "bench/bare_cares", "bench/only_dns"):
        shutil.copy(os.path.join(BUILD, name), top)
    server = subprocess.Popen([os.path.join(BUILD, "bench/dns_none")],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = int(server.stdout.readline())
    try:
        turns = [(serve(top, port, ITEMS), bare(top, port, FLIGHT, ITEMS),
                  bare(top, port, FLIGHT, ITEMS, files=True),
                  bare(top, port, FLIGHT, ITEMS, program="only_dns"))
                 for _ in range(ROUNDS)]
        ours, alone, files, only = zip(*turns)
        print(f"{'CPU a lookup, microseconds':40} {'ours':>9} {'c-ares':>9}")
        show(f"no record, serving, {FLIGHT} in flight", ours, alone, 2.5)
        show("its DNS alone", only, alone, 2.5)
        show("the same, beside a loop with files", ours, files, "none")
        count = max(ITEMS // 20, 1)
        words = [top + "/bare_cares", f"127.0.0.1:{port}", "1"]
        pairs = [(once(top, port, count), loop(words, "1", count))
                 for _ in range(ROUNDS)]
        show("no record, --once", *zip(*pairs), 1.6)
    finally:
        server.stdin.close()
        server.wait()
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
