#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 8: one cold lookup by `mta-sts-resolver --once`, as Exim starts it, CPU of
all that it starts: without a record, beside a program that links c-ares alone
and asks the same (bare_cares.c); with a policy, beside a query by dig and a
fetch by curl, each a process."""
import shutil
import subprocess
import time

import world
from benchlib import (BUILD, children_us, configure, few, make_store, place, row,
                      turns, unprivileged)
from peers import Missing, command, tree

COUNT = few(200, 2)


def loop(*commands):
    """Microseconds of CPU of these commands, one after the other, COUNT times;
    $i is a number that never comes again."""
    script = (f"i={time.monotonic_ns()}; n=0; while [ $n -lt {COUNT} ]; do "
              + "".join(f"{' '.join(c)} >/dev/null || exit; " for c in commands)
              + "i=$((i + 1)) n=$((n + 1)); done")
    before = children_us()
    subprocess.run(["sh", "-c", script], check=True, preexec_fn=unprivileged)
    return (children_us() - before) / COUNT


def tool(name):
    """How to run dig or curl: this machine's, or Debian's, unpacked."""
    path = shutil.which(name)
    return [path] if path else command(tree(name), "/usr/bin/" + name)


def none(top, settings, dns_port):
    with world.server(BUILD + "/bench/dns_none", 0, dns_port) as port:
        conf = configure(top, make_store(top, few(2000, 10), 0),
                         nameserver=f"127.0.0.1:{port}", **settings)
        row("8", "one lookup, no record", *turns(
            lambda: loop([top + "/mta-sts-resolver", "-f", conf, "--once",
                          "c$i.example"]),
            lambda: loop([top + "/bare_cares", f"127.0.0.1:{port}", "1", "1"])),
            "us", goal="<= 1.3", against="c-ares alone")


def policy(top, settings):
    with world.policies(top) as (dns, https, ca):
        conf = configure(top, make_store(top, few(2000, 10), 0), ca_file=ca,
                         nameserver=f"127.0.0.1:{dns}", **settings)
        ours = [top + "/mta-sts-resolver", "-f", conf, "--once", "c$i.example"]
        work, against = "one lookup, a policy", "dig and curl"
        try:
            dig = [*tool("dig"), "+short", "-p", str(dns), "@127.0.0.1", "TXT",
                   "_mta-sts.c$i.example"]
            curl = [*tool("curl"), "-s", "-S", "--cacert", ca,
                    "--resolve", f"mta-sts.c$i.example:{https}:127.0.0.1",
                    "https://mta-sts.c$i.example/.well-known/mta-sts.txt"]
        except Missing as why:
            row("8", work, loop(ours), None, "us", goal="<= 0.7",
                against=against, note=str(why))
            return
        row("8", work, *turns(lambda: loop(ours), lambda: loop(dig, curl)), "us",
            goal="<= 0.7", against=against)


def main():
    in_world = world.enter()
    with place("mta-sts-resolver", "mta-sts-fetcher", "bench/bare_cares") as top:
        settings = {"allow_private": "yes", "dns_timeout": 20,
                    "fetch_timeout": 60, "fetcher": top + "/mta-sts-fetcher",
                    "log_level": "error"}
        none(top, settings, 53 if in_world else 0)
        if in_world:
            policy(top, settings)
        else:
            row("8", "one lookup, a policy", None, None, "us", goal="<= 0.7",
                against="dig and curl", note="needs root, for port 443")


if __name__ == "__main__":
    main()
