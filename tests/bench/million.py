#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 10: a store of a million domains, one in a hundred with a policy, beside
one of a thousand: a warm decision, `mta-sts cache list`, a refresh round with
nothing due, and lookups of domains never seen once the store is at its bound.
In a file system in memory where there is room: on a disk the making takes
long."""
import contextlib
import os
import subprocess
import tempfile
import time

import world
from benchlib import (BUILD, SHORT, children_us, configure, few, make_store,
                      median, memory, memory_mib, place, row, run, turns,
                      unprivileged)

SIZES = few((1000, 31623, 1000000), (100, 200, 400))
EVERY, ASKED, NEW, ONCE = 100, few(1000, 50), few(1000, 20), few(50, 2)
# Each of the store's directories becomes full, and is trimmed, once for so many.
ROUND = few(250000, 100)
DECISIONS, FLIGHT = few(50000, 100), 64
NEEDED = 8 << 30  # bytes for the largest


def where():
    """In memory, or None: on the disk."""
    with open("/proc/meminfo") as f:
        free = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in f}
    room = os.statvfs(memory()) if memory() else None
    if room and (SHORT or min(free["MemAvailable"],
                              room.f_bavail * room.f_frsize) > NEEDED):
        return memory()
    return None


def decision(top, conf, state, size):
    """Over as many domains in each store, from all its directories."""
    asked = min(ASKED, SIZES[0])
    return float(run(BUILD + "/bench/warm", "-n", asked, "-s",
                     size // asked, top + "/mta-sts.so", conf, state, "any",
                     DECISIONS, preexec_fn=unprivileged))


def watched(*words):
    """Seconds, MiB at its peak, and how many lines it printed."""
    with tempfile.TemporaryFile() as said:
        began, peak = time.monotonic(), 0
        child = subprocess.Popen([str(w) for w in words], stdout=said,
                                 stderr=subprocess.DEVNULL,
                                 preexec_fn=unprivileged)
        # Not ru_maxrss, in which this interpreter counts, that was forked.
        while child.poll() is None:
            with contextlib.suppress(OSError):
                peak = max(peak, memory_mib(child.pid, "VmHWM"))
            time.sleep(0.005)
        took = time.monotonic() - began
        if child.returncode != 0:
            raise SystemExit(f"{words}: {child.returncode}")
        said.seek(0)
        return took, peak, sum(1 for _ in said)


def more(top, conf, count, prefix):
    """Microseconds of CPU for each lookup of a domain never seen."""
    before = children_us()
    child = subprocess.Popen([top + "/mta-sts-resolver", "-f", conf],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=unprivileged)
    done = 0
    while done < count:
        child.stdin.write(b"".join(
            b"lookup %s%d.example\n" % (prefix, n)
            for n in range(done, min(done + FLIGHT, count))))
        child.stdin.flush()
        for _ in range(min(FLIGHT, count - done)):
            if not child.stdout.readline().endswith(b" ok\n"):
                raise SystemExit("a lookup failed")
        done += FLIGHT
    child.stdin.close()
    child.wait()
    return (children_us() - before) / count


def once(top, conf, prefix):
    """The same, each by a process of its own."""
    before = children_us()
    for n in range(ONCE):
        run(top + "/mta-sts-resolver", "-f", conf, "--once",
            f"{prefix}{n}.example", preexec_fn=unprivileged)
    return (children_us() - before) / ONCE


def settings_of(top, port, size):
    return {"log_level": "error", "nameserver": f"127.0.0.1:{port}",
            "checks_max": size, "policies_max": size, "negative_ttl": 86400,
            "recheck": 86400, "resolver": top + "/mta-sts-resolver",
            "fetcher": top + "/mta-sts-fetcher"}


class Names:
    """Prefixes of domains never seen."""
    last = 0

    @classmethod
    def new(cls):
        cls.last += 1
        return "m%d-" % cls.last


def main():
    with place("mta-sts.so", "mta-sts-resolver", "mta-sts-fetcher", "mta-sts",
               where=where()) as top, \
            world.server(BUILD + "/bench/dns_none", 0) as port:
        stores, largest = [], SIZES[-1]
        for size in SIZES:
            state = make_store(top, size, EVERY)
            stores.append((size, state, configure(
                top, state, **settings_of(top, port, max(size, 25600)))))
        small, large = stores[0], stores[-1]

        def decide(store):
            return decision(top, store[2], store[1], store[0])

        sizes = [[store[0], median(turns(lambda: decide(store))[0]), None]
                 for store in stores]
        row("10", f"warm decision, {largest:,} domains",
            *turns(lambda: decide(large), lambda: decide(small)), "us",
            goal="<= 1.5", against=f"{small[0]:,} domains", sizes=sizes)

        took, peak, lines = watched(top + "/mta-sts", "-f", large[2], "cache",
                                   "list")
        row("10", f"cache list, {lines:,} lines", took, None,
            "s", against="", note=f"{peak:.0f} MiB")

        scans = [watched(top + "/mta-sts-resolver", "-f", store[2], "--refresh")
                 for store in stores]
        row("10", "refresh round, nothing due, its peak", scans[-1][1],
            scans[0][1], "MiB", goal="ours <= 64",
            against=f"{small[0]:,} domains",
            sizes=[[s[0], scan[1], None] for s, scan in zip(stores, scans)])
        row("10", "the same, domains a second", largest / scans[-1][0],
            small[0] / scans[0][0], "per s", against=f"{small[0]:,} domains",
            sizes=[[s[0], s[0] / scan[0], None]
                   for s, scan in zip(stores, scans)])

        full = configure(top, large[1], **settings_of(top, port, largest))
        row("10", "one more without a record, at the bound, serving",
            more(top, full, ROUND, Names.new().encode()),
            turns(lambda: more(top, small[2], NEW, Names.new().encode()))[0],
            "us", goal="<= 2", against=f"{small[0]:,} domains")
        row("10", "the same, --once",
            *turns(lambda: once(top, full, Names.new()),
                   lambda: once(top, small[2], Names.new())), "us",
            goal="<= 2", against=f"{small[0]:,} domains")


if __name__ == "__main__":
    main()
