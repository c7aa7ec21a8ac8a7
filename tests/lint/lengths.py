#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""usage: lengths.py [DIRECTORY]

How long the functions and files of the programs are, tests left out; prints the
figures, and the lines of code of each folder without comments and blank lines.
A function counts from the line of its name to its closing brace.

It fails where the median of the functions, their 95th percentile or a file is
too long, or where a state machine does not open with a block comment that says
how it works.  Before that it measures sources that break each of these rules,
and fails where one of them passes.  One line a fault; exit status 1 where there
is one."""
import glob
import os
import re
import sys

MEDIAN_MAX, P95_MAX, FILE_MAX = 15, 35, 600
ROOMS = ("common/*", "exim", "exim/*", "opensmtpd", "opensmtpd/*")
MACHINES = (
    "common/base/config.c", "common/client/worker.c",
    "common/fetcher/transfer.c", "common/loop/loop.c",
    "common/resolver/fetch.c", "common/resolver/lookup.c",
    "common/resolver/probe.c",
)
# A comment of two lines or more, between the licence and the first include.
OPENING = re.compile(r"\A/\* SPDX[^\n]*\*/\n/\*\n(?: \*[^\n]*\n){2,} \*/\n")
COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
                     r"|/\*.*?\*/|//[^\n]*", re.S)


def functions(text):
    """(lines, name) of each.  The format check holds what this relies on: name
    and outer braces of a function, and of nothing else, begin their lines."""
    found, name, begin, inside = [], None, 0, False
    for number, line in enumerate(text.split("\n")):
        named = re.match(r"(\w+)\(", line)
        if named and not inside:
            name, begin = named.group(1), number
        elif line == "{":
            inside = True
        elif line == "}" and inside:
            found.append((number - begin + 1, name))
            inside = False
    return found


def percentile(lengths, percent):
    """The least length that so many percent of them do not exceed."""
    return sorted(lengths)[max(0, -(-len(lengths) * percent // 100) - 1)]


def code_lines(text):
    text = COMMENT.sub(lambda m: m.group(1) or "", text)
    return sum(1 for line in text.split("\n") if line.strip())


def faults(files, machines):
    """What is wrong with files, {path: text}; a sentence each."""
    lengths = [n for text in files.values() for n, _ in functions(text)]
    if not lengths:
        return ["no functions found"]
    bad = []
    for what, percent, most in (("median", 50, MEDIAN_MAX),
                                ("95th percentile", 95, P95_MAX)):
        value = percentile(lengths, percent)
        if value > most:
            bad.append(f"functions: {what} {value} lines, not {most} at most")
    for path, text in files.items():
        lines = text.count("\n")
        if lines > FILE_MAX:
            bad.append(f"{path}: {lines} lines, not {FILE_MAX} at most")
    for path in machines:
        if not OPENING.match(files.get(path, "")):
            bad.append(f"{path}: no block comment opens this state machine")
    return bad


def self_check():
    """That each rule is seen to be broken, and by nothing short of that."""
    def function(lines):
        return "static int\nname(void)\n{\n" + "\tx();\n" * (lines - 3) + "}\n"

    opening = ("/* SPDX-License-Identifier: ISC */\n"
               "/*\n * How\n * and why.\n */\n")
    good = opening + function(MEDIAN_MAX) * 18 + function(P95_MAX) * 2
    full = good + "\n" * (FILE_MAX - good.count("\n"))
    cases = (
        ("", full),
        ("no functions", opening),
        ("functions: median", opening + function(MEDIAN_MAX + 1) * 20),
        ("functions: 95th", opening + function(MEDIAN_MAX) * 18 +
         function(P95_MAX + 1) * 2),
        ("m.c: 601 lines", full + "\n"),
        ("m.c: no block", good.replace("/*\n", "\n").replace(" */\n", "\n")),
        ("m.c: no block", good.replace(" * and why.\n", "")),
    )
    bad = []
    for expected, text in cases:
        found = faults({"m.c": text}, ("m.c",))
        if ([f for f in found if not f.startswith(expected)]
                if expected else found) or bool(expected) != bool(found):
            bad.append(f"self-check: {expected or 'no fault'}: {found}")
    if not faults({"other.c": full}, ("m.c",)):
        bad.append("self-check: a state machine that is not there passes")
    if code_lines('/*\n * a\n */\n\nchar *b = "/*"; /* c */\n// d\ne;\n') != 2:
        bad.append("self-check: lines of code are miscounted")
    return bad


def report(files):
    found = sorted((n, path, name) for path, text in files.items()
                   for n, name in functions(text))
    lengths = [n for n, _, _ in found]
    print(f"lengths: {len(found)} functions, median "
          f"{percentile(lengths, 50)} lines, 95th percentile "
          f"{percentile(lengths, 95)}, longest {found[-1][0]} "
          f"({found[-1][2]} in {found[-1][1]})")
    longest = max(files, key=lambda path: files[path].count("\n"))
    print(f"lengths: {len(files)} files, longest "
          f"{files[longest].count(chr(10))} lines ({longest})")
    rooms = {}
    for path, text in files.items():
        room = os.path.dirname(path)
        rooms[room] = rooms.get(room, 0) + code_lines(text)
    print("lengths: lines of code: " + ", ".join(
        f"{room} {rooms[room]}" for room in sorted(rooms)) +
        f"; all {sum(rooms.values())}")


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else ".")
    files = {}
    for path in sorted(p for r in ROOMS for p in glob.glob(r + "/*.[ch]")):
        with open(path, encoding="utf-8") as f:
            files[path] = f.read()
    bad = self_check() + faults(files, MACHINES)
    print("\n".join(bad) + "\n" if bad else "", end="")
    if any(functions(text) for text in files.values()):
        report(files)
    return 1 if bad else 0


sys.exit(main())
