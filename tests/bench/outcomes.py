#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 12: what reports cost.  Outcomes appended by eight processes at once,
beside eight that write the same lines to a file; a day of a million sessions to
1,000 domains added up, with the JSON of each domain, beside `wc` over the same
file; one outcome appended while a delivery waits for it.

Seconds are of the clock, in the C locale, the file in the page cache.  System
calls are those that test_outcome_calls counts."""
import os
import re
import subprocess
import time

from benchlib import (BUILD, drop, few, make_state, place, row, run, turns,
                      unprivileged)

SIZES = few((10000, 100000, 1000000), (200, 500, 1000))
WRITERS, APPENDS = 8, few(20000, 100)
C_LOCALE = dict(os.environ, LC_ALL="C")


def timed(*words):
    """Seconds, and what it printed."""
    began = time.monotonic()
    said = run(*words, env=C_LOCALE, preexec_fn=unprivileged)
    return time.monotonic() - began, said.strip()


def day_of(top, program, sessions):
    """A state directory with a day of so many, and the file of that day."""
    state = make_state(top)
    run("mkdir", "-m", "750", state + "/outcomes", preexec_fn=unprivileged)
    timed(program, "make", state, sessions, 1000)
    return state, f"{state}/outcomes/{os.listdir(state + '/outcomes')[0]}"


def aggregate(program, state, sessions, peaks):
    seconds, said = timed(program, "aggregate", state)
    counted, kib = map(int, said.split())
    if counted != sessions:
        raise SystemExit(f"{counted} of {sessions} sessions were added up")
    peaks.append(kib / 1024)
    return seconds


def show_aggregation(top, program):
    sizes, peaks = [], []
    for sessions in SIZES:
        state, path = day_of(top, program, sessions)
        ours, beside = turns(
            lambda: aggregate(program, state, sessions, peaks),
            lambda: timed("wc", path)[0])
        sizes.append([sessions, sorted(ours)[len(ours) // 2],
                      sorted(beside)[len(beside) // 2]])
    row("12", f"{SIZES[-1]:,} outcomes added up", ours, beside, "s",
        goal="<= 3", against="wc", sizes=sizes)
    row("12", "its memory", max(peaks), None, "MiB", goal="ours <= 32",
        against="")


def at_once(program, how, state):
    """Lines a second of all writers together."""
    began = time.monotonic()
    writers = [subprocess.Popen([program, how, state, str(APPENDS)],
                                stdout=subprocess.DEVNULL, preexec_fn=drop)
               for _ in range(WRITERS)]
    if any([writer.wait() for writer in writers]):
        raise SystemExit(f"outcomes {how} failed")
    return WRITERS * APPENDS / (time.monotonic() - began)


def show_appends(program, state):
    row("12", f"outcomes appended by {WRITERS} processes",
        *turns(lambda: at_once(program, "append", state),
               lambda: at_once(program, "bare", state)), "per s", goal=">= 0.5",
        against="write(2)")
    one, = turns(lambda: float(timed(program, "append", state, APPENDS)[1]))
    row("12", "an outcome appended", one, None, "us", goal="ours <= 15",
        against="")


def show_calls():
    found = re.search(r"^# (\d+) for the first outcome of all, (\d+) for",
                      timed(BUILD + "/tests/test_outcome_calls")[1],
                      re.MULTILINE)
    row("12", "its system calls", found and int(found.group(2)), None, "calls",
        goal="ours <= 10", against="",
        note=f"the first of a process: {found.group(1)}" if found
        else "no process may be traced here")


def main():
    with place("bench/outcomes") as top:
        program = top + "/outcomes"
        show_aggregation(top, program)
        show_appends(program, day_of(top, program, 1000)[0])
        show_calls()


if __name__ == "__main__":
    main()
