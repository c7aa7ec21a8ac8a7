#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 7: lookups a second of domains never seen, 64 under way, in a resolver
that serves; beside bare loops that ask and fetch the same (bare_cares.c,
bare_fetch.c) and beside postfix-tlspol, 64 connections.  Name server and policy
host are on loopback and have a core of their own where there are two.  Each
question about a domain without a record takes half a millisecond to one and a
half, so that answers come one by one, as from a network: 64 that come at once
would be one wake-up for a bare loop.  The store has been in use: its directories
are there.  It is on the disk, where each policy is safe before it counts, which
nothing that it is compared with promises; "in memory" is the same without a
disk.  What a lookup costs in CPU is in resolver.py and fetch.py."""
import time

import world
from benchlib import (BUILD, configure, few, make_state, median, memory, place,
                      row, run, turns, unprivileged)
from peers import Missing
from serving import FLIGHT, ask, end, examples, start_resolver

SIZES = few((1000, 2000, 4000), (8, 16, 24))
DELAY = 1000  # microseconds


def serve(top, count, settings, where=None):
    """Lookups a second, with the store in `where`, else beside the programs."""
    conf = configure(top, make_state(where or top, used=True),
                     log_level="error", **settings)
    child = start_resolver(top, conf)
    # The first one starts the fetcher, and is not counted.
    ask(child, examples(1))
    began = time.monotonic()
    ask(child, examples(count, 1))
    rate = count / (time.monotonic() - began)
    end(child)
    return rate


def bare_none(top, port, count):
    began = time.monotonic()
    run(top + "/bare_cares", f"127.0.0.1:{port}", FLIGHT, count,
        preexec_fn=unprivileged)
    return count / (time.monotonic() - began)


def bare_policy(top, ports, ca, count):
    began = time.monotonic()
    said = run(top + "/bare_fetch", *ports, ca, FLIGHT,
               *examples(count), preexec_fn=unprivileged)
    if int(said) != count:
        raise SystemExit(f"the bare loop got {said} of {count}")
    return count / (time.monotonic() - began)


class Tlspol:
    """The daemon, asked for domains that it has not seen."""

    def __init__(self, top, ca):
        self.daemon, self.next = world.tlspol(top, ca), 0

    def rate(self, count):
        first, self.next = self.next, self.next + count
        return 1e6 / self.daemon.ask(FLIGHT, first, count, count)[1]


def beside_bare(kind, goal, serving, bare):
    sizes = []
    for count in SIZES:
        a, b = turns(lambda: serving(count), lambda: bare(count))
        sizes.append([count, median(a), median(b)])
    row("7", f"cold lookups, {kind}, {SIZES[-1]:,} domains", a, b, "per s",
        goal=goal, against="a bare loop", sizes=sizes)


def beside_tlspol(kind, serving, top, ca):
    work, count = f"cold lookups, {kind}", SIZES[1]
    try:
        tlspol = Tlspol(top, ca)
    except Missing as why:
        row("7", work, serving(count), world.TLSPOL["cold " + kind], "per s",
            goal=">= 1", against="postfix-tlspol",
            note=f"{why}; its figure is of {world.TLSPOL_DATE}")
        return
    try:
        a, b = turns(lambda: serving(count), lambda: tlspol.rate(count))
    finally:
        tlspol.daemon.end()
    row("7", work, a, b, "per s", goal=">= 1", against=tlspol.daemon.name)


def main():
    in_world = world.enter()
    # Others' ports are those of root.
    dns_port, https_port = (53, 443) if in_world else (0, 0)
    with place("mta-sts-resolver", "mta-sts-fetcher", "bench/bare_cares",
               "bench/bare_fetch") as top:
        settings = {"allow_private": "yes", "dns_timeout": 20,
                    "fetch_timeout": 60, "fetcher": top + "/mta-sts-fetcher"}
        with world.server(BUILD + "/bench/dns_none", DELAY, dns_port) as port:
            def none(count):
                return serve(top, count, dict(
                    settings, nameserver=f"127.0.0.1:{port}"))

            beside_bare("none", ">= 0.5", none,
                        lambda count: bare_none(top, port, count))
            beside_tlspol("none", none, top, "/dev/null")
        if not in_world:
            row("7", "cold lookups, policy", None, None, "per s", goal=">= 0.8",
                against="a bare loop", note="needs root, for port 443")
            return
        with world.policies(top, dns_port, https_port) as (dns, https, ca):
            def policy(count, where=None):
                return serve(top, count, dict(
                    settings, nameserver=f"127.0.0.1:{dns}", ca_file=ca), where)

            def bare(count):
                return bare_policy(top, (dns, https), ca, count)

            beside_bare("policy", ">= 0.8", policy, bare)
            beside_tlspol("policy", policy, top, ca)
            if memory() is not None:
                with place(where=memory()) as where:
                    row("7", "the same, in memory", *turns(
                        lambda: policy(SIZES[1], where),
                        lambda: bare(SIZES[1])), "per s", against="a bare loop")


if __name__ == "__main__":
    main()
