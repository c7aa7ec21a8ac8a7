# SPDX-License-Identifier: ISC
"""A resolver that serves, and what asks it."""
import os
import subprocess

from benchlib import unprivileged

FLIGHT = 64


def start_resolver(top, conf):
    """On the measured core."""
    return subprocess.Popen([top + "/mta-sts-resolver", "-f", conf],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            bufsize=0, preexec_fn=unprivileged)


def ask(child, domains):
    """Looks the domains up, FLIGHT at a time; an answer that is not "ok" ends
    the program."""
    sent = done = 0
    rest = b""
    while done < len(domains):
        new = domains[sent:done + FLIGHT]
        sent += len(new)
        if new:
            os.write(child.stdin.fileno(),
                     "".join(f"lookup {name}\n" for name in new).encode())
        said = os.read(child.stdout.fileno(), 65536)
        *lines, rest = (rest + said).split(b"\n")
        if not said or any(not line.endswith(b" ok") for line in lines):
            raise SystemExit("the resolver says: " + said.decode())
        done += len(lines)


def end(child):
    child.stdin.close()
    child.wait()


def examples(count, first=0):
    return [f"n{n}.example" for n in range(first, first + count)]
