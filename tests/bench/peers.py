# SPDX-License-Identifier: ISC
"""Programs of others, unpacked by peers.sh, and how they are started."""
import glob
import os
import subprocess

from benchlib import HERE, SHORT


class Missing(Exception):
    """Why there is no such program here."""


def tree(name):
    env = dict(os.environ)
    if SHORT:
        env["BENCH_OFFLINE"] = "1"
    done = subprocess.run([HERE + "/peers.sh", name], env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Missing((done.stderr.strip() or "peers.sh failed").split("\n")[-1])
    return done.stdout.strip()


def command(top, program, *arguments):
    """How a program of a tree is run with the libraries of that tree."""
    loader = glob.glob(top + "/usr/lib*/ld-linux-*") + \
        glob.glob(top + "/usr/lib/*/ld-linux-*")
    libraries = glob.glob(top + "/usr/lib/*-linux-gnu*")
    return [loader[0], "--library-path", ":".join(libraries), top + program,
            *arguments]


def version(top, package):
    """Of the package, as its own documents have it."""
    files = glob.glob(f"{top}/usr/share/doc/{package}/changelog.Debian*.gz") + \
        glob.glob(f"{top}/usr/share/doc/{package}/changelog.gz")
    if not files:
        return ""
    first = subprocess.run(["zcat", files[0]], stdout=subprocess.PIPE,
                           text=True).stdout.split("\n")[0]
    return first[first.find("(") + 1:first.find(")")]
