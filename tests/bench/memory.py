#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 11: resident memory, shared pages and all.  Filter and table after the
load of rows 5 and 6; resolver and fetcher together, their peaks, under that of
row 7, beside postfix-tlspol's peak under the same, and what of that is in no
file, which alone is theirs: pages of a library are shared by all that use it; a
resolver with 1,000 lookups that wait for a name server that is silent."""
import socket

import world
from benchlib import (configure, few, make_state, make_store, memory_mib, place,
                      row, to_drive)
from peers import Missing
from serving import FLIGHT, ask, end, examples, start_resolver
from smtpd import lines, rcpt, start_filter, start_text_table, text_check

DOMAINS, ASKED, COLD, HANGING = (few(1000, 10), few(20000, 50), few(2000, 20),
                                 few(1000, 20))

def smtpd_side(top, conf):
    for name, words, start, question in (
            ("filter", [top + "/filter-mta-sts", "-f", conf], start_filter, rcpt),
            ("table", [top + "/table-mta-sts", conf], start_text_table,
             text_check)):
        peer = start(words)
        peer.ask([question(n, b"n%d.example" % (n % DOMAINS))
                  for n in range(ASKED)], lines)
        row("11", f"{name}, after {ASKED:,} answers",
            memory_mib(peer.process.pid, "VmRSS"), None, "MiB",
            goal="ours <= 3", against="")
        peer.end()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def sizes(pids):
    """Peaks, and what is in no file, added up."""
    return [sum(memory_mib(pid, field) for pid in pids)
            for field in ("VmHWM", "RssAnon")]


def cold_sizes(top, conf):
    """Of the resolver and its fetcher."""
    child = start_resolver(top, conf)
    ask(child, examples(COLD))
    found = sizes([child.pid, *children_of(child.pid)])
    end(child)
    return found


def tlspol_sizes(top, ca):
    daemon = world.tlspol(top, ca)
    try:
        daemon.ask(FLIGHT, 0, COLD, COLD)
        return sizes([daemon.process.pid]), daemon.name
    finally:
        daemon.end()


def under_load(top, settings):
    work = "resolver and fetcher, peaks under row 7"
    with world.policies(top) as (dns, _, ca):
        ours = cold_sizes(top, configure(
            top, make_state(top), ca_file=ca, nameserver=f"127.0.0.1:{dns}",
            **settings))
        try:
            theirs, name = tlspol_sizes(top, ca)
        except Missing as why:
            row("11", work, ours[0], world.TLSPOL["resident"], "MiB",
                goal="<= 1", against="postfix-tlspol",
                note=f"{why}; its figure is of {world.TLSPOL_DATE}")
            return
        row("11", work, ours[0], theirs[0], "MiB", goal="<= 1", against=name)
        row("11", "the same, without files' pages", ours[1], theirs[1], "MiB",
            against=name)


def in_flight(top, settings):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    conf = configure(top, make_state(top), **{
        **settings, "dns_timeout": 30,
        "nameserver": f"127.0.0.1:{silent.getsockname()[1]}"})
    child = start_resolver(top, conf)
    child.stdin.write(b"".join(b"lookup h%d.example\n" % n
                               for n in range(HANGING)))
    child.stdin.flush()
    names = set()
    while len(names) < HANGING:  # by the questions that came
        silent.settimeout(20)
        names.add(silent.recv(512)[12:60])
    row("11", f"resolver, {HANGING:,} lookups in flight",
        memory_mib(child.pid, "VmRSS"), None, "MiB", goal="ours <= 64",
        against="")
    child.kill()
    child.wait()


def main():
    in_world = world.enter()
    to_drive()
    with place("filter-mta-sts", "table-mta-sts", "mta-sts-resolver",
               "mta-sts-fetcher") as top:
        settings = {"allow_private": "yes", "dns_timeout": 20,
                    "fetch_timeout": 60, "resolver": top + "/mta-sts-resolver",
                    "fetcher": top + "/mta-sts-fetcher", "log_level": "error"}
        smtpd_side(top, configure(top, make_store(top, DOMAINS, 1), **settings))
        in_flight(top, settings)
        if in_world:
            under_load(top, settings)
        else:
            row("11", "resolver and fetcher, peaks under row 7", None, None,
                "MiB", goal="<= 1", against="postfix-tlspol",
                note="needs root, for port 443")


if __name__ == "__main__":
    main()
