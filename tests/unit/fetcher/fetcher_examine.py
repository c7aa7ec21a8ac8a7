# SPDX-License-Identifier: ISC
"""A policy host that is examined: its answer comes with all that a policy is not
taken with, the same request for a policy is refused, and nothing is without
bounds."""
import os
import socket
import ssl
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from inject_certs import BEFORE, FUTURE, PAST, Authority
from inject_https import (PLAIN, POLICY, Server, endless, raw, respond,
                          sized_policy)
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
HOST = "mta-sts.case.test"
SAN = f"subjectAltName=DNS:{HOST}"
LARGEST = 57344  # bytes of a body that are passed on


def fetcher(port, lines, *options):
    """Exit status, and what the fetcher writes behind its first line."""
    process = subprocess.Popen(
        [TOP + "/mta-sts-fetcher", "--port", str(port), "--ca-file",
         root.cert, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(lines.encode())
    process.stdin.flush()
    said = process.stdout.readline()
    said = b""
    while not (said.startswith(b"1 ") and
               (said.split(b" ")[3:4] == [b"0"] or said.endswith(b"end 1\n"))):
        more = process.stdout.read1(65536)
        if not more:
            break
        said += more
    process.stdin.close()
    said += process.stdout.read()
    process.stdout.close()
    return process.wait(30), said


def request(kind, port, target="/.well-known/mta-sts.txt"):
    target = f"{target} " if kind == "examine" else ""
    return f"1 {kind} {HOST} {port} 5000 {target}127.0.0.1\n"


def examine(server, *options, port=None):
    """(status, {name: value}, body) of one examination."""
    _, said = fetcher(server.port, request("examine", port or server.port),
                      *options)
    head, _, rest = said.partition(b"\n")
    word = head.decode().split(" ", 4)
    if word[3] == "0":
        return word[1], {}, b""
    answer = rest[:int(word[3])]
    tap.equal(rest[int(word[3]):], b"end 1\n", "the answer has its length")
    lines, _, body = answer.partition(b"\n\n")
    return word[1], dict(line.split(" ", 1) for line in
                         lines.decode().split("\n")), body


def refused(server, what):
    """A fetch of the same has no policy."""
    _, said = fetcher(server.port, request("policy", server.port))
    word = said.decode().split(" ")
    tap.ok(word[1] != "ok" and word[3] == "0",
           f"{what}: no policy for a delivery", said)


def certificates():
    other = root.issue("c", "subjectAltName=DNS:a.test,DNS:b.test")
    for what, certificate, status, more in (
            ("expired", root.issue("c", SAN, PAST, BEFORE),
             "fetch_cert_expired certificate has expired", {}),
            ("self-signed", root.issue("c", SAN, self_signed=True),
             "fetch_cert_untrusted self", {}),
            ("without its issuer", below.issue("c", SAN, chain=False),
             "fetch_cert_untrusted unable to get local issuer", {}),
            ("for other names", other, "fetch_cert_name ",
             {"names": "a.test,b.test", "common_name": "c"}),
            ("with a common name alone",
             root.issue(HOST, "keyUsage=digitalSignature"),
             "fetch_cert_name ", {"names": None, "common_name": HOST})):
        with Server(certificate, respond(POLICY, PLAIN)) as server:
            status_got, facts, body = examine(server)
            tap.ok(status_got == "ok" and
                   facts["certificate"].startswith(status) and
                   all(facts.get(key) == value for key, value in more.items()),
                   f"a certificate {what}: it is said", status_got, facts)
            tap.equal((facts.get("http"), body), ("200", POLICY),
                      "and the policy all the same")
            refused(server, f"a certificate {what}")


def answers():
    for what, behave, facts, body in (
            ("a redirect", respond(b"x", "Location: https://www.case.test/",
                                   status="302 Found"),
             {"http": "302", "location": "https://www.case.test/"}, b"x"),
            ("no file", respond(b"gone", PLAIN, status="404 Not Found"),
             {"http": "404", "type": "text/plain"}, b"gone"),
            ("a web page", respond(b"<p>", "Content-Type: text/html"),
             {"http": "200", "type": "text/html"}, b"<p>"),
            ("no media type", respond(POLICY),
             {"http": "200", "type": None}, POLICY),
            ("a coding", respond(POLICY, PLAIN, "Content-Encoding: gzip"),
             {"encoding": "gzip"}, POLICY),
            ("a field of every byte",
             respond(POLICY, "Content-Type: \x80\\\x1b[31m"),
             {"type": "\\x80\\x5c\\x1b[31m"}, POLICY),
            ("a body that is cut", respond(POLICY, PLAIN, length=5000),
             {"cut": "yes"}, POLICY),
            ("the largest body",
             respond(sized_policy(LARGEST), PLAIN),
             {"large": None, "cut": None}, sized_policy(LARGEST)),
            ("a larger one", respond(b"x" * (LARGEST + 1), PLAIN),
             {"large": "yes", "cut": None}, b"x" * LARGEST),
            ("a body without end",
             endless(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 10000),
             {"large": "yes"}, b"y" * LARGEST)):
        with Server(good, behave) as server:
            status, got, sent = examine(server)
            tap.ok(status == "ok" and got.get("certificate") == "ok " and
                   got.get("names") == HOST and sent == body and
                   all(got.get(key) == value for key, value in facts.items()),
                   f"{what}: it is said", status, got, sent[:80])
    for what, behave, certificate, status, more in (
            ("no HTTP", raw(b"what?\r\n\r\n"), good, "fetch_http", {}),
            ("a header without end",
             endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000), good,
             "fetch_http", {}),
            ("TLS 1.1", respond(POLICY, PLAIN), good, "fetch_tls",
             {"tls": ssl.TLSVersion.TLSv1_1})):
        with Server(certificate, behave, **more) as server:
            tap.equal(examine(server), (status, {}, b""),
                      f"{what}: no answer")


def ports():
    with Server(good, respond(POLICY, PLAIN)) as server, \
            Server(None, respond(POLICY, PLAIN)) as plain, \
            socket.create_server(("127.0.0.1", 0)) as other:
        status, facts, body = examine(
            server, "--plain-port", str(plain.port), port=plain.port)
        tap.equal((status, facts.get("certificate"), body),
                  ("ok", None, POLICY), "http: on the port for that")
        for kind, options in (
                ("examine", ()),
                ("policy", ("--plain-port", str(plain.port)))):
            code, said = fetcher(server.port, request(kind, plain.port),
                                 *options)
            tap.equal((code, said), (3, b""),
                      f"{kind}: not on a port that is not its own")
        code, said = fetcher(
            server.port, request("examine", other.getsockname()[1]),
            "--plain-port", str(plain.port))
        tap.equal((code, said), (3, b""), "and not on any other")


def main():
    certificates()
    answers()
    ports()


with unprivileged() as TOP:
    root = Authority(TOP, "root")
    below = Authority(TOP, "below", root)
    good = root.issue("c", SAN, PAST, FUTURE)
    main()
sys.exit(tap.done())
