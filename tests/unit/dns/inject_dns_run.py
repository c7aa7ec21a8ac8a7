# SPDX-License-Identifier: ISC
"""DNS questions against name servers that misbehave."""
import os
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_dns import A, AAAA, Server, a, aaaa, cname, mx, txt
from inject_tap import Tap, run

tap = Tap()
CODES = range(6, 16)
LONG = ".".join(["a" * 60] * 4) + ".toolong.test"  # 256 bytes

ZONE = {
    "one.test": [txt("v=STSv1; id=1")],
    "strings.test": [txt("v=STSv1;", " id=", "20240101")],
    "two.test": [txt("v=STSv1; id=1"), txt("other")],
    "nul.test": [txt(b"v=STSv1\0; id=1")],
    "long.test": [txt("x" * 255, "y" * 255, "z" * 10)],
    "empty-string.test": [txt("")],
    "nxdomain.test": "nxdomain",
    "nodata.test": "nodata",
    "servfail.test": "servfail",
    "refused.test": "refused",
    "notimp.test": "notimp",
    "formerr.test": "formerr",
    "silence.test": "silence",
    "garbage.test": "garbage",
    "malformed.test": "malformed",
    "wrong-id.test": "wrong_id",
    "wrong-name.test": "wrong_name",
    "lame.test": "lame",
    "cut.test": ("cut", [txt("v=STSv1; id=1"), txt("other")]),
    "cut-mail.test": ("cut", [mx(10, "mx.test"), mx(20, "mx2.test")]),
    "cut-host.test": ("cut", [a("192.0.2.1"), aaaa("2001:db8::1")]),
    "tc.test": ("tc", [txt("v=STSv1; id=1")]),
    "anew.test": ("anew", 2.2, [txt("at last")]),
    "alias.test": [cname("alias2.test")],
    "alias2.test": [cname("one.test")],
    "alias-alone.test": [cname("empty.test")],
    "empty.test": [],
    "alias-lost.test": [cname("nxdomain.test")],
    "loop.test": [cname("loop.test")],
    "truncated.test": ("truncated", [txt("over", "TCP")]),
    "truncated-huge.test": ("truncated", [txt(*["h" * 250] * 200)]),
    "tcp-dead.test": ("udp", ("truncated", []), "silence"),
    "slow.test": ("slow", 1.0, [txt("late")]),
    "lossy.test": ("turns", ["silence", [txt("second try")]]),
    "mail.test": [mx(20, "B.Mail.TEST"), mx(10, "z.mail.test"),
                  mx(20, "a.mail.test"), mx(5, "first.mail.test")],
    "nullmx.test": [mx(0, "")],
    "nullmx-and.test": [mx(0, ""), mx(10, "mx.test")],
    "many.test": [mx(i % 7, f"mx{i}.many.test") for i in range(100)],
    "both.test": [a("192.0.2.1"), a("192.0.2.2"), aaaa("2001:db8::1")],
    "four.test": [a("192.0.2.4")],
    "six.test": [aaaa("2001:DB8:0:0::6")],
    "alias-host.test": [cname("both.test")],
    "crowd.test": ([a(f"192.0.2.{i}") for i in range(1, 25)] +
                   [aaaa(f"2001:db8::{i:x}") for i in range(1, 25)]),
    "six-silent.test": ("types", {A: [a("192.0.2.7")], AAAA: "silence"}),
    "six-servfail.test": ("types", {A: [a("192.0.2.7")],
                                    AAAA: "servfail"}),
    "half-known.test": ("types", {AAAA: "servfail"}),
    "six-nxdomain.test": ("types", {A: "servfail", AAAA: "nxdomain"}),
    **{f"rcode{n}.test": f"rcode{n}" for n in CODES},
    "_under_score.test": [txt("underscore")],
}


def ask(question, *options, server=None, env=None):
    """(status, records, milliseconds) of one question."""
    args = [x for s in (server or [world]) for x in ("-n", s.address)]
    lines = run("help_net_dns", *args, *options, question, env=env)
    fields = lines[0].split() if lines else []
    if len(fields) != 4 or lines[-1].startswith("("):
        return ("; ".join(lines), [], 0)
    records = [line[2:] for line in lines if line.startswith("= ")]
    return (fields[2], records, int(fields[3][3:]))


def expect(question, status, records, what, *options, **how):
    got = ask(question, *options, **how)
    tap.equal(got[:2], (status, records), what)
    return got[2]


def txt_records():
    expect("txt:one.test", "ok", ["v=STSv1; id=1"], "a TXT record")
    expect("txt:ONE.test", "ok", ["v=STSv1; id=1"], "asked in capitals")
    expect("txt:strings.test", "ok", ["v=STSv1; id=20240101"],
           "the strings of one record are joined")
    got = ask("txt:two.test")
    tap.equal((got[0], sorted(got[1])), ("ok", ["other", "v=STSv1; id=1"]),
              "two records stay two")
    expect("txt:nul.test", "ok", ["v=STSv1\\x00; id=1"],
           "a NUL byte is kept")
    expect("txt:long.test", "ok", ["x" * 255 + "y" * 255 + "z" * 10],
           "a record of more than 512 bytes")
    expect("txt:empty-string.test", "ok", [""], "an empty string")
    expect("txt:_under_score.test", "ok", ["underscore"],
           "an underscore in the name")


def none_there():
    expect("txt:nxdomain.test", "dns_nxdomain", [], "NXDOMAIN")
    expect("txt:nodata.test", "dns_nodata", [], "no record of the type")
    expect("txt:mail.test", "dns_nodata", [], "only records of other types")
    expect("txt:alias-alone.test", "dns_nodata", [],
           "a CNAME and nothing behind it")
    expect("txt:loop.test", "dns_nodata", [], "a CNAME that names itself")
    expect("txt:alias-lost.test", "dns_nxdomain", [],
           "a CNAME to a name that does not exist")
    expect("txt:" + LONG, "dns_nxdomain", [], "a name too long to be asked")
    expect("txt:" + "a" * 64 + ".test", "dns_nxdomain", [],
           "a label too long to be asked")
    tap.equal(world.asked("a" * 64 + ".test"), [],
              "names that cannot be asked are not asked")


def failures():
    for name in ("servfail", "refused", "notimp", "formerr"):
        expect(f"txt:{name}.test", "dns_servfail", [], name.upper())
    ms = expect("txt:silence.test", "dns_timeout", [],
                "no answer", "-d", 700)
    tap.ok(600 <= ms <= 1200, "the timeout is kept", f"took {ms} ms")
    for name in ("garbage", "malformed", "wrong-id"):
        got = ask(f"txt:{name}.test", "-d", 700)
        tap.ok(got[0] in ("dns_bad_reply", "dns_timeout", "dns_servfail"),
               f"{name}: neither an answer nor \"there is none\"", got)
    expect("txt:tcp-dead.test", "dns_timeout", [],
           "truncated, and TCP is silent", "-d", 700)


def closed_port():
    """The number of a port that nothing listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        return closed.getsockname()[1]


def not_known():
    """What is no answer must not be taken for "there is none"."""
    for code in CODES:
        for kind in ("txt", "mx", "address"):
            expect(f"{kind}:rcode{code}.test", "dns_servfail", [],
                   f"response code {code}, {kind}")
    for question in ("txt:cut.test", "mx:cut-mail.test",
                     "address:cut-host.test"):
        expect(question, "dns_bad_reply", [],
               f"{question}: the last record is missing", "-d", 700)
    expect("txt:tc.test", "dns_bad_reply", [], "truncated over TCP as well",
           "-d", 700)
    expect("txt:lame.test", "dns_servfail", [],
           "a server that knows nothing and asks nobody")
    expect("txt:wrong-name.test", "dns_timeout", [],
           "a reply to another question", "-d", 700)


def our_way():
    """No name server at all: a fault of this side, never the domain's."""
    one = ["-n", f"127.0.0.1:{closed_port()}"]
    two = one + ["-n", f"127.0.0.1:{closed_port()}"]
    for servers, what in ((one, "nothing listens at the server's port"),
                          (two, "nor at the second's"),
                          (["-n", "fe80::1%nosuchif"], "a zone of no host"),
                          (["-n", "fe80::1"], "link-local without a zone"),
                          (["-n", "255.255.255.255"], "no address to ask"),
                          (["-n", "fe80::1%nosuchif"] + one, "both")):
        for question in ("txt:one.test", "mx:mail.test", "address:both.test"):
            lines = run("help_net_dns", *servers, "-d", 1000, question)
            tap.equal(lines[0].split()[2], "no_nameserver",
                      f"{what}, {question}", *lines)
    lines = run("help_net_dns", *one, "-d", 5000, "txt:one.test")
    tap.ok(int(lines[0].split()[3][3:]) < 1500, "said soon", *lines)
    with Server(ZONE, "127.0.0.2") as deaf:
        deaf.deaf = True
        ms = expect("txt:one.test", "no_nameserver", [],
                    "a server that is silent about everything", "-d", 1000,
                    server=[deaf])
        tap.ok(900 <= ms <= 1600, "the timeout is kept", f"took {ms} ms")
        tap.equal([q[2] for q in deaf.asked("")], [2], "one control question")
        expect("address:both.test", "no_nameserver", [],
               "neither address nor control question answered", "-d", 700,
               server=[deaf])
        deaf.queries.clear()
        questions = [f"txt:q{n}.test" for n in range(60)]
        lines = run("help_net_dns", "-n", deaf.address, "-d", 1000, "-a",
                    *questions)
        tap.equal({line.split()[2] for line in lines if " ms=" in line},
                  {"no_nameserver"}, "sixty at once")
        # One for all who need it within 250 ms; half a second is left.
        tap.ok(len(deaf.asked("")) <= 3, "share the control question",
               deaf.asked(""))
        expect("txt:one.test", "ok", ["v=STSv1; id=1"],
               "the second server answers", "-d", 2000, server=[deaf, world])
        expect("txt:silence.test", "dns_timeout", [],
               "the second is silent about this domain alone", "-d", 700,
               server=[deaf, world])
        expect("txt:servfail.test", "dns_servfail", [],
               "the second has failed, the first is silent", "-d", 700,
               server=[deaf, world])
    lines = run("help_net_dns", *one, "-n", world.address, "-d", 2000,
                "txt:one.test", "txt:servfail.test", "txt:silence.test")
    tap.equal([line.split()[2] for line in lines if " ms=" in line],
              ["ok", "dns_servfail", "dns_timeout"],
              "the first cannot be reached, the second answers", *lines)
    with Server({"soon.test": ("slow", 0.2, [txt("soon")]),
                 "later.test": ("slow", 1.5, [txt("later")])},
                "127.0.0.2") as lost:
        threading.Timer(0.6, setattr, (lost, "deaf", True)).start()
        lines = run("help_net_dns", "-n", lost.address, "-d", 2000, "-a",
                    "txt:soon.test", "txt:later.test")
        lost.deaf = True
        tap.equal([line.split()[1:3] for line in lines if " ms=" in line],
                  [["soon.test", "ok"], ["later.test", "no_nameserver"]],
                  "a server that is lost while questions are under way",
                  *lines)
    world.queries.clear()
    expect("txt:one.test", "ok", ["v=STSv1; id=1"], "what is answered")
    expect("txt:nxdomain.test", "dns_nxdomain", [], "or does not exist")
    tap.equal(world.asked(""), [], "needs no control question")


class Always(dict):
    """A zone where every name that it does not hold meets one behaviour."""
    def __init__(self, behaviour, zone=None):
        super().__init__(zone or {})
        self.behaviour = behaviour

    def get(self, name, default=None):
        return super().get(name, self.behaviour)


def fail_for_every_name():
    """An access list, or no way out, is never the domain's own trouble."""
    kinds = ("servfail", "refused", "notimp", "formerr", "lame",
             "rcode9", "malformed", "garbage", "cut_short")
    for kind in kinds:
        with Server(Always(kind), "127.0.0.2") as server:
            for question in ("txt:one.test", "mx:mail.test",
                             "address:both.test"):
                ms = expect(question, "no_nameserver", [],
                            f"{kind} for every name, {question}",
                            "-d", 1000, server=[server])
                if kind in ("servfail", "refused", "lame"):
                    tap.ok(ms < 500, "is said soon", f"took {ms} ms")
            asked = {q[1:] for q in server.asked()}
            tap.ok({("", 2), ("root-servers.net", 6)} <= asked,
                   f"{kind}: both control questions were asked", asked)
    with Server(Always("refused"), "127.0.0.2") as refusing, \
            Server(Always("servfail"), "127.0.0.3") as failing, \
            Server({}, "127.0.0.4") as deaf:
        deaf.deaf = True
        expect("txt:one.test", "no_nameserver", [], "one refuses, one fails",
               "-d", 1000, server=[refusing, failing])
        expect("txt:one.test", "no_nameserver", [],
               "one refuses, one is silent", "-d", 1000,
               server=[refusing, deaf])
        lines = run("help_net_dns", "-n", f"127.0.0.1:{closed_port()}", "-n",
                    failing.address, "-d", 1000, "txt:one.test")
        tap.equal(lines[0].split()[2], "no_nameserver",
                  "one cannot be reached, one fails", *lines)
        expect("txt:one.test", "ok", ["v=STSv1; id=1"],
               "a server that refuses us, and one that works",
               server=[refusing, world])
        expect("txt:silence.test", "dns_servfail", [],
               "it is silent about this domain alone", "-d", 700,
               server=[refusing, world])
        refusing.queries.clear()
        lines = run("help_net_dns", "-n", refusing.address, "-d", 1000, "-a",
                    *(f"txt:q{n}.test" for n in range(60)))
        tap.equal({line.split()[2] for line in lines if " ms=" in line},
                  {"no_nameserver"}, "sixty at once")
        tap.ok(len(refusing.asked("")) <= 4, "share the control questions",
               refusing.asked(""))


def one_domain_fails():
    """Whatever else it refuses, a server that works is no fault of ours."""
    for kind in ("servfail", "refused", "notimp", "formerr", "lame"):
        for root, other, what in (
                ([(2, b"\0")], "refused", "answers for the root"),
                ("refused", "nodata", "refuses to speak of the root"),
                ("servfail", "nodata", "fails for the root"),
                ("silence", "nodata", "is silent about the root"),
                ("nodata", "nxdomain", "makes a root up"),
                ("nxdomain", "nxdomain", "knows only its own zones")):
            with Server(Always(kind, {"": root, "root-servers.net": other}),
                        "127.0.0.2") as server:
                expect("txt:d.test", "dns_servfail", [],
                       f"{kind}; the server {what}", "-d", 1000,
                       server=[server])
    with Server(Always("servfail", {"": ("slow", 0.6, [(2, b"\0")])}),
                "127.0.0.2") as server:
        expect("txt:d.test", "dns_servfail", [],
               "a control question that takes time", "-d", 2000,
               server=[server])
    with Server(Always("lame_nxdomain", {"d.test": "servfail"}),
                "127.0.0.2") as server:
        expect("txt:d.test", "no_nameserver", [],
               "NXDOMAIN of a server that knows nothing is no sign of life",
               "-d", 1000, server=[server])
    for kind in ("servfail", "refused"):
        with Server(Always(kind, {"": "nodata", "localhost": [a("127.0.0.1")],
                                  "_mta-sts.x.invalid": "nxdomain"}),
                    "127.0.0.2") as server:
            lines = run("help_net_dns", "-n", server.address, "-d", 1000,
                        "-a", "address:localhost", "txt:_mta-sts.x.invalid",
                        "txt:d.test")
            tap.equal(sorted(line.split()[1:3] for line in lines
                             if " ms=" in line),
                      [["_mta-sts.x.invalid", "dns_nxdomain"],
                       ["d.test", "no_nameserver"], ["localhost", "ok"]],
                      f"{kind}, but for what it has of its own, and a root "
                      "made up: as systemd-resolved without an uplink",
                      *lines)
    for turns in (["servfail", [txt("at last")]],
                  ["refused", "refused", [txt("at last")]]):
        with Server({"d.test": ("turns", turns)}, "127.0.0.2") as server:
            got = ask("txt:d.test", "-d", 1000, server=[server])
            tap.equal(got[0], "ok" if len(turns) == 2 else "dns_servfail",
                      f"{len(turns) - 1} failures, then an answer", got)
    world.queries.clear()
    world.zone[""] = "refused"
    expect("txt:silence.test", "dns_timeout", [],
           "a server that refuses the control question is alive", "-d", 700)
    tap.equal([q[2] for q in world.asked("")], [2], "and was asked once")
    del world.zone[""]


def late_answers():
    """RFC 1035 servers behind slow ones: heard within the timeout."""
    for servers, what in (([], "alone"), (["127.0.0.2"], "second of two"),
                          (["127.0.0.2", "127.0.0.3"], "third of three")):
        dead = [Server({}, address) for address in servers]
        for server in dead:
            server.__enter__()
            server.deaf = True
        world.turns.clear()
        ms = expect("txt:anew.test", "ok", ["at last"],
                    f"a server that starts anew at each question, {what}",
                    "-d", 5000, server=dead + [world])
        tap.ok(ms < 5000, "is heard in time", f"took {ms} ms")
        for server in dead:
            server.__exit__()


def one_channel():
    """What shares a channel does not share its fate."""
    names = [f"n{n}.test" for n in range(200)]
    with Server({name: [txt(name)] for name in names}) as many:
        lines = run("help_net_dns", "-n", many.address, "-d", 5000, "-a",
                    *(f"txt:{name}" for name in names))
        tap.equal(sorted(line[2:] for line in lines if line[0] == "="),
                  sorted(names), "200 at once, each its own answer")
        ports = [port for port in many.ports if port]
        tap.ok(len(set(ports)) >= 6 and
               max(ports.count(p) for p in set(ports)) <= 33,
               "no source port for more than 32 of them",
               f"{len(set(ports))} ports")
    for bad in ("garbage", "malformed"):
        lines = run("help_net_dns", "-n", world.address, "-d", 2000, "-a",
                    f"txt:{bad}.test", "txt:slow.test", "txt:one.test",
                    "mx:mail.test")
        tap.equal([line for line in lines if line.startswith("= ")].count(
            "= late"), 1, f"{bad} for one, and another still has its answer",
            *lines)


def detours():
    expect("txt:alias.test", "ok", ["v=STSv1; id=1"], "a chain of CNAMEs")
    expect("txt:truncated.test", "ok", ["overTCP"],
           "a truncated answer is asked again over TCP")
    tap.equal([q[0] for q in world.asked("truncated.test")], ["udp", "tcp"],
              "once over each")
    expect("txt:truncated-huge.test", "ok", ["h" * 50000],
           "an answer of 50,000 bytes")
    expect("txt:lossy.test", "ok", ["second try"],
           "a lost packet is sent again")
    expect("txt:slow.test", "ok", ["late"],
           "an answer later than the first retry still counts", "-d", 3000)


def several_servers():
    silent, broken = Server({}, "127.0.0.2"), Server({})
    silent.zone = {name: "silence" for name in ZONE}
    broken.zone = {name: "servfail" for name in ZONE}
    with silent, broken:
        ms = expect("txt:one.test", "ok", ["v=STSv1; id=1"],
                    "the first server is silent", "-d", 2000,
                    server=[silent, world])
        tap.ok(ms < 1000, "the second is asked in time", f"took {ms} ms")
        ms = expect("txt:one.test", "ok", ["v=STSv1; id=1"],
                    "two of three are silent", "-d", 2000,
                    server=[silent, silent, world])
        tap.ok(ms < 1500, "the third is asked in time", f"took {ms} ms")
        expect("txt:one.test", "ok", ["v=STSv1; id=1"],
               "the first server says SERVFAIL", server=[broken, world])
        expect("txt:one.test", "dns_servfail", [],
               "both say SERVFAIL", server=[broken, broken])


def mail_hosts():
    expect("mx:mail.test", "ok",
           ["5 first.mail.test", "10 z.mail.test", "20 a.mail.test",
            "20 b.mail.test"],
           "MX hosts by preference, then name, in lower case")
    expect("mx:nullmx.test", "ok", ["0 "], "a null MX is passed on")
    expect("mx:nullmx-and.test", "ok", ["10 mx.test"],
           "a null MX beside others is none")
    expect("mx:one.test", "dns_nodata", [], "no MX")
    expect("mx:nxdomain.test", "dns_nxdomain", [], "no such mail domain")
    got = ask("mx:many.test")
    best = sorted((i % 7, f"mx{i}.many.test") for i in range(100))[:64]
    tap.equal(got[:2], ("ok", [f"{p} {h}" for p, h in best]),
              "of too many MX hosts the best 64")


def addresses():
    expect("address:both.test", "ok",
           ["2001:db8::1", "192.0.2.1", "192.0.2.2"],
           "both kinds, alternating")
    expect("address:four.test", "ok", ["192.0.2.4"], "IPv4 only")
    expect("address:six.test", "ok", ["2001:db8::6"], "IPv6 only")
    expect("address:alias-host.test", "ok",
           ["2001:db8::1", "192.0.2.1", "192.0.2.2"], "behind a CNAME")
    got = ask("address:crowd.test")
    tap.equal((got[0], len(got[1]), sum(":" in r for r in got[1])),
              ("ok", 16, 8), "of too many addresses 16, half of each kind")
    ms = expect("address:six-silent.test", "ok", ["192.0.2.7"],
                "AAAA is never answered", "-d", 5000)
    tap.ok(ms < 2000, "and the wait for it is short", f"took {ms} ms")
    expect("address:six-servfail.test", "ok", ["192.0.2.7"], "AAAA fails")
    expect("address:half-known.test", "dns_servfail", [],
           "no A, and AAAA fails: not known")
    expect("address:six-nxdomain.test", "dns_servfail", [],
           "A fails, and NXDOMAIN for AAAA: not known")
    expect("address:nxdomain.test", "dns_nxdomain", [], "no such host")
    expect("address:nodata.test", "dns_nodata", [], "neither kind")
    expect("address:silence.test", "dns_timeout", [], "no answer for either",
           "-d", 500)


def surroundings():
    world.queries.clear()
    aliases = os.path.join(os.environ.get("TMPDIR", "/tmp"),
                           f"net-aliases-{os.getpid()}")
    with open(aliases, "w", encoding="ascii") as out:
        out.write("short one.test\n")
    expect("txt:short", "dns_nxdomain", [],
           "the environment changes nothing",
           env={"HOSTALIASES": aliases, "LOCALDOMAIN": "test",
                "RES_OPTIONS": "ndots:5 timeout:1 attempts:1"})
    os.unlink(aliases)
    tap.equal({q[1] for q in world.asked()}, {"short"},
              "no search list, no alias")
    world.queries.clear()
    expect("address:localhost", "dns_nxdomain", [], "/etc/hosts is not read")
    lines = run("help_net_dns", "-n", world.address, "-t", 3, "txt:one.test")
    tap.equal(len([q for q in world.asked("one.test")]), 3,
              "nothing is cached", *lines)


def other_forms():
    for text, good in (("localhost", False), ("127.0.0.1:0", False),
                       ("127.0.0.1:65536", False), ("[::1", False),
                       ("::1:99999", False), ("", False),
                       ("127.0.0.1:", False), ("[127.0.0.1]:53", False),
                       ("127.0.0.1", True), ("::1", True), ("[::1]", True)):
        lines = run("help_net_dns", "-n", text, "-d", 100, "txt:one.test")
        tap.equal("loop config" not in lines, good,
                  f"nameserver \"{text}\" is "
                  f"{'an' if good else 'no'} address", *lines)
    try:
        with Server(ZONE, "::1") as six:
            expect("txt:one.test", "ok", ["v=STSv1; id=1"],
                   "a name server at [::1]:PORT", server=[six])
    except OSError as error:
        tap.skip("a name server at [::1]:PORT", error)


def local_faults():
    """A lack of descriptors must never look like the network's answer."""
    seen = set()
    for spare in range(0, 5):
        for question in ("txt:truncated.test", "address:both.test"):
            status = ask(question, "-l", spare, "-d", 700)[0]
            seen.add(status)
            tap.ok(status in ("ok", "no_descriptors"),
                   f"{question} with {spare} descriptors to spare", status)
    tap.equal(seen, {"ok", "no_descriptors"}, "both outcomes were seen")


def endings():
    for name in ("silence", "slow", "tcp-dead"):
        lines = run("help_net_dns", "-n", world.address, "-d", 5000, "-x",
                    200, f"txt:{name}.test", f"address:{name}.test")
        tap.equal([line.split()[2] for line in lines[:2]],
                  ["cancelled"] * 2, f"{name}: cancelled", *lines)
    questions = [f"{kind}:{name}" for name in ZONE
                 for kind in ("txt", "mx", "address")]
    began = time.monotonic()
    lines = run("help_net_dns", "-n", world.address, "-d", 3000, "-a",
                *questions)
    answers = [line for line in lines if " ms=" in line]
    tap.equal(len(answers), len(questions),
              f"{len(questions)} questions at once, each answered once")
    tap.ok(time.monotonic() - began < 8, "within the one timeout")


with Server(ZONE) as world:
    for part in (txt_records, none_there, failures, not_known, our_way,
                 fail_for_every_name, one_domain_fails,
                 late_answers, one_channel, detours, several_servers,
                 mail_hosts, addresses, surroundings, other_forms,
                 local_faults, endings):
        tap.diag(part.__name__.replace("_", " "))
        part()
sys.exit(tap.done())
