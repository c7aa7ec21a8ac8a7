#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 2: decisions from the store per second of CPU, one process and 10,000
domains with a policy, as Exim asks for them; beside the same questions to
postfix-tlspol and postfix-mta-sts-resolver over one connection, what client and
daemon take added up.  The client is as plain as can be (ask_map.c)."""
import world
from benchlib import (BUILD, configure, few, make_store, median, place, row, run,
                      turns, unprivileged)
from peers import Missing

SIZES = few((100, 1000, 10000), (5, 10, 20))
DECISIONS = few(20000, 40)


def ours(top, conf, state, domains):
    took = run(BUILD + "/bench/warm", "-n", domains, top + "/mta-sts.so", conf,
               state, "policy", DECISIONS, preexec_fn=unprivileged)
    return 1e6 / float(took)


def theirs(daemon, domains):
    cpu, _, found = daemon.ask(1, 0, domains, DECISIONS)
    if found != DECISIONS:
        raise SystemExit(f"{daemon.name}: {found} policies of {DECISIONS}")
    return 1e6 / cpu


def beside(start, goal, name, top, conf, state):
    """A row for each peer, over the sizes."""
    work = f"warm decisions, {SIZES[-1]:,} domains"
    try:
        with world.policies(top) as (_, _, ca):
            daemon = start(top, ca)
            try:
                daemon.ask(64, 0, SIZES[-1], SIZES[-1])
                sizes = []
                for domains in SIZES:
                    a, b = turns(lambda: ours(top, conf, state, domains),
                                 lambda: theirs(daemon, domains))
                    sizes.append([domains, median(a), median(b)])
            finally:
                daemon.end()
        row("2", work, a, b, "per s", goal=goal, against=daemon.name,
            sizes=sizes)
    except Missing as why:
        sizes = [[domains, ours(top, conf, state, domains), None]
                 for domains in SIZES]
        a, b, note = sizes[-1][1], None, str(why)
        if name == "postfix-tlspol":
            b = 1e6 / world.TLSPOL["warm"]
            note += f"; its figure is of {world.TLSPOL_DATE}"
        row("2", work, a, b, "per s", goal=goal, against=name, sizes=sizes,
            note=note)


def main():
    world.enter()
    with place("mta-sts.so") as top:
        state = make_store(top, SIZES[-1], 1)
        conf = configure(top, state, log_level="error")
        beside(world.tlspol, ">= 6", "postfix-tlspol", top, conf, state)
        beside(world.resolver, ">= 12", "postfix-mta-sts-resolver", top, conf,
               state)


if __name__ == "__main__":
    main()
