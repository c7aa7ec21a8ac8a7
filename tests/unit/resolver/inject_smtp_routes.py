# SPDX-License-Identifier: ISC
"""Routes and probes: the serving resolver, its store, a DNS server and MX
hosts on loopback."""
import os
import re
import subprocess
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_certs import BEFORE, Authority
from inject_dns import Server as DnsServer, a, aaaa, cname, mx
from inject_scratch import unprivileged
from inject_smtp import CLOSE, GREETING, Smtp
from inject_tap import Tap

tap = Tap()
HERE = [a("127.0.0.1")]


class Resolver:
    """A serving resolver with a store of its own, or another's."""

    def __init__(self, port=1, state=None, **settings):
        if state is None:
            state = tempfile.mkdtemp(dir=scratch)
        self.state, self.port = state, port
        lines = {"state-dir": state, "allow-private": "yes",
                 "dns-timeout": 1, "fetch-timeout": 2, "ca-file": root.cert,
                 "nameserver": names.address,
                 "fetcher": os.path.join(scratch, "mta-sts-fetcher")}
        lines.update({k.replace("_", "-"): v for k, v in settings.items()})
        self.conf = tempfile.mkstemp(dir=scratch)[1]
        with open(self.conf, "w", encoding="ascii") as out:
            out.writelines(f"{k} {v}\n" for k, v in lines.items())
        self.log = tempfile.mkstemp(dir=scratch)[1]
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, self.conf, "serve", str(self.port)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.stdin.close()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "(hangs)"
        self.process.stdout.close()
        if status != 0:
            tap.ok(False, "the resolver ends well", status, self.logged())

    def restart(self):
        self.end()
        self.start()

    def say(self, *requests):
        self.process.stdin.write("".join(
            r + "\n" for r in requests).encode())
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().decode().rstrip("\n")

    def ask(self, *requests):
        """The answers, in the order of the requests."""
        self.say(*requests)
        answers = [self.hear() for _ in requests]
        found = {}
        for line in answers:
            word, name, rest = line.split(" ", 3)[1:]
            found[f"{word} {name}"] = rest
        out = [found.get(r, "; ".join(answers)) for r in requests]
        return out[0] if len(out) == 1 else out

    def logged(self):
        with open(self.log, encoding="latin-1") as log:
            return log.read()

    def run(self, *arguments):
        subprocess.run([PROGRAM, self.conf, *map(str, arguments)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def policy(self, domain, *patterns):
        self.run("policy", domain, *patterns)

    def age(self, domain, seconds):
        self.run("age", domain, seconds)

    def file(self, domain):
        for top, _, files in os.walk(os.path.join(self.state, "routes")):
            if domain in files:
                return os.path.join(top, domain)
        return None

    def routes(self, domain):
        """{"status": ..., "implicit": ..., "mx": [{...}, ...]}, or None."""
        path = self.file(domain)
        if path is None:
            return None
        out = {"mx": []}
        with open(path, encoding="ascii") as text:
            for line in text.read().split("\n")[1:]:
                key, _, value = line.partition(":")
                value = value.strip()
                if key == "mx":
                    out["mx"].append({"host": value})
                elif out["mx"] and key in ("preference", "permitted",
                                           "addresses", "probed", "probe"):
                    out["mx"][-1][key] = value
                else:
                    out.setdefault(key, value)
        return out

    def hosts(self, domain):
        routes = self.routes(domain)
        return [m["host"] for m in routes["mx"]] if routes else None

    def probe(self, domain, host):
        """(was it probed, what it said) as the domain's routes have it."""
        for m in (self.routes(domain) or {"mx": []})["mx"]:
            if m["host"] == host:
                return m["probed"] != "0", m["probe"]
        return None


def zone(**records):
    names.zone.clear()
    names.zone.update({k.replace("_", "."): v for k, v in records.items()})


# Routes.

def kinds():
    zone(
        two_test=[mx(20, "b.two.test"), mx(10, "a.two.test")],
        a_two_test=[a("127.0.0.1"), aaaa("::1"), a("127.0.0.2")],
        b_two_test=HERE,
        null_test=[mx(0, "")],
        nullandmore_test=[mx(0, ""), mx(10, "a.two.test")],
        implicit_test=HERE,
        aliased_test=[cname("implicit.test")],
        bare_test="nodata",
        gone_test="nxdomain",
        broken_test="servfail",
        mute_test="silence",
        address_test=[mx(10, "127.0.0.1")],
        addressand_test=[mx(5, "127.0.0.1"), mx(10, "a.two.test")],
        dangling_test=[mx(10, "none.two.test")],
        half_test=[mx(5, "none.two.test"), mx(10, "b.two.test")],
        shaky_test=[mx(5, "shaky.two.test")],
        shakyhalf_test=[mx(5, "shaky.two.test"), mx(10, "b.two.test")],
        shaky_two_test="servfail",
        cased_test=[mx(10, "B.Two.Test")],
        twice_test=[mx(30, "b.two.test"), mx(10, "b.two.test")],
    )
    rows = [
        ("two", "ok", ["a.two.test", "b.two.test"], "by preference"),
        ("null", "null_mx", [], "null MX"),
        ("nullandmore", "ok", ["a.two.test"],
         "a null MX beside others is ignored"),
        ("implicit", "ok", ["implicit.test"], "no MX: the domain itself"),
        ("aliased", "ok", ["aliased.test"], "the domain is a CNAME"),
        ("bare", "no_mx_host", [], "no MX and no address"),
        ("gone", "dns_nxdomain", [], "no such domain"),
        ("broken", "dns_servfail", [], "SERVFAIL"),
        ("mute", "dns_timeout", [], "no answer"),
        ("address", "no_mx_host", [], "an address as MX"),
        ("addressand", "ok", ["a.two.test"], "an address beside a host"),
        ("dangling", "no_mx_host", [], "an MX host that does not exist"),
        ("half", "ok", ["b.two.test"], "one of two does not exist"),
        ("shaky", "dns_servfail", [], "an MX host that is not known"),
        ("shakyhalf", "ok", ["b.two.test"], "one of two is not known"),
        ("cased", "ok", ["b.two.test"], "upper case"),
        ("twice", "ok", ["b.two.test"], "named twice"),
    ]
    with Resolver() as r:
        answers = r.ask(*(f"routes {row[0]}.test" for row in rows))
        for (domain, status, hosts, what), answer in zip(rows, answers):
            routes = r.routes(domain + ".test") or {}
            tap.equal((answer, routes.get("status"),
                       r.hosts(domain + ".test")), ("ok", status, hosts),
                      what)
        tap.equal(r.routes("implicit.test")["implicit"], "1",
                  "the implicit MX is marked")
        tap.equal(r.routes("two.test")["implicit"], "0", "others are not")
        tap.equal(r.routes("two.test")["mx"][0]["addresses"],
                  "::1 127.0.0.1", "two addresses, of both kinds")
        tap.equal(r.routes("twice.test")["mx"][0]["preference"], "10",
                  "the better preference of two")


def private():
    zone(p_test=[mx(5, "in.p.test"), mx(10, "out.p.test")],
         in_p_test=[a("10.0.0.1"), a("127.0.0.1"), aaaa("fd00::1")],
         out_p_test=[a("10.0.0.1"), a("8.8.8.8")],
         q_test=[mx(5, "in.p.test")])
    with Resolver(allow_private="no") as r:
        r.ask("routes p.test", "routes q.test")
        tap.equal(r.hosts("p.test"), ["out.p.test"],
                  "a host with private addresses only is none")
        tap.equal(r.routes("p.test")["mx"][0]["addresses"], "8.8.8.8",
                  "private addresses are left out")
        tap.equal(r.routes("q.test")["status"], "no_mx_host",
                  "and if that is the only host")


def order():
    hosts = [f"h{i}.o.test" for i in range(12)]
    zone(o_test=[mx(10, h) for h in reversed(hosts)],
         m_test=[mx(10, h) for h in hosts], **{
             h.replace(".", "_"): HERE for h in hosts})
    first = sorted(hosts)[:8]
    with Resolver() as r:
        for _ in range(3):
            r.ask("routes o.test")
            tap.equal(r.hosts("o.test"), first,
                      "equal preferences: always in the same order")
        r.policy("m.test", "h9.o.test", "h5.o.test")
        r.ask("routes m.test")
        kept_hosts = [h for h in sorted(hosts)
                      if h[:2] not in ("h4", "h6", "h7", "h8")]
        tap.equal(r.hosts("m.test"), kept_hosts,
                  "a permitted host is not crowded out by eight others")
        permitted = [m["host"] for m in r.routes("m.test")["mx"]
                     if m["permitted"] == "1"]
        tap.equal(permitted, ["h5.o.test", "h9.o.test"],
                  "what the policy names is marked")


def policy_unreadable():
    """What the policy permits is not known: nothing is written."""
    zone(c_test=[mx(10, "h.c.test")], h_c_test=HERE)
    with Resolver() as r:
        r.policy("c.test", "h.c.test")
        path = next(os.path.join(top, "c.test") for top, _, files
                    in os.walk(os.path.join(r.state, "policies"))
                    if "c.test" in files)
        with open(path, "r+b") as policy:
            whole = policy.read()
            policy.seek(0)
            policy.write(b"X")
        tap.equal(r.ask("routes c.test"), "fault entry_corrupt",
                  "a policy that cannot be read: a fault of this machine")
        tap.equal(r.routes("c.test"), None, "and no routes are written")
        with open(path, "r+b") as policy:
            policy.write(whole)
        tap.equal(r.ask("routes c.test"), "ok", "once it can be read")
        tap.equal(r.routes("c.test")["mx"][0]["permitted"], "1",
                  "they are, and say what it permits")


def beyond_eight():
    """MX hosts without an address take no place of others."""
    hosts = [f"h{i:02}.t.test" for i in range(1, 31)]
    zone(t_test=[mx(i, h) for i, h in enumerate(hosts[:12])],
         u_test=[mx(i, h) for i, h in enumerate(hosts)],
         v_test=[mx(1, "in.t.test"), mx(2, "h09.t.test")],
         in_t_test=[a("10.0.0.1")],
         **{h.replace(".", "_"): HERE for h in hosts[8:12] + hosts[25:]})
    with Resolver() as r:
        r.ask("routes t.test", "routes u.test")
        tap.equal((r.hosts("t.test"), r.routes("t.test")["more"]),
                  (hosts[8:12], "8"),
                  "twelve hosts, the first eight without an address: the "
                  "ninth and those behind it; eight are left out")
        tap.equal((r.hosts("u.test"), r.routes("u.test")["more"]),
                  (hosts[8:12] + hosts[25:29], "22"),
                  "eight of thirty, wherever they stand")
        tap.equal(r.routes("u.test")["unusable"], "ok",
                  "without a policy no host is missed")
        r.policy("u.test", "h01.t.test", "h30.t.test")
        r.ask("routes u.test")
        tap.equal((r.hosts("u.test")[-1], len(r.hosts("u.test"))),
                  ("h30.t.test", 8), "a permitted one at the end is there")
        tap.equal(r.routes("u.test")["unusable"], "mx_no_address",
                  "why the first permitted one is not, is kept")
        names.zone["h01.t.test"] = "servfail"
        r.ask("routes u.test")
        tap.equal(r.routes("u.test")["unusable"], "dns_servfail",
                  "so where its DNS fails")
    with Resolver(allow_private="no") as r:
        names.zone["h09.t.test"] = [a("8.8.8.8")]
        r.policy("v.test", "in.t.test")
        r.ask("routes v.test")
        tap.equal((r.hosts("v.test"), r.routes("v.test")["unusable"]),
                  (["h09.t.test"], "mx_private_address"),
                  "so where its addresses are private")


def unknown_later():
    """An unanswered question never replaces what is known."""
    zone(k_test=[mx(10, "a.k.test"), mx(20, "b.k.test")], a_k_test=HERE,
         b_k_test=HERE)
    with Resolver() as r:
        r.ask("routes k.test")
        r.age("k.test", 1000)
        with open(r.file("k.test"), "rb") as f:
            before = f.read()
        for behaviour in ("servfail", "silence", "malformed"):
            names.zone["k.test"] = behaviour
            tap.equal(r.ask("routes k.test"), "ok", f"later: {behaviour}")
            with open(r.file("k.test"), "rb") as f:
                tap.ok(f.read() == before, "the routes stay as they were")
        names.zone["k.test"] = [mx(10, "a.k.test"), mx(20, "c.k.test")]
        names.zone["a.k.test"] = "servfail"
        names.zone["c.k.test"] = HERE
        r.ask("routes k.test")
        tap.equal([(m["host"], m["addresses"])
                   for m in r.routes("k.test")["mx"]],
                  [("a.k.test", "127.0.0.1"), ("c.k.test", "127.0.0.1")],
                  "addresses that are not known now stay as they were")
        names.zone["a.k.test"] = "nxdomain"
        r.ask("routes k.test")
        tap.equal(r.hosts("k.test"), ["c.k.test"],
                  "addresses that are gone do not")
        names.zone["c.k.test"] = "servfail"
        tap.equal((r.ask("routes k.test"), r.hosts("k.test")),
                  ("ok", ["c.k.test"]), "the only host's neither")
        names.zone["k.test"] = "nxdomain"
        r.ask("routes k.test")
        tap.equal(r.routes("k.test")["status"], "dns_nxdomain",
                  "a domain that is gone is gone")


def deadline():
    """MX, then the addresses of all hosts at once: two DNS timeouts."""
    hosts = [f"h{i}.s.test" for i in range(8)]
    zone(s_test=("slow", 0.7, [mx(10, h) for h in hosts]), **{
        h.replace(".", "_"): "silence" for h in hosts})
    with Resolver() as r:
        began = time.monotonic()
        r.ask("routes s.test")
        took = time.monotonic() - began
        tap.ok(took < 2.5, "eight silent hosts take the time of one",
               f"{took:.1f} s")
        tap.equal(r.routes("s.test")["status"], "dns_timeout", "and say so")
        names.zone["j.test"] = "nodata"
        r.ask("routes j.test", "routes j.test")
        tap.equal([q[2] for q in names.asked("j.test")].count("MX"), 1,
                  "asked for twice at once, looked for once")


def routes_faults():
    zone(f_test=HERE)
    with Resolver() as r:
        r.ask("routes f.test")
        os.chmod(os.path.join(r.state, "routes"), 0o550)
        for top, _, _ in os.walk(os.path.join(r.state, "routes")):
            os.chmod(top, 0o550)
        tap.equal(r.ask("routes f.test"), "fault state_unwritable",
                  "routes that cannot be written are a fault")
        for top, _, _ in os.walk(os.path.join(r.state, "routes")):
            os.chmod(top, 0o750)
    r = Resolver()
    r.start()
    r.say("routes f.test", "probe x.test", "lookup f.test")
    r.process.stdin.close()
    heard = sorted(r.hear() for _ in range(4))
    tap.equal((r.process.wait(60), heard),
              (0, ["", "done lookup f.test ok",
                   "done probe x.test failed not_found",
                   "done routes f.test ok"]),
              "at the end of input all is finished")
    r.process.stdout.close()


# Probes.

def mail_zone(**more):
    zone(d_test=[mx(10, "mx.d.test"), mx(20, "mx2.d.test")],
         e_test=[mx(10, "mx.d.test")],
         mx_d_test=[a("127.0.0.1")], mx2_d_test=[a("127.0.0.2")], **more)


def recorded():
    mail_zone()
    with Smtp(good) as server, Resolver(server.port) as r:
        tap.equal(r.ask("probe mx.d.test"), "failed not_found",
                  "a host that no routes name is not probed")
        tap.equal(server.connections, 0, "and not contacted")
        r.ask("routes d.test", "routes e.test")
        tap.equal(r.probe("d.test", "mx.d.test"), (False, "ok"),
                  "routes alone make no probe")
        tap.equal(r.ask("probe mx.d.test"), "ok", "a probe")
        for domain in ("d.test", "e.test"):
            tap.equal(r.probe(domain, "mx.d.test"), (True, "ok"),
                      f"recorded for {domain}")
        tap.equal(r.probe("d.test", "mx2.d.test"), (False, "ok"),
                  "not for another host")
        tap.equal((r.ask("probe mx.d.test"), server.connections), ("ok", 1),
                  "again within ten minutes: nobody is contacted")
        tap.ok(re.search(r"event=probe host=mx\.d\.test address=127\.0\.0\.1 "
                         r"probe=ok result= detail=\"TLSv1\.[23]\"",
                         r.logged()), "logged", r.logged())
        r.restart()
        tap.equal((r.ask("probe mx.d.test"), server.connections), ("ok", 1),
                  "nor by a new resolver")
        for domain in ("d.test", "e.test"):
            r.age(domain, 700)
        r.restart()
        tap.equal((r.ask("probe mx.d.test"), server.connections), ("ok", 2),
                  "later it is probed again")


def outcomes():
    bad = {
        "mx_cert_untrusted": {"certificate": stranger.issue("x", SAN)},
        "mx_cert_expired": {"certificate": root.issue("x", SAN, end=BEFORE)},
        "mx_cert_name": {"certificate": root.issue(
            "mx.d.test", "subjectAltName=DNS:other.test")},
        "mx_no_starttls": {"ehlo": b"250 mx\r\n"},
        "mx_starttls_refused": {"starttls": b"454 no\r\n"},
        "mx_tls": {"tls": CLOSE},
        "mx_greeting": {"greeting": b"554 no\r\n"},
        "mx_smtp": {"greeting": CLOSE},
    }
    mail_zone()
    for status, how in bad.items():
        how = {"certificate": good, **how}
        with Smtp(**how) as server, Resolver(server.port) as r:
            r.ask("routes d.test", "routes e.test")
            tap.equal([r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test"),
                       r.probe("e.test", "mx.d.test")],
                      ["ok", (True, status), (True, status)], status)
    with Smtp(good) as server, Resolver(server.port) as r:
        r.ask("routes d.test")
        tap.equal((r.ask("probe mx2.d.test"),
                   r.probe("d.test", "mx2.d.test")),
                  ("ok", (True, "mx_connect")), "mx_connect")
        for behaviour, status in (("nxdomain", "mx_no_address"),
                                  ("servfail", "mx_dns")):
            names.zone["mx.d.test"] = behaviour
            r.age("d.test", 700)
            r.restart()
            tap.equal((r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test")),
                      ("ok", (True, status)), status)


def kept():
    """Results outlive routes that are found again."""
    mail_zone()
    with Smtp(stranger.issue("x", SAN)) as server, Resolver(server.port) as r:
        r.ask("routes d.test")
        r.ask("probe mx.d.test")
        bad = (True, "mx_cert_untrusted")
        names.zone["d.test"] = [mx(5, "mx2.d.test"), mx(10, "mx.d.test")]
        r.ask("routes d.test")
        tap.equal((r.hosts("d.test"), r.probe("d.test", "mx.d.test")),
                  (["mx2.d.test", "mx.d.test"], bad),
                  "routes found again keep a host's result")
        r.ask("routes e.test")
        tap.equal(r.probe("e.test", "mx.d.test"), bad,
                  "another domain's routes get it too")
        r.restart()
        r.ask("routes d.test")
        tap.equal(r.probe("d.test", "mx.d.test"), bad,
                  "also from a new resolver")
        r.age("d.test", -100000)
        r.ask("routes d.test")
        tap.equal(r.probe("d.test", "mx.d.test"), (False, "ok"),
                  "but none that a wrong clock dated in the future")


def shared():
    """Domains whose routes another process found use the host too."""
    mail_zone()
    for certificate, status in ((stranger.issue("x", SAN),
                                 "mx_cert_untrusted"), (good, "ok")):
        with Smtp(certificate) as server, Resolver(server.port) as r:
            with Resolver(state=r.state) as other:
                other.ask("routes e.test")
            r.ask("routes d.test")
            tap.equal((r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test")),
                      ("ok", (True, status)), f"{status}: known domains")
            told = r.probe("e.test", "mx.d.test")
            if status == "ok":
                r.ask("routes e.test")
                told = r.probe("e.test", "mx.d.test")
            tap.equal(told, (True, status), "bad news is told to all at "
                      "once, good news when their routes are found again")


def limits():
    hosts = [f"h{i}.l.test" for i in range(8)]
    wild = root.issue("x", "subjectAltName=DNS:*.l.test")
    zone(l_test=[mx(10, h) for h in hosts], **{
        h.replace(".", "_"): [a(f"127.0.0.{i + 1}")]
        for i, h in enumerate(hosts)})
    with Smtp(wild, address="0.0.0.0",
              greeting=([GREETING], 0.3)) as server:
        with Resolver(server.port) as r:
            r.ask("routes l.test")
            got = r.ask(*(f"probe {h}" for h in hosts))
            tap.equal(got, ["ok"] * 8, "eight probes")
            tap.equal((server.connections, server.most_open), (8, 4),
                      "four at once")
        with Resolver(server.port) as one, \
                Resolver(server.port, state=one.state) as two:
            server.most_open = server.connections = 0
            one.ask("routes l.test")
            one.say(*(f"probe {h}" for h in hosts[:4]))
            two.say(*(f"probe {h}" for h in hosts[4:]))
            got = [x.hear() for x in (one, two) for _ in range(4)]
            tap.ok(all(x.endswith(" ok") for x in got), "two processes", *got)
            tap.equal((server.connections, server.most_open), (8, 4),
                      "four at once, of both together")
            one.age("l.test", 700)
            one.restart()
            two.restart()
            server.most_open = server.connections = 0
            for x in (one, two):
                x.say("probe h0.l.test")
            got = [x.hear() for x in (one, two)]
            tap.equal(server.connections, 1,
                      "the same host for both: contacted once", *got)
            one.end()
            two.end()
            one.start()
            two.start()
    zone(l_test=[mx(10, h) for h in hosts[:2]], **{
        h.replace(".", "_"): HERE for h in hosts})
    with Smtp(wild) as server, Resolver(server.port) as r:
        r.ask("routes l.test")
        tap.equal(r.ask("probe h0.l.test"), "ok", "a host")
        tap.equal((r.ask("probe h1.l.test"), server.connections,
                   r.probe("l.test", "h1.l.test")),
                  ("failed too_soon", 1, (False, "ok")),
                  "another at the same address: too soon, nothing recorded")
        r.restart()
        tap.equal(r.ask("probe h1.l.test"), "failed too_soon",
                  "for a new resolver too")
        r.age("l.test", 700)
        r.restart()
        tap.equal(sorted(r.ask("probe h0.l.test", "probe h1.l.test")),
                  ["failed too_soon", "ok"], "later: one of the two")


def configured():
    mail_zone()
    with Smtp(good) as server:
        with Resolver(server.port, probe="off") as r:
            r.policy("e.test", "mx.d.test")
            r.ask("routes e.test")
            tap.equal((r.ask("probe mx.d.test"), server.connections),
                      ("failed not_found", 0), "probe off: none")
            r.policy("d.test", "mx.d.test")
            r.ask("routes d.test")
            tap.equal((r.ask("probe mx.d.test"), server.connections),
                      ("failed not_found", 0),
                      "also where one of two hosts is permitted")
            r.policy("d.test", "*.d.test")
            r.ask("routes d.test")
            tap.equal((r.ask("probe mx.d.test"), server.connections),
                      ("ok", 1), "where two are it cannot be switched off")
        with Resolver(server.port, allow_private="no") as r:
            with Resolver(state=r.state) as other:
                other.ask("routes d.test")
            tap.equal((r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test"), server.connections),
                      ("ok", (True, "mx_private_address"), 1),
                      "private addresses are not contacted")


def probe_faults():
    """A fault of this machine is never recorded against a host."""
    mail_zone()
    with Smtp(good) as server:
        with Resolver(server.port, ca_file=scratch + "/nothing") as r:
            r.ask("routes d.test")
            tap.equal((r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test")),
                      ("fault ca_unusable", (False, "ok")), "no trust roots")
        with Resolver(server.port) as r:
            r.ask("routes d.test")
            path = os.path.dirname(r.file("d.test"))
            os.chmod(path, 0o550)
            tap.equal(r.ask("probe mx.d.test"), "fault state_unwritable",
                      "a result that cannot be written")
            os.chmod(path, 0o750)
            tap.equal((r.ask("probe mx.d.test"), server.connections),
                      ("ok", 1), "is not lost, and nobody contacted twice")
            tap.equal(r.probe("d.test", "mx.d.test"), (True, "ok"),
                      "it is written later")
        with Resolver(server.port) as r:
            r.ask("routes d.test")
            with open(os.path.join(r.state, "newest"), "w",
                      encoding="ascii") as out:
                out.write(newest(time.time() + 200000))
            tap.equal((r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test")),
                      ("fault clock", (False, "ok")),
                      "a clock that is far behind the store")
        with Resolver(server.port) as r:
            r.ask("routes d.test", "routes e.test")
            with open(r.file("e.test"), "ab") as out:
                out.write(b"garbage")
            tap.equal((r.ask("probe mx.d.test"),
                       r.probe("d.test", "mx.d.test")), ("ok", (True, "ok")),
                      "a file that cannot be believed does not matter")


def newest(when):
    text = f"mta-sts newest 2\nfetched: {int(when)}\n"
    return text + f"crc32: {zlib.crc32(text.encode()):08x}\n"


def many():
    """A store with the routes of many domains."""
    count = 20000
    mail_zone(mx_big_test=[a("127.0.0.1")])
    wild = stranger.issue("x", "subjectAltName=DNS:mx.big.test")
    with Smtp(wild) as server, Resolver(server.port) as r:
        r.run("fill", count, "mx.big.test")
        r.say("probe mx.big.test")
        time.sleep(0.05)
        slowest = 0
        while True:
            began = time.monotonic()
            r.say("?")
            line = r.hear()
            slowest = max(slowest, time.monotonic() - began)
            if line != "bad":
                tap.equal(line, "done probe mx.big.test ok", "a probe")
                r.hear()
                break
        told = sum(r.probe(f"d{i}.fill.test", "mx.big.test") ==
                   (True, "mx_cert_untrusted") for i in range(0, 2000, 100))
        tap.equal(told, 20, "every domain that uses the host is told")
        tap.ok(slowest < 1.5, "others get their answers meanwhile",
               f"{slowest:.3f} s")
        r.age("d0.fill.test", 0)
        began = time.monotonic()
        r.ask("probe none.big.test")
        tap.diag(f"{count} domains: looked through in "
                 f"{time.monotonic() - began:.2f} s, slowest other answer "
                 f"{slowest * 1000:.0f} ms")


SAN = "subjectAltName=DNS:mx.d.test,DNS:mx2.d.test"
with unprivileged("tests/help_probe_resolver") as scratch:
    PROGRAM = os.path.join(scratch, "help_probe_resolver")
    root = Authority(scratch, "root")
    stranger = Authority(scratch, "stranger")
    good = root.issue("x", SAN)
    with DnsServer({}) as names:
        for part in (kinds, private, order, policy_unreadable, beyond_eight,
                     unknown_later, deadline,
                     routes_faults, recorded, outcomes, kept, shared, limits,
                     configured, probe_faults, many):
            began = time.monotonic()
            part()
            tap.diag(f"{part.__name__.replace('_', ' ')}: "
                     f"{time.monotonic() - began:.1f} s")
sys.exit(tap.done())
