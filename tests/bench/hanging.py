#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 9: how long a warm answer takes, the 99th of 100, while 1,000 others wait
for a name server that is silent; beside the same without those.  Through the
filter, as smtpd asks it, and of a resolver that serves."""
import socket
import time

from benchlib import (configure, few, make_store, place, row, to_drive, turns)
from serving import start_resolver
from smtpd import lines, rcpt, start_filter

DOMAINS, HANGING, WARM = 100, few(1000, 20), few(5000, 100)


def p99(times):
    return sorted(times)[len(times) * 99 // 100] * 1e6


def filter_latency(top, conf, hanging):
    peer = start_filter([top + "/filter-mta-sts", "-f", conf])
    peer.say(b"".join(rcpt(WARM + n, b"h%d.example" % n)
                      for n in range(hanging)))
    times = []
    for n in range(WARM):
        began = time.monotonic()
        peer.say(rcpt(n, b"n%d.example" % (n % DOMAINS)))
        answer = peer.take(lines)[1]
        times.append(time.monotonic() - began)
        if b"|%x|proceed" % n not in answer or answer.count(b"\n") != 1:
            raise SystemExit(f"the filter says: {answer}")
    peer.process.kill()
    peer.end()
    return p99(times)


def resolver_latency(top, conf, hanging):
    child = start_resolver(top, conf)
    child.stdin.write(b"".join(b"lookup h%d.example\n" % n
                               for n in range(hanging)))
    times = []
    for n in range(WARM):
        began = time.monotonic()
        child.stdin.write(b"lookup n%d.example\n" % (n % DOMAINS))
        answer = child.stdout.read(4096)
        times.append(time.monotonic() - began)
        if answer != b"done lookup n%d.example ok\n" % (n % DOMAINS):
            raise SystemExit(f"the resolver says: {answer}")
    child.kill()
    child.wait()
    return p99(times)


def main():
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    to_drive()
    with place("filter-mta-sts", "mta-sts-resolver", "mta-sts-fetcher") as top:
        conf = configure(top, make_store(top, DOMAINS, 1), log_level="error",
                         resolver=top + "/mta-sts-resolver",
                         fetcher=top + "/mta-sts-fetcher", dns_timeout=30,
                         fetch_timeout=60, recheck=86400,
                         nameserver=f"127.0.0.1:{silent.getsockname()[1]}")
        for who, latency in (("filter", filter_latency),
                             ("resolver", resolver_latency)):
            hang, alone = turns(lambda: latency(top, conf, HANGING),
                                lambda: latency(top, conf, 0))
            row("9", f"{who}: p99 of a warm answer, {HANGING:,} hang", hang,
                alone, "us", goal="<= 2", against="none hangs")


if __name__ == "__main__":
    main()
