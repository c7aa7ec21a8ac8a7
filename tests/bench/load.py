#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Row 4: how long the dynamic loader takes for mta-sts.so in a new child, as
Exim has one for each delivery, beside an empty object.  In a host that has
libidn2 already, as Debian's Exim has by way of GnuTLS, and in one that has it
loaded for us."""
import os
import subprocess

from benchlib import BUILD, few, instructions, measured, place, row, run, turns

LOADS = few(400, 10)


def load(file, **env):
    return float(run(BUILD + "/tests/help_exim_load", file, LOADS,
                     env=dict(os.environ, **env), preexec_fn=measured))


def library():
    """libidn2 as the loader finds it."""
    said = subprocess.run(["ldd", BUILD + "/mta-sts.so"], text=True,
                          stdout=subprocess.PIPE).stdout
    for line in said.splitlines():
        if "libidn2" in line:
            return line.split()[2]
    return ""


def main():
    with place("mta-sts.so") as top:
        empty = top + "/empty.so"
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-x",
                        "c", "-o", empty, "/dev/null"], check=True)
        for host, env in (("that has libidn2", {"LD_PRELOAD": library()}),
                          ("that has it not", {})):
            ours, none = turns(lambda: load(top + "/mta-sts.so", **env),
                               lambda: load(empty, **env))
            row("4", f"loading mta-sts.so into a host {host}", ours, none, "us",
                goal="<= 3", against="an empty object")
        host = BUILD + "/bench/load_one"
        ours, none = (instructions(host, file)
                      for file in (top + "/mta-sts.so", empty))
        row("4", "the same, instructions of the host in all", ours, none,
            "instr", against="an empty object",
            note=None if ours else "valgrind is not installed")


if __name__ == "__main__":
    main()
