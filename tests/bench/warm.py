#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 1: a decision from the store, as Exim asks for it, beside opening,
fstating, reading and closing the same files (warm.c): the configuration, the
domain's check, its policy.  In a process that lives, and as the first call of a
process of its own."""
from benchlib import (BUILD, configure, few, make_store, place, row, run, turns,
                      unprivileged)

LIVING, FRESH = few(50000, 500), few(2000, 20)


def measure(top, conf, state, kind, options, count):
    return float(run(BUILD + "/bench/warm", *options, top + "/mta-sts.so", conf,
                     state, kind, count, preexec_fn=unprivileged))


def main():
    with place("mta-sts.so") as top:
        for kind, every in ("policy", 1), ("none", 0):
            state = make_store(top, 1, every)
            conf = configure(top, state, log_level="error")
            for what, options, count in (("lives", (), LIVING),
                                         ("is new", ("-f",), FRESH)):
                ours, bare = turns(
                    lambda: measure(top, conf, state, kind, options, count),
                    lambda: measure(top, conf, state, kind,
                                    (*options, "-b"), count))
                row("1", f"warm decision, {kind}, a process that {what}", ours,
                    bare, "us", goal="<= 2", against="the same files, bare")
                row("1", f"its questions to the kernel alone, {kind}, {what}",
                    *turns(lambda: measure(top, conf, state, kind,
                                           (*options, "-c"), count),
                           lambda: measure(top, conf, state, kind,
                                           (*options, "-b"), count)),
                    "us", against="the same files, bare")


if __name__ == "__main__":
    main()
