# SPDX-License-Identifier: ISC
"""What `make demo` prints at its end, from results that were made up."""
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
LAB = os.path.join(os.path.dirname(__file__), "../../lab")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_tap import Tap

tap = Tap()
ok, same = tap.ok, tap.equal
LONG = "a reason of many words, " * 12 + "and/one/word/" * 9


def rows():
    with open(os.path.join(LAB, "scenarios.tsv"), encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t",
                                   quoting=csv.QUOTE_NONE))


def results(**changed):
    """As each mail server's world leaves them."""
    found = {row["name"]: {"good": True, "verdict": row["expected"],
                           "expected": row["expected"], "reason": LONG,
                           "difference": "-"} for row in rows()}
    for name, value in changed.items():
        found[name.replace("_", "-")].update(value)
    return {"bounces": [], "rows": found}


def table(**mtas):
    with tempfile.TemporaryDirectory() as build:
        os.mkdir(build + "/lab")
        for name, result in mtas.items():
            path = f"{build}/lab/demo-{name.replace('_', '.')}.json"
            with open(path, "w", encoding="utf-8") as out:
                json.dump(result, out)
        done = subprocess.run(
            [sys.executable, "-B", LAB + "/demo.py", "--table"], text=True,
            encoding="utf-8", stdout=subprocess.PIPE, check=False,
            env={**os.environ, "LAB_BUILD": build, "PYTHONPATH": LAB,
                 "PYTHONIOENCODING": "utf-8"})
    return done.returncode, done.stdout.splitlines()


code, lines = table(exim=results(), **{"6_8": results(), "7_6": results()})
same(code, 0, "all as expected: exit status 0")
same(max(map(len, lines)), 80, "no line is longer than 80 columns")
text = " ".join(lines[:12])
ok(lines[1].startswith("What you see: Exim, OpenSMTPD 6.8, OpenSMTPD 7.6"),
   "the first lines say what it is")
for word in ("TLS:", "clear text:", "waits:", "RFC 8461"):
    ok(word in text, f"and what {word} is")
same(lines[-1], f"{3 * len(rows())} of {3 * len(rows())} verdicts as expected",
     "the last one has the count")
ok(all(any(re.match(rf"ok +{re.escape(row['domain'])} ", line)
           for line in lines) for row in rows()), "each domain has its row")
code, lines = table(exim=results(expired={"good": False,
                                          "verdict": "delivered tls"}))
same(code, 1, "one is wrong: exit status 1")
ok(any(re.match("WRONG expired.test +waits +WRONG: TLS +not built", line)
       for line in lines), "and its row says so")
ok("  exim: expired" in lines, "and so does the end")
same(max(map(len, lines)) <= 80, True, "in 80 columns")
tap.done()
