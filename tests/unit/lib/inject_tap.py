# SPDX-License-Identifier: ISC
"""The Test Anything Protocol for the network's test scripts."""
import os
import subprocess
import sys

BUILD = os.environ.get("B", "build")


class Tap:
    def __init__(self):
        self.run = 0
        self.failed = 0

    def ok(self, holds, what, *notes):
        """One assertion, named after the behaviour it holds."""
        self.run += 1
        if not holds:
            self.failed += 1
        print(f"{'' if holds else 'not '}ok {self.run} - {what}")
        if not holds:
            for note in notes:
                self.diag(note)
        sys.stdout.flush()
        return holds

    def equal(self, got, expected, what, *notes):
        return self.ok(got == expected, what,
                       f"got {got!r}, expected {expected!r}", *notes)

    def skip(self, what, why):
        self.run += 1
        print(f"ok {self.run} - # SKIP {what}: {why}")

    def diag(self, text):
        for line in str(text).splitlines():
            print(f"# {line}")

    def done(self):
        print(f"1..{self.run}")
        return 0 if self.run and not self.failed else 1


def run(program, *args, env=None):
    """
    The lines a test program prints; its failure is a line of its own.
    WRAPPER may name a command to run it under, such as valgrind.
    """
    command = [*os.environ.get("WRAPPER", "").split(), os.path.join(BUILD, "tests", program),
               *map(str, args)]
    full = dict(os.environ, **(env or {}))
    try:
        done = subprocess.run(command, env=full, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120,
                              check=False)
    except subprocess.TimeoutExpired:
        return ["(the program hangs)"]
    lines = done.stdout.decode("latin-1").splitlines()
    if done.returncode != 0:
        lines.append(f"(exit status {done.returncode})")
    return lines
