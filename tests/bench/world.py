# SPDX-License-Identifier: ISC
"""A world of its own for benches: name server and policy host on loopback under
their usual ports, as programs of others want them, in a network that ends with
the process.  And those programs, which answer Postfix's socketmap queries."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from benchlib import (BUILD, NOBODY, cpu_us, drop, measured, run, to_drive,
                      unprivileged)
from peers import Missing, command, tree, version

# What postfix-tlspol 1.13 took where it is not at hand: microseconds of CPU and
# lookups a second, on a machine of two cores, 2026-11-22.
TLSPOL_DATE = "2026-11-22"
TLSPOL = {"warm": 62.0, "cold none": 5400.0, "cold policy": 719.0,
          "resident": 25.0}


def enter():
    """Runs this program again in a world of its own; only root can."""
    if os.environ.get("BENCH_WORLD"):
        with open(os.environ["BENCH_WORLD"], "w") as f:
            f.write("nameserver 127.0.0.1\n")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "--bind", os.environ["BENCH_WORLD"],
                        os.path.realpath("/etc/resolv.conf")], check=True)
        os.unlink(os.environ["BENCH_WORLD"])
        return True
    if os.getuid() != 0:
        return False
    os.environ["BENCH_WORLD"] = f"/tmp/mta-sts-bench.resolv.{os.getpid()}"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation",
                          "private", sys.executable, *sys.argv])


@contextlib.contextmanager
def server(*words):
    """A program that prints its port, and ends with its standard input."""
    process = subprocess.Popen([str(w) for w in words], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()


@contextlib.contextmanager
def policies(top, dns_port=53, https_port=443):
    """A world in which each domain has a policy: (DNS port, HTTPS port, file of
    the authority)."""
    to_drive()
    ca = top + "/ca.pem"
    with server(BUILD + "/bench/dns_none", 0, dns_port, "policies") as dns, \
            server(BUILD + "/bench/https_policies", https_port, ca) as https:
        os.chmod(ca, 0o644)
        yield dns, https, ca


class Daemon:
    """A policy daemon that is running, and on which port."""

    def __init__(self, words, port, name, question, env=None):
        self.port, self.name, self.question = port, name, question
        self.process = subprocess.Popen(
            [str(w) for w in words], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=unprivileged, env=env, cwd="/")
        for _ in range(300):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.end()
        raise Missing(f"{name} does not start")

    def ask(self, connections, first, domains, count):
        """CPU of both sides and seconds, both in microseconds a question; how
        many had a policy."""
        before = cpu_us(self.process.pid)
        own, clock, found = map(float, run(
            BUILD + "/bench/ask_map", self.port, self.question, connections,
            first, domains, count, preexec_fn=drop).split())
        return ((cpu_us(self.process.pid) - before) / count + own, clock,
                int(found))

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def own_place(top, name):
    where = tempfile.mkdtemp(prefix=name + ".", dir=top)
    os.chown(where, NOBODY, NOBODY)
    return where


def tlspol(top, ca):
    """postfix-tlspol: that of TLSPOL=PROGRAM, or Debian's."""
    if not os.environ.get("BENCH_WORLD"):
        raise Missing("needs root, for a network of its own")
    program = os.environ.get("TLSPOL")
    if not program:
        program = tree("tlspol") + "/usr/bin/postfix-tlspol"
    said = subprocess.run([program, "-version"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    where = own_place(top, "tlspol")
    with open(where + "/config.yaml", "w") as f:
        f.write("server:\n  address: 127.0.0.1:8642\n  log-level: error\n"
                f"  prefetch: false\n  cache-file: {where}/cache.db\n"
                "dns:\n  address: 127.0.0.1:53\n")
    number = [w[1:] for w in said.split() if w[:1] == "v" and w[1:2].isdigit()]
    return Daemon([program, "-config", where + "/config.yaml"], 8642,
                  " ".join(["postfix-tlspol", *number[:1]]), "QUERY",
                  env={"SSL_CERT_FILE": ca, "PATH": "/usr/bin"})


def resolver(top, ca):
    """postfix-mta-sts-resolver with its cache in memory, which is its fastest."""
    if not os.environ.get("BENCH_WORLD"):
        raise Missing("needs root, for a network of its own")
    where, conf = tree("resolver"), own_place(top, "resolver") + "/conf.yml"
    with open(conf, "w") as f:
        f.write("host: 127.0.0.1\nport: 8461\ncache:\n  type: internal\n"
                "  options:\n    cache_size: 100000\n"
                "default_zone:\n  strict_testing: false\n  timeout: 20\n")
    return Daemon(command(where, "/usr/bin/python3",
                          where + "/usr/bin/mta-sts-daemon", "-c", conf, "-v",
                          "error"), 8461,
                  "postfix-mta-sts-resolver " +
                  version(where, "postfix-mta-sts-resolver"), "default",
                  env={"SSL_CERT_FILE": ca, "PATH": "/usr/bin"})
