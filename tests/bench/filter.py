#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 5: recipients through the filter, their domains in the store, 64 under
way; beside a filter that reads the same files and says proceed (mini_filter.c),
and, for a whole message, beside filter-dkimsign, which signs it.

Both of the latter are sent what they register for, and nothing else, as smtpd
does it.  The message has BODY lines and one recipient."""
import subprocess

from benchlib import (BUILD, NOBODY, configure, few, make_store, os, place, row,
                      turns)
from peers import Missing, command, tree, version
from smtpd import lines, rcpt, start_filter

DOMAINS, RECIPIENTS = 1000, few(40000, 500)
MESSAGES, BODY = few(2000, 20), 60


def ours(top, conf):
    return start_filter([top + "/filter-mta-sts", "-f", conf])


def recipients(peer, domains):
    asked = [rcpt(n, b"n%d.example" % (n % domains)) for n in range(RECIPIENTS)]
    peer.ask(asked[:domains], lines)
    cpu, seconds = peer.ask(asked, lines)
    peer.end()
    return cpu / RECIPIENTS, RECIPIENTS / seconds


def wanted(peer, event):
    return f"register|report|smtp-in|{event}" in peer.registered


def transaction(peer, number, domain):
    """A message of a session of its own, in one piece."""
    session = b"%x" % (number + 2)
    out = []

    def report(event, rest):
        if wanted(peer, event):
            out.append(b"report|0.7|1.1|smtp-in|%s|%s|%s\n" % (
                event.encode(), session, rest))

    def request(phase, rest):
        if f"register|filter|smtp-in|{phase}" in peer.registered:
            out.append(b"filter|0.7|1.1|smtp-in|%s|%s|%x|%s\n" % (
                phase.encode(), session, number, rest))

    report("link-connect", b"n|pass|192.0.2.9:4711|192.0.2.1:25")
    report("link-auth", b"pass|u")
    report("tx-reset", b"1")
    report("tx-begin", b"1")
    report("tx-mail", b"1|ok|u@mail.example")
    request("rcpt-to", b"u@" + domain)
    report("tx-rcpt", b"1|ok|u@" + domain)
    report("tx-data", b"1|ok")
    request("data", b"")
    for line in (b"From: u@mail.example", b"To: u@" + domain, b"Subject: a bench",
                 b"Date: Thu, 1 Jan 2026 00:00:00 +0000", b"",
                 *[b"a line of the message, which says nothing at all"] * BODY,
                 b"."):
        request("data-line", line)
    request("commit", b"")
    report("tx-commit", b"1|4096")
    report("link-disconnect", b"")
    return b"".join(out)


def messages(peer, domains):
    asked = [transaction(peer, n, b"n%d.example" % (n % domains))
             for n in range(MESSAGES)]
    # One for each message: its last line back, or the answer to the recipient.
    last = (b"|.\n" if "register|filter|smtp-in|data-line" in peer.registered
            else b"|proceed\n")

    def answers(data):
        end = data.rfind(b"\n") + 1
        return data[:end].count(last), end

    peer.ask(asked[:len(asked) // 10 + 1], answers)
    cpu, _ = peer.ask(asked, answers)
    peer.end()
    return cpu / MESSAGES


def dkimsign(top):
    """Its key of 2048 bits, and its command."""
    where, key = tree("dkimsign"), top + "/key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True,
                   stderr=subprocess.DEVNULL)
    if os.getuid() == 0:
        os.chown(key, NOBODY, NOBODY)
    return (command(where, "/usr/libexec/opensmtpd/filter-dkimsign", "-d",
                    "mail.example", "-s", "s", "-k", key),
            "filter-dkimsign " + version(where, "opensmtpd-filter-dkimsign"))


def main():
    with place("filter-mta-sts", "mta-sts-resolver", "mta-sts-fetcher") as top:
        settings = {"log_level": "error", "resolver": top + "/mta-sts-resolver",
                    "fetcher": top + "/mta-sts-fetcher"}
        state = make_store(top, DOMAINS, 1)
        conf = configure(top, state, **settings)
        for kind, domains in ("policy", state), ("none", make_store(top, DOMAINS, 0)):
            conf = configure(top, domains, **settings)
            a, b = turns(
                lambda: recipients(ours(top, conf), DOMAINS),
                lambda: recipients(start_filter(
                    [BUILD + "/bench/mini_filter", domains]), DOMAINS))
            row("5", f"filter, recipient, {kind}, CPU", [x[0] for x in a],
                [x[0] for x in b], "us", goal="<= 2",
                against="a filter that reads the same")
            row("5", f"filter, recipients, {kind}", [x[1] for x in a],
                [x[1] for x in b], "per s",
                against="a filter that reads the same")
        conf = configure(top, state, **settings)
        try:
            words, name = dkimsign(top)
        except Missing as why:
            row("5", "filter, a message, CPU", messages(ours(top, conf), DOMAINS),
                None, "us", goal="<= 0.5", against="filter-dkimsign",
                note=str(why))
            return
        a, b = turns(lambda: messages(ours(top, conf), DOMAINS),
                     lambda: messages(start_filter(words), DOMAINS))
        row("5", "filter, a message, CPU", a, b, "us", goal="<= 0.5",
            against=name)


if __name__ == "__main__":
    main()
