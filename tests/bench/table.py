#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 6: checks of domains through the table, in both protocols of smtpd, 64
under way; beside a table that reads the same files (mini_table.c) and beside
table-sqlite with the same domains."""
import sqlite3

from benchlib import (BUILD, configure, few, make_store, os, place, row, turns)
from peers import Missing, command, tree, version
from smtpd import (imsg_check, lines, messages, start_imsg_table,
                   start_text_table, text_check)

DOMAINS, CHECKS = 1000, few(40000, 500)
PROTOCOLS = (
    ("text", start_text_table, text_check, lines, "sqlite-text",
     "opensmtpd-table-sqlite"),
    ("imsg", start_imsg_table, imsg_check, messages, "sqlite-imsg",
     "opensmtpd-extras"),
)


def checks(peer, question, parts):
    """Microseconds of CPU for each, and how many in a second."""
    asked = [question(n, b"n%d.example" % (n % DOMAINS)) for n in range(CHECKS)]
    peer.ask(asked[:DOMAINS], parts)
    cpu, seconds = peer.ask(asked, parts)
    peer.end()
    return cpu / CHECKS, CHECKS / seconds


def sqlite_conf(top):
    """A data base with the domains, and its configuration."""
    base, conf = top + "/domains.sqlite", top + "/sqlite.conf"
    if not os.path.exists(base):
        with sqlite3.connect(base) as db:
            db.execute("CREATE TABLE domains (domain TEXT PRIMARY KEY)")
            db.executemany("INSERT INTO domains VALUES (?)",
                           [(f"n{n}.example",) for n in range(DOMAINS)])
        with open(conf, "w") as f:
            f.write(f"dbpath {base}\nquery_domain SELECT domain FROM domains "
                    "WHERE domain=?;\n")
        for path in base, conf:
            os.chmod(path, 0o644)
    return conf


def sqlite(top, name, package):
    where = tree(name)
    return (command(where, "/usr/libexec/opensmtpd/table-sqlite",
                    sqlite_conf(top)),
            f"table-sqlite {version(where, package)}")


def measure(top, conf, state, protocol, start, question, parts, name, package):
    def ours():
        return checks(start([top + "/table-mta-sts", conf]), question, parts)

    def mini():
        return checks(start([BUILD + "/bench/mini_table", state]), question,
                      parts)

    a, b = turns(ours, mini)
    row("6", f"table, {protocol}, a check, CPU", [x[0] for x in a],
        [x[0] for x in b], "us", goal="<= 2",
        against="a table that reads the same")
    work = f"table, {protocol}, checks"
    try:
        words, named = sqlite(top, name, package)
    except Missing as why:
        row("6", work, [x[1] for x in a], None, "per s", goal=">= 3",
            against="table-sqlite", note=str(why))
        return
    a, b = turns(ours, lambda: checks(start(words), question, parts))
    row("6", work, [x[1] for x in a], [x[1] for x in b], "per s", goal=">= 3",
        against=named)
    row("6", work + ", CPU of each", [x[0] for x in a], [x[0] for x in b], "us",
        against=named)


def main():
    with place("table-mta-sts", "mta-sts-resolver", "mta-sts-fetcher") as top:
        state = make_store(top, DOMAINS, 1)
        conf = configure(top, state, log_level="error",
                         resolver=top + "/mta-sts-resolver",
                         fetcher=top + "/mta-sts-fetcher")
        for protocol in PROTOCOLS:
            measure(top, conf, state, *protocol)


if __name__ == "__main__":
    main()
