# SPDX-License-Identifier: ISC
"""The STARTTLS probe against MX hosts that misbehave."""
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_certs import AFTER, BEFORE, FUTURE, PAST, Authority
from inject_dns import A, AAAA, Server as DnsServer, a, aaaa
from inject_https import black_hole
from inject_smtp import (CLOSE, EHLO, GREETING, READY, RESET, Smtp, drip,
                         endless)
from inject_tap import BUILD, Tap, run

tap = Tap()
HOST = "mx.case.test"
SAN = f"subjectAltName=DNS:{HOST}"
VERSIONS = ssl.TLSVersion


def parse(lines):
    """(status, address, milliseconds, detail) of the first line."""
    found = re.fullmatch(r".*? probe=(\S+) address=(\S*) ms=(\d+) "
                         r"detail=(.*)", lines[0] if lines else "")
    if not found or lines[-1].startswith("("):
        return "; ".join(lines), "", 0, ""
    return found[1], found[2], int(found[3]), found[4]


def probe(port, *options, host=HOST, trust=True, env=None):
    args = ["-n", names.address, "-p", port]
    if trust:
        args += ["-F", root.cert]
    return parse(run("help_probe", *args, *options, "--", host,
                     env=env))


def expect(what, status, certificate=None, options=(), host=HOST, **how):
    """One probe of a server of its own.  A status may be a tuple."""
    with Smtp(certificate or good, **how) as server:
        got = probe(server.port, *options, host=host)
        time.sleep(0.02)
    wanted = status if isinstance(status, tuple) else (status,)
    tap.ok(got[0] in wanted, f"{what}: {status}", got, server.alerts)
    return got, server


def commands_of(server):
    return [line.split(" ")[0] for line in server.commands]


def healthy():
    got, server = expect("all is well", "ok")
    tap.equal(commands_of(server), ["EHLO", "STARTTLS", "tls:QUIT"],
              "nothing but EHLO, STARTTLS and QUIT is said")
    tap.equal(server.names, [HOST], "SNI is the MX host's name")
    tap.equal(got[1], "127.0.0.1", "the address is told")
    name = server.commands[0].split(" ", 1)[1]
    own = socket.gethostname().lower()
    tap.equal(name, own if "." in own else "[127.0.0.1]",
              "EHLO gives the machine's name, or its address")
    expect("a greeting of several lines", "ok",
           greeting=b"220-mx\r\n220-no spam\r\n220 ESMTP\r\n")
    expect("lines that end in LF", "ok", greeting=b"220 mx\n",
           ehlo=b"250-mx\n250 STARTTLS\n")
    expect("STARTTLS in lower case", "ok", ehlo=b"250-mx\r\n250 starttls\r\n")
    expect("a code without a text", "ok", greeting=b"220\r\n")
    expect("one byte after the other", "ok", greeting=drip(GREETING, 0.005),
           ehlo=drip(EHLO, 0.002))
    expect("the greeting in two halves", "ok",
           greeting=([GREETING[:7], GREETING[7:]], 0.1))
    expect("no answer to QUIT", "ok", quit_=None)
    expect("closed instead of an answer to QUIT", "ok", quit_=CLOSE)
    expect("reset instead of an answer to QUIT", "ok", quit_=RESET)
    expect("an endless answer to QUIT", "ok",
           quit_=endless(b"221-" + b"x" * 200 + b"\r\n"))
    for version in (VERSIONS.TLSv1_2, VERSIONS.TLSv1_3):
        got, _ = expect(version.name, "ok", version=version)
        tap.ok(version.name[4:].replace("_", ".") in got[3],
               f"{version.name} is told", got)


def starttls():
    got, server = expect("no STARTTLS", "mx_no_starttls",
                         ehlo=b"250-mx\r\n250 SIZE 1000\r\n")
    tap.equal(commands_of(server), ["EHLO", "QUIT"], "then QUIT, in the clear")
    expect("the server's name is STARTTLS", "mx_no_starttls",
           ehlo=b"250 STARTTLS\r\n")
    expect("another word that begins so", "mx_no_starttls",
           ehlo=b"250-mx\r\n250-STARTTLSX\r\n250 XSTARTTLS\r\n")
    expect("a server without EHLO", "mx_no_starttls",
           ehlo=b"502 not implemented\r\n")
    expect("a server that does not know EHLO", "mx_no_starttls",
           ehlo=b"500 what?\r\n")
    for code in (b"454 not now\r\n", b"501 no\r\n", b"554 never\r\n",
                 b"250 ok\r\n"):
        got, server = expect(f"{code[:3].decode()} to STARTTLS",
                             "mx_starttls_refused", starttls=code)
    tap.equal(commands_of(server), ["EHLO", "STARTTLS", "QUIT"],
              "then QUIT, in the clear")
    expect("plaintext after the 220", "mx_starttls_plaintext",
           starttls=READY + b"250-mx\r\n250 AUTH PLAIN\r\n")
    expect("half a line after the 220", "mx_starttls_plaintext",
           starttls=READY + b"2")
    # Once the client has begun it is what TLS gets to see.
    def plaintext(conn):
        conn.recv(1, socket.MSG_PEEK)
        conn.sendall(b"250-mx\r\n250 AUTH PLAIN\r\n")
    expect("plaintext where TLS should begin", "mx_tls", tls=plaintext)
    expect("closed after the 220", "mx_tls", tls=CLOSE)
    expect("reset after the 220", "mx_tls", tls=RESET)
    expect("silence after the 220", "mx_timeout", tls=None,
           options=("-f", 600))
    expect("closed instead of an answer to STARTTLS", "mx_smtp",
           starttls=CLOSE)


def tls():
    # However lax the system's default is.
    lax = scratch + "/lax.cnf"
    with open(lax, "w", encoding="ascii") as out:
        out.write("openssl_conf = init\n[init]\nssl_conf = ssl\n"
                  "[ssl]\nsystem_default = lax\n[lax]\n"
                  "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
    for version in (VERSIONS.TLSv1, VERSIONS.TLSv1_1):
        with Smtp(good, version=version) as server:
            got = probe(server.port, env={"OPENSSL_CONF": lax})
            tap.equal(got[0], "mx_tls", version.name, got)

    def issue(extensions, cn="other.test", **how):
        return root.issue(cn, extensions, **how)

    rows = [
        ("another name", issue("subjectAltName=DNS:mx.other.test"),
         "mx_cert_name"),
        ("the domain's name", issue("subjectAltName=DNS:case.test"),
         "mx_cert_name"),
        ("only a common name", issue("basicConstraints=CA:false", cn=HOST),
         "mx_cert_name"),
        ("a common name beside another SAN",
         issue("subjectAltName=DNS:mx.other.test", cn=HOST), "mx_cert_name"),
        ("an address as SAN", issue("subjectAltName=IP:127.0.0.1", cn=HOST),
         "mx_cert_name"),
        ("a wildcard", issue("subjectAltName=DNS:*.case.test"), "ok"),
        ("a partial wildcard", issue("subjectAltName=DNS:m*.case.test"),
         "mx_cert_name"),
        ("a wildcard one label too high", issue("subjectAltName=DNS:*.test"),
         "mx_cert_name"),
        ("an expired one", issue(SAN, end=BEFORE), "mx_cert_expired"),
        ("one not yet valid", issue(SAN, begin=AFTER, end=FUTURE),
         "mx_cert_expired"),
        ("expired, and another name",
         issue("subjectAltName=DNS:mx.other.test", begin=PAST, end=BEFORE),
         "mx_cert_expired"),
        ("of an unknown issuer", stranger.issue("x", SAN),
         "mx_cert_untrusted"),
        ("self-signed", stranger.issue("x", SAN, self_signed=True),
         "mx_cert_untrusted"),
        ("without its intermediate", middle.issue("x", SAN, chain=False),
         "mx_cert_untrusted"),
        ("with its intermediate", middle.issue("x", SAN), "ok"),
        ("for clients only", issue(SAN + ";extendedKeyUsage=clientAuth"),
         "mx_cert_invalid"),
    ]
    for what, certificate, status in rows:
        got, server = expect("a certificate: " + what, status, certificate)
        if status != "ok":
            tap.ok(got[3] and "tls:QUIT" not in server.commands,
                   "nothing is said in such a session", server.commands)
    other = issue("subjectAltName=DNS:mx.other.test")
    expect("a certificate chosen by SNI", "ok", certificate=other,
           by_name={HOST: good})
    names.zone["mx_1.case.test"] = [a("127.0.0.1")]
    expect("a name with an underscore", ("ok", "mx_cert_name"),
           certificate=issue("subjectAltName=DNS:*.case.test"),
           host="mx_1.case.test")


def dialogue():
    for code in (b"421 too busy\r\n", b"554 no service\r\n"):
        got, server = expect(f"a greeting of {code[:3].decode()}",
                             "mx_greeting", greeting=code)
        tap.equal(commands_of(server), ["QUIT"], "then QUIT")
    tap.ok("554 no service" in got[3], "what it said is told", got)
    long = b"220-" + b"x" * 500 + b"\r\n"
    rows = [
        ("an odd greeting", {"greeting": b"250 ok\r\n"}),
        ("no SMTP", {"greeting": b"SSH-2.0-OpenSSH_9.2p1\r\n"}),
        ("an HTTP server", {"greeting": b"HTTP/1.1 400 Bad\r\n\r\n"}),
        ("a code out of range", {"greeting": b"999 what\r\n"}),
        ("two codes in one reply", {"greeting": b"220-mx\r\n250 mx\r\n"}),
        ("no blank after the code", {"greeting": b"220mx\r\n"}),
        ("a NUL", {"greeting": b"220 m\0x\r\n"}),
        ("an empty line", {"greeting": b"\r\n"}),
        ("a line without an end", {"greeting": endless(b"x" * 1000)}),
        ("a greeting without an end", {"greeting": endless(long)}),
        ("an EHLO answer without an end",
         {"ehlo": endless(b"250-" + b"x" * 100 + b"\r\n")}),
        ("an EHLO line without an end", {"ehlo": endless(b"250-" + b"y" * 99)}),
        ("closed at once", {"greeting": CLOSE}),
        ("closed in the middle of a line", {"greeting": ([b"220 m"], 0.0),
                                            "ehlo": CLOSE}),
        ("closed after EHLO", {"ehlo": CLOSE}),
        ("550 to EHLO", {"ehlo": b"550 who are you?\r\n"}),
        ("answers before it was asked",
         {"greeting": GREETING + b"250-mx\r\n250 STARTTLS\r\n"}),
        ("the whole dialogue at once", {"greeting": GREETING + EHLO + READY}),
        ("the answer to STARTTLS too early", {"ehlo": EHLO + READY}),
    ]
    for what, how in rows:
        status = "mx_timeout" if "middle of a line" in what else "mx_smtp"
        expect(what, status, options=("-f", 1500), **how)
    # It may come before we know that we are connected.
    expect("reset at once", ("mx_smtp", "mx_connect"), greeting=RESET)
    got, _ = expect("bytes that are no text", "mx_greeting",
                    greeting=b"554 \xff\x1b[31m\r\n")
    tap.ok("\\xff\\x1b[31m" in got[3], "are handed on as they are", got)


def time_limits():
    rows = [
        ("no greeting", {"greeting": None}),
        ("no answer to EHLO", {"ehlo": None}),
        ("no answer to STARTTLS", {"starttls": None}),
        ("a slow drip", {"greeting": endless(b"2", 0.05)}),
        ("a slow drip of lines", {"greeting": endless(b"220-x\r\n", 0.05)}),
    ]
    for what, how in rows:
        got, _ = expect(what, "mx_timeout", options=("-f", 600), **how)
        tap.ok(550 <= got[2] <= 1500, "the deadline is kept", got)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        got = probe(closed.getsockname()[1])
    tap.equal(got[0], "mx_connect", "nobody listens", got)


def addresses():
    with Smtp(good) as server:
        def check(what, status, records, *options, host=HOST):
            names.zone[HOST] = records
            got = probe(server.port, *options, host=host)
            tap.equal(got[0], status, what, got)
            names.zone[HOST] = [a("127.0.0.1")]
            return got

        check("the first address refuses", "ok",
              [a("127.0.0.9"), a("127.0.0.1")])
        before = server.connections
        check("the first two addresses refuse, the third is not tried",
              "mx_connect",
              [a("127.0.0.9"), a("127.0.0.10"), a("127.0.0.1")])
        tap.equal(server.connections, before, "no third connection")
        with black_hole("127.0.0.8", server.port):
            got = check("the first address is dead", "ok",
                        [a("127.0.0.8"), a("127.0.0.1")])
            tap.ok(got[2] < 2500, "half the time is left for the other", got)
            check("the only address is dead", "mx_timeout",
                  [a("127.0.0.8")], "-f", 600)
        with Smtp(stranger.issue("x", SAN), address="127.0.0.7",
                  port=server.port):
            check("a bad address and a good one: the host is well", "ok",
                  [a("127.0.0.7"), a("127.0.0.1")])
            got = check("a bad address and a refusing one: bad",
                        "mx_cert_untrusted", [a("127.0.0.7"), a("127.0.0.9")])
            tap.equal(got[1], "127.0.0.7", "the bad one is told")
            check("the other way round", "mx_cert_untrusted",
                  [a("127.0.0.9"), a("127.0.0.7")])
        check("no such host", "mx_no_address", "nxdomain")
        check("a host without addresses", "mx_no_address", "nodata")
        check("SERVFAIL", "mx_dns", "servfail")
        check("no answer", "mx_dns", "silence", "-d", 500)
        check("AAAA is silent", "ok",
              ("types", {A: [a("127.0.0.1")], AAAA: "silence"}))
        before = server.connections
        check("private addresses only", "mx_private_address",
              [a("127.0.0.1"), a("10.0.0.1"), aaaa("::1"),
               aaaa("::ffff:127.0.0.1")], "-P")
        for host in ("mx.case.test RSET", "Mx.case.test", ".case.test", ""):
            check(f"{host!r} is no name", "internal", [a("127.0.0.1")],
                  host=host)
        tap.equal(server.connections, before, "no connection was tried")
    try:
        with Smtp(good, address="::1") as six:
            names.zone[HOST] = [aaaa("::1")]
            got = probe(six.port)
            tap.equal(got[0], "ok", "IPv6 only", got)
            if "." not in socket.gethostname():
                tap.equal(six.commands[0], "EHLO [IPv6:::1]",
                          "an IPv6 address literal")
            names.zone[HOST] = [aaaa("::1"), a("127.0.0.1")]
            tap.equal(probe(six.port)[0], "ok", "IPv6 and a refusing IPv4")
    except OSError as error:
        tap.skip("IPv6 only", error)
    names.zone[HOST] = [a("127.0.0.1")]


def local_faults():
    """A fault of this machine must never look like the host's."""
    got = probe(1, "-F", scratch + "/nothing", trust=False)
    tap.equal(got[0], "ca_unusable", "no trust roots", got)
    with Smtp(good) as server:
        seen = set()
        for spare in range(0, 11):
            got = probe(server.port, "-l", spare)
            seen.add(got[0])
            tap.ok(got[0] in ("ok", "no_descriptors"),
                   f"{spare} descriptors to spare", got)
        tap.equal(seen, {"ok", "no_descriptors"}, "both outcomes were seen")
        names.zone[HOST] = ("slow", 0.4, [a("127.0.0.1")])
        got = probe(server.port, "-e", 150, "-l", -1)
        tap.equal(got[0], "no_descriptors", "none left for connecting", got)
        names.zone[HOST] = [a("127.0.0.1")]


def stopped():
    """Stopped as soon as it is connected, until the deadline has passed."""
    for who in ("fetcher", "both"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = subprocess.Popen(
                [os.path.join(BUILD, "tests", "help_probe"), "-n",
                 names.address, "-p", str(listener.getsockname()[1]), "-F",
                 root.cert, "-f", "1500", HOST], stdout=subprocess.PIPE)
            connection = listener.accept()[0]
            with open("/proc/%d/task/%d/children" % (process.pid,
                                                     process.pid)) as f:
                pids = [int(pid) for pid in f.read().split()]
            pids += [process.pid] if who == "both" else []
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            connection.sendall(GREETING)
            time.sleep(1.9)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            out = process.communicate(timeout=30)[0].decode("latin-1")
            connection.close()
        tap.equal(parse(out.splitlines())[0], "fetcher_timeout",
                  f"{who} stopped until the deadline has passed: a local fault",
                  out)


def several():
    hosts = [f"mx{i}.case.test" for i in range(20)]
    wild = root.issue("x", "subjectAltName=DNS:*.case.test")
    for host in hosts:
        names.zone[host] = [a("127.0.0.1")]
    with Smtp(wild, greeting=([GREETING], 0.3)) as server:
        lines = run("help_probe", "-n", names.address, "-p", server.port,
                    "-F", root.cert, "-a", *hosts)
        tap.equal(sum("probe=ok" in x for x in lines), 20, "20 at once",
                  *lines)
    for step in ("greeting", "ehlo", "starttls", "tls"):
        with Smtp(wild, **{step: None}) as server:
            for ms in (0, 30):
                lines = run("help_probe", "-n", names.address, "-p",
                            server.port, "-F", root.cert, "-a", "-x", ms,
                            *hosts)
                tap.equal(sum("cancelled" in x for x in lines), 20,
                          f"20 cancelled after {ms} ms, no {step}", *lines)


def costs():
    with Smtp(good) as server:
        lines = run("help_probe", "-n", names.address, "-p", server.port,
                    "-F", root.cert, "-t", 50, HOST)
    times = sorted(int(m[1]) for m in
                   (re.search(r" ms=(\d+)", x) for x in lines) if m)
    tap.ok(len(times) == 50 and all("probe=ok" in x for x in lines[:50]),
           "50 one after the other", *lines[:3])
    if times:
        tap.diag(f"a probe: median {times[len(times) // 2]} ms, {lines[-1]} "
                 "KiB")


with tempfile.TemporaryDirectory(prefix="probe-smtp-") as scratch:
    root = Authority(scratch, "root")
    stranger = Authority(scratch, "stranger")
    middle = Authority(scratch, "middle", issuer=root)
    good = root.issue("x", SAN)
    with DnsServer({HOST: [a("127.0.0.1")]}) as names:
        for part in (healthy, starttls, tls, dialogue, time_limits, addresses,
                     local_faults, stopped, several, costs):
            tap.diag(part.__name__.replace("_", " "))
            part()
sys.exit(tap.done())
