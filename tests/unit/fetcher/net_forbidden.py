# SPDX-License-Identifier: ISC
"""What this machine forbids is its own fault ("network"), and charged to no
policy host and no MX host; what the host does stays the host's."""
import contextlib
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_certs import Authority
from inject_dns import Server as DnsServer, a, aaaa
from inject_https import PLAIN, POLICY, Server, respond
from inject_smtp import Smtp
from inject_tap import Tap, run

tap = Tap()
HOST, MX = "mta-sts.case.test", "mx.case.test"
V4, V6 = "198.51.100.7", "2001:db8:7::7"


def ip(*words):
    return subprocess.run(["ip", *words], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


@contextlib.contextmanager
def rule(*words):
    """A rule before all others."""
    family = "-6" if V6 in words or "-6" in words else "-4"
    words = [w for w in words if w != "-6"]
    yield ip(family, "rule", "add", "pref", "1", *words)
    ip(family, "rule", "del", "pref", "1")


def fetch(port):
    lines = run("help_net_fetch", "-n", names.address, "-p", port, "-F",
                root.cert, "-f", 1500, "case.test")
    return re.search(r"fetch=(\S+)", lines[0])[1], lines


def probe(port):
    lines = run("help_probe", "-n", names.address, "-p", port, "-F", root.cert,
                "-f", 1500, "--", MX)
    return re.search(r"probe=(\S+)", lines[0])[1], lines


def expect(what, ask, port, status):
    got, lines = ask(port)
    tap.equal(got, status, what, *lines)


def no_route():
    """Nothing but loopback: a cable that is out, an interface not yet up."""
    expect("a fetch without any route", fetch, 4433, "network")
    expect("a probe without any route", probe, 4433, "network")
    names.zone[HOST] = names.zone[MX] = [aaaa(V6)]
    expect("no IPv6 here, and the host has nothing else", fetch, 4433,
           "fetch_connect")
    names.zone[HOST] = names.zone[MX] = [a(V4)]
    if not (ip("link", "add", "one", "type", "veth", "peer", "name", "two") and
            ip("link", "set", "two", "up") and ip("link", "set", "one", "up")):
        tap.skip("an IPv6 route without a use", "this kernel has no veth")
        return
    ip("-6", "address", "add", "fe80::7/64", "dev", "one", "nodad")
    for what, words in (
            ("a link-local network alone", ()),
            ("a local network of IPv6", ("route", "add", "fd00::/8")),
            ("a default route, and a link-local address",
             ("route", "add", "default")),
            ("a default route, and a local address",
             ("address", "add", "fd00:7::7/64", "nodad"))):
        if words:
            ip("-6", *words[:3], "dev", "one", *words[3:])
        expect(f"no IPv4 route, and of IPv6 {what}: a fetch", fetch, 4433,
               "network")
        expect(f"{what}: a probe", probe, 4433, "network")
    ip("-6", "address", "add", "2a00:7::7/64", "dev", "one", "nodad")
    expect("IPv6 alone, and the host has none", fetch, 4433, "fetch_connect")
    ip("-6", "route", "replace", "unreachable", "default", "metric", "1")
    expect("a default route that leads nowhere", fetch, 4433, "network")
    ip("link", "delete", "one")
    ip("-6", "route", "delete", "unreachable", "default", "metric", "1")


def forbidden(ask, port, well):
    expect("nothing is forbidden", ask, port, well)
    for what, words in {
            "a prohibiting rule": ("prohibit",),
            "one for this port": ("ipproto", "tcp", "dport", str(port),
                                  "prohibit"),
            "one for this user": ("uidrange", "0-0", "prohibit")}.items():
        with rule("to", V4, *words) as made:
            if made:
                expect(what, ask, port, "network")
            else:
                tap.skip(what, "this ip or kernel has no such rule")
    # The host's addresses are tried in turn; one will do.
    names.zone[HOST] = names.zone[MX] = [a(V4), aaaa(V6)]
    with rule("-6", "to", V6, "prohibit"):
        expect("IPv6 is forbidden, IPv4 works", ask, port, well)
    names.zone[HOST] = names.zone[MX] = [a(V4)]


def main():
    no_route()
    ip("address", "add", V4 + "/32", "dev", "lo")
    ip("-6", "address", "add", V6 + "/128", "dev", "lo", "nodad")
    with Server(good, respond(POLICY, PLAIN), address=V4) as server:
        forbidden(fetch, server.port, "ok")
    with Smtp(mx_good, address=V4) as server:
        forbidden(probe, server.port, "ok")
    expect("a host that refuses", fetch, 4433, "fetch_connect")
    expect("an MX host that refuses", probe, 4433, "mx_connect")
    ip("route", "add", "unreachable", "203.0.113.0/24")
    names.zone[HOST] = [a("203.0.113.9")]
    expect("a host that is unreachable", fetch, 4433, "fetch_connect")


with tempfile.TemporaryDirectory(prefix="net-forbidden-") as scratch:
    root = Authority(scratch, "root")
    good = root.issue("x", f"subjectAltName=DNS:{HOST}")
    mx_good = root.issue("mx", f"subjectAltName=DNS:{MX}")
    ip("link", "set", "lo", "up")
    # Addresses of this machine are routed by a rule that comes first.
    for family in "-4", "-6":
        ip(family, "rule", "add", "pref", "100", "lookup", "local")
        ip(family, "rule", "del", "pref", "0")
    with DnsServer({HOST: [a(V4)], MX: [a(V4)]}) as names:
        main()
sys.exit(tap.done())
