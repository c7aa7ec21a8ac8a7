#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Rows 3 and 13: whole deliveries of Debian's Exim in a world of the lab
(lab_exim.py).  Row 3: instructions of a delivery whose domain is known, with
MTA-STS beside without, counted by callgrind over all its processes.  Row 13: CPU
of 50 messages a second to domains never seen that have no record, beside the
same domains when they are known."""
import json
import os
import shutil
import subprocess

from benchlib import BUILD, HERE, ROUNDS, SHORT, few, row

TURNS, MESSAGES = min(ROUNDS, 2), few(300, 5)
GOALS = {"enforce, TLS reports": 1.03}
if not SHORT:
    GOALS = {"no policy": 1.01, "enforce": 1.02, **GOALS}
BUSY = f"busy Exim, {MESSAGES} domains without a record"


def lacks():
    """Why there can be no world here, or None."""
    if os.getuid() != 0:
        return "needs root, for a world of the lab"
    if shutil.which("valgrind") is None or not os.path.exists(
            "/usr/include/valgrind/callgrind.h"):
        return "valgrind is not installed"
    return None


def build_hook():
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o",
                    BUILD + "/bench/count_fork.so", HERE + "/count_fork.c"],
                   check=True)


def none(why):
    for name, goal in GOALS.items():
        row("3", f"delivery, warm: {name}", None, None, "M instr",
            goal=f"<= {goal}", against="without MTA-STS", note=why)
    row("13", BUSY, None, None, "ms", goal="<= 1.15", against="known domains",
        note=why)


def main():
    why = lacks()
    if why is None and subprocess.run(
            ["sh", "-c", ". tests/lab/packages.sh && unpack_servers"],
            cwd=HERE + "/../..", stdout=subprocess.DEVNULL).returncode:
        why = "Exim and the lab's servers could not be unpacked"
    if why:
        none(why)
        return
    build_hook()
    said = subprocess.run([HERE + "/../lab/enter", HERE + "/lab_exim.py",
                           str(TURNS), str(MESSAGES), *GOALS], text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(said.splitlines()[-1])
    for name, pairs in found["instructions"].items():
        ours, without = zip(*[[n / 1e6 for n in pair] for pair in pairs])
        row("3", f"delivery, warm: {name}", ours, without, "M instr",
            goal=f"<= {GOALS[name]}", against="without MTA-STS")
    cold, warm = zip(*[[1e3 * s / MESSAGES for s in pair]
                       for pair in found["busy"]])
    row("13", BUSY, cold, warm, "ms", goal="<= 1.15", against="known domains")


if __name__ == "__main__":
    main()
