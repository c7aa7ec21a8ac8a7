#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What reports cost: a day of BENCH_OUTCOMES sessions (a million) to 1,000
domains added up, with the JSON of each domain, beside `wc` over the same file,
turn by turn; and one outcome appended while a delivery waits for it.

Medians of BENCH_ROUNDS.  Seconds are of the clock, in the C locale, the file in
the page cache; microseconds of an outcome likewise, thousands one after another.
System calls are those that test_outcome_calls counts.
"""
import os
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../unit/lib"))
from inject_scratch import unprivileged

ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
SESSIONS = int(os.environ.get("BENCH_OUTCOMES", 1000000))
APPENDS = 20000


def run(*words):
    """Seconds, and the last line that it printed."""
    began = time.monotonic()
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True,
                          env=dict(os.environ, LC_ALL="C")).stdout
    return time.monotonic() - began, said.strip()


def aggregate(program, state, path):
    turns, peak = [], 0
    for _ in range(ROUNDS):
        ours, said = run(program, "aggregate", state)
        sessions, kib = map(int, said.split())
        if sessions != SESSIONS:
            sys.exit(f"{sessions} of {SESSIONS} sessions were added up")
        peak = max(peak, kib)
        turns.append((ours, run("wc", path)[0]))
    ours, beside = (statistics.median(c) for c in zip(*turns))
    size = os.path.getsize(path) / 1048576
    print(f"{f'{SESSIONS} sessions, {size:.0f} MiB':40} {ours:9.2f} "
          f"{beside:9.2f} {ours / beside:6.2f}  (goal 3)")
    print(f"{'its memory, MiB':40} {peak / 1024:9.1f} {'':9} {'':6}  (goal 32)",
          flush=True)


def append(program, state):
    cost = statistics.median(
        float(run(program, "append", state, str(APPENDS))[1])
        for _ in range(ROUNDS))
    print(f"{'an outcome appended, microseconds':40} {cost:9.1f} {'':9} {'':6}"
          "  (goal 15)", flush=True)


def count_calls(program):
    found = re.search(r"^# (\d+) for the first outcome of all, (\d+) for",
                      run(program)[1], re.MULTILINE)
    calls = (f"{found.group(2):>9} {'first: ' + found.group(1):>9}" if found
             else f"{'-':>9} {'':9}")  # no process may be traced here
    print(f"{'its system calls':40} {calls} {'':6}  (goal 10)", flush=True)


def main(top):
    state, program = top + "/state", top + "/outcomes"
    os.makedirs(state + "/outcomes", 0o750)
    run(program, "make", state, str(SESSIONS), "1000")
    path = state + "/outcomes/" + os.listdir(state + "/outcomes")[0]
    print(f"{'seconds for a day of reports':40} {'ours':>9} {'wc':>9}")
    aggregate(program, state, path)
    append(program, state)
    count_calls(top + "/test_outcome_calls")


if __name__ == "__main__":
    with unprivileged("bench/outcomes", "tests/test_outcome_calls") as TOP:
        main(TOP)
