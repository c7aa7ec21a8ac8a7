# SPDX-License-Identifier: ISC
"""The policy fetch against policy hosts that misbehave."""
import gzip
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import inject_http2
from inject_certs import AFTER, BEFORE, FUTURE, PAST, Authority, openssl
from inject_dns import A, AAAA, Server as DnsServer, a, aaaa
from inject_https import (PLAIN, POLICY, Server, black_hole, endless, raw,
                          reset_after, respond, silent, sized_policy)
from inject_tap import Tap, run

tap = Tap()
DOMAIN = "case.test"
HOST = "mta-sts." + DOMAIN
SAN = f"subjectAltName=DNS:{HOST}"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
OK = ("ok", "ok")
NO_TLS = object()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def fetch(port, *options, domain=DOMAIN, env=None, trust=True):
    """(fetch status, policy status, bytes, milliseconds, detail)."""
    args = ["-n", names.address, "-p", port]
    if trust:
        args += ["-F", root.cert]
    lines = run("help_net_fetch", *args, *options, domain, env=env)
    found = re.fullmatch(r"\S+ fetch=(\S+) policy=(\S+) bytes=(\d+) ms=(\d+) "
                         r"detail=(.*)", lines[0] if lines else "")
    if not found or lines[-1].startswith("("):
        return ("; ".join(lines), "", 0, 0, "")
    return (found[1], found[2], int(found[3]), int(found[4]), found[5])


def serve(behave, certificate=None, **how):
    """A policy host; certificate NO_TLS: one that speaks no TLS."""
    if certificate is NO_TLS:
        return Server(None, behave, **how)
    return Server(certificate or good, behave, **how)


def expect(what, behave, status, policy="-", certificate=None, options=(),
           **how):
    """One fetch from a server of its own.  A status may be a tuple."""
    with serve(behave, certificate, **how) as server:
        got = fetch(server.port, *options)
    policy = "ok" if status == "ok" and policy == "-" else policy
    wanted = status if isinstance(status, tuple) else (status,)
    tap.ok(got[0] in wanted and got[1] == policy, f"{what}: {status}", got)
    return got, server


# The rows of http_fetch.tsv: behaviour or certificate, status, policy status.

def certificate_of(extensions, cn="other.test", **how):
    return lambda: root.issue(cn, extensions, **how)


TYPE = "Content-Type: "
ODD_BYTE = POLICY + b"x_note: caf\xe9\r\n"
ROWS = {
    "FET-001": (respond(POLICY, PLAIN), *OK),
    "FET-002": (respond(POLICY, TYPE + "text/html"), "fetch_media_type", "-"),
    "FET-003": (respond(POLICY), "fetch_media_type", "-"),
    "FET-004": (respond(POLICY, TYPE + "TEXT/PLAIN;CHARSET=UTF-8"), *OK),
    "FET-007": (respond(POLICY, TYPE + "application/octet-stream"),
                "fetch_media_type", "-"),
    "FET-008": (respond(POLICY, TYPE + "invalid/content/type"),
                "fetch_media_type", "-"),
    "FET-009": (respond(POLICY, TYPE + "text/plain; charset=iso-8859-1"),
                *OK),
    "FET-010": (respond(ODD_BYTE, TYPE + "text/plain; charset=iso-8859-1"),
                *OK),
    "FET-011": (respond(POLICY, TYPE + "text/plain; charset=foo-bar"), *OK),
    "FET-013": (respond(b"\xef\xbb\xbf" + POLICY, PLAIN), "ok",
                "policy_bom"),
    "FET-016": (respond(POLICY, PLAIN, status="404 Not Found"),
                "fetch_http_status", "-"),
    "FET-017": (respond(b"oh", PLAIN, status="500 Oh"),
                "fetch_http_status", "-"),
    "FET-018": (respond(POLICY, PLAIN, status="202 Accepted"),
                "fetch_http_status", "-"),
    "FET-020": (respond(POLICY, PLAIN, status="206 Partial Content"),
                "fetch_http_status", "-"),
    "FET-022": (respond(sized_policy(65537), PLAIN), "fetch_too_large", "-"),
    "FET-026": (respond(gzip.compress(POLICY), PLAIN,
                        "Content-Encoding: gzip"),
                "fetch_content_encoding", "-"),
    "FET-027": (certificate_of("subjectAltName=DNS:mta-sts.other.test"),
                "fetch_cert_name", "-"),
    "FET-030": (certificate_of("basicConstraints=CA:false", cn=HOST),
                "fetch_cert_name", "-"),
    "FET-031": (certificate_of(f"subjectAltName=email:a@{HOST}", cn=HOST),
                "fetch_cert_name", "-"),
    "FET-033": (lambda: stranger.issue("x", SAN),
                "fetch_cert_untrusted", "-"),
    "FET-034": (certificate_of(SAN, end=BEFORE), "fetch_cert_expired", "-"),
    "FET-035": ("tls1.1", "fetch_tls", "-"),
    "FET-041": ("twice", *OK),
    "FET-042": ("proxy", *OK),
}
# What design decisions make of the rows that leave it open.
DECIDED = {"FET-010": "accept", "FET-026": "reject", "FET-042": "accept"}


def play_row(ident):
    what = ROWS[ident][0]
    if what == "twice":
        with serve(respond(POLICY, PLAIN, "Cache-Control: max-age=3600",
                           "ETag: \"1\"")) as server:
            got = fetch(server.port, "-t", 2)
            tap.equal(len(server.requests), 2, f"{ident}: a new GET is sent")
            tap.equal(server.connections, 2, f"{ident}: on a new connection")
        return got
    if what == "proxy":
        with Server(None, None) as proxy, \
                serve(respond(POLICY, PLAIN)) as server:
            url = f"http://127.0.0.1:{proxy.port}"
            got = fetch(server.port, env={
                "https_proxy": url, "HTTPS_PROXY": url, "ALL_PROXY": url,
                "http_proxy": url})
            tap.equal(proxy.connections, 0, f"{ident}: no proxy is asked")
        return got
    if what == "tls1.1":
        server = serve(respond(POLICY, PLAIN), tls=ssl.TLSVersion.TLSv1_1)
    elif what.__name__ == "<lambda>":
        server = serve(respond(POLICY, PLAIN), certificate=what())
    else:
        server = serve(what)
    with server:
        return fetch(server.port)


def vectors():
    with open("tests/vectors/http_fetch.tsv", encoding="utf-8") as rows:
        next(rows)
        for row in rows:
            ident, _section, what, verdict = row.split("\t")[:4]
            if ident not in ROWS:
                tap.ok(False, f"{ident} is played")
                continue
            got = play_row(ident)
            word = DECIDED.get(ident, verdict.split()[0])
            wanted = "reject" if word == "reject" else "accept"
            tap.equal("accept" if got[:2] == OK else "reject", wanted,
                      f"{ident} {what}: {verdict}", got)
            tap.equal(got[:2], ROWS[ident][1:], f"{ident}: the reason", got)


def requests():
    _, server = expect("the plain case", respond(POLICY, PLAIN), "ok")
    head = server.requests[0].decode()
    line, *fields = head.split("\r\n")
    lower = {f.split(":")[0].lower(): f.split(":", 1)[1].strip()
             for f in fields if f}
    tap.equal(line, "GET /.well-known/mta-sts.txt HTTP/1.1",
              "the request line")
    tap.equal(lower.get("host"), f"{HOST}:{server.port}", "the Host field")
    tap.ok(re.fullmatch(r"mta-sts/[0-9.]+", lower.get("user-agent", "")),
           "the User-Agent field", head)
    tap.equal(sorted(set(lower) - {"host", "user-agent", "accept"}), [],
              "no other field: no coding, cookie or credentials")
    tap.equal(server.names, [HOST], "SNI names the policy host")
    for size in (0, 65536):
        body = sized_policy(size) if size else b""
        got, _ = expect(f"{size} bytes", respond(body, PLAIN), "ok",
                        "ok" if size else "policy_empty")
        tap.equal(got[2], size, "all of them are there")
    with serve(respond(POLICY, PLAIN)) as server:
        lines = run("help_net_fetch", "-n", names.address, "-p", server.port,
                    "-F", root.cert, "-b", DOMAIN)
        tap.equal(lines[1], "body " + POLICY.decode().replace(
            "\r\n", "\\x0d\\x0a"), "the body is what was served")


def sizes():
    big = sized_policy(65537)
    expect("65,537 bytes, chunked",
           raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" +
               chunk(big[:60000]) + chunk(big[60000:]) + b"0\r\n\r\n"),
           "fetch_too_large")
    expect("65,536 bytes, chunked",
           raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" +
               chunk(big[:60000]) + chunk(sized_policy(65536)[60000:]) +
               b"0\r\n\r\n"), ("ok",), "ok")
    expect("an endless body", endless(HEAD + b"\r\n", b"x: y\r\n" * 1000),
           "fetch_too_large")
    expect("endless fields", endless(b"HTTP/1.1 200 OK\r\n",
                                     b"X-Filler: yes\r\n" * 100),
           "fetch_http")
    expect("100,000 bytes of fields",
           raw(HEAD + b"X-Filler: yes\r\n" * 6700 + b"\r\n" + POLICY,
               close_notify=True), "fetch_http")
    expect("30,000 bytes of fields",
           raw(HEAD + b"X-Filler: yes\r\n" * 2000 + b"\r\n" + POLICY,
               close_notify=True), "ok")
    expect("one endless field", endless(b"HTTP/1.1 200 OK\r\nX: ",
                                        b"x" * 10000), "fetch_http")
    expect("endless interim answers",
           endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10),
           "fetch_http")
    expect("a deflated body that inflates to much",
           respond(zlib.compress(b"a" * 1000000), PLAIN,
                   "Content-Encoding: deflate"), "fetch_content_encoding")


def framing():
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n"
    expect("chunked", raw(chunked + b"\r\n" + chunk(POLICY[:9]) +
                          chunk(POLICY[9:]) + b"0\r\n\r\n"), "ok")
    expect("chunked with a trailer",
           raw(chunked + b"\r\n" + chunk(POLICY) +
               b"0\r\nContent-Type: text/html\r\n\r\n"), "ok")
    expect("chunked without its end", raw(chunked + b"\r\n" + chunk(POLICY)),
           "fetch_http")
    expect("chunked without its end, closed properly",
           raw(chunked + b"\r\n" + chunk(POLICY), close_notify=True),
           "fetch_http")
    expect("a chunk size that is no number",
           raw(chunked + b"\r\nxyz\r\n" + POLICY + b"\r\n0\r\n\r\n"),
           "fetch_http")
    expect("a transfer coding nobody asked for",
           raw(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" +
               chunk(gzip.compress(POLICY)) + b"0\r\n\r\n"),
           # newer versions of libcurl refuse it themselves
           ("fetch_content_encoding", "fetch_http"))
    expect("the end of the connection ends the body",
           raw(HEAD + b"\r\n" + POLICY, close_notify=True), "ok")
    expect("the same cut off by a third party",
           raw(HEAD + b"\r\n" + POLICY), "fetch_http")
    expect("HTTP/1.0", raw(HEAD.replace(b"1.1", b"1.0") + b"\r\n" + POLICY,
                           close_notify=True), "ok")
    expect("HTTP/0.9", raw(POLICY, close_notify=True), "fetch_http")
    expect("less than Content-Length",
           respond(POLICY, PLAIN, length=len(POLICY) + 10), "fetch_http")
    expect("two lengths that differ",
           respond(POLICY, PLAIN, "Content-Length: 10"), "fetch_http")
    expect("a reset within the body",
           reset_after(HEAD + b"Content-Length: 500\r\n\r\n" + POLICY),
           "fetch_http")
    expect("an end within the fields", raw(HEAD, close_notify=True),
           "fetch_http")
    expect("an end before the answer", raw(close_notify=True), "fetch_http")
    expect("interim answers first",
           raw(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD +
               b"Content-Length: %d\r\n\r\n" % len(POLICY) + POLICY), "ok")
    expect("a change of protocol nobody asked for",
           raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
               close_notify=True), "fetch_http")
    expect("bytes in pieces", raw(*[bytes([c]) for c in HEAD + b"\r\n"],
                                  POLICY, pause=0.001, close_notify=True),
           "ok")


def http2():
    """Hosts that offer HTTP/2 alone; the rules are the same."""
    def check(what, wanted, *args, **how):
        with serve(inject_http2.answer(*args, **how)) as server:
            server.context.set_alpn_protocols(["h2"])
            got = fetch(server.port)
        tap.equal(got[0], wanted, f"HTTP/2: {what}", got)

    check("a policy", "ok", POLICY)
    check("a policy with its length", "ok", POLICY, length=len(POLICY))
    check("another status", "fetch_http_status", b"no", status=404)
    check("another media type", "fetch_media_type", POLICY, media="text/html")
    check("no media type", "fetch_media_type", POLICY, media=None)
    check("longer than its length", "fetch_http", POLICY,
          length=len(POLICY) - 3)
    check("shorter than its length", "fetch_http", POLICY,
          length=len(POLICY) + 3)
    check("a stream that is reset", "fetch_http", POLICY,
          last=inject_http2.reset)
    check("a connection that ends within the stream", "fetch_http", POLICY,
          last=inject_http2.nothing)
    check("too large", "fetch_too_large", POLICY, length=70000,
          last=inject_http2.nothing)


def answers():
    for code in (301, 302, 303, 307, 308):
        _, server = expect(
            f"{code} to a good place",
            respond(b"", PLAIN, status=f"{code} Elsewhere"),
            "fetch_redirect")
        tap.equal(len(server.requests), 1, "which is not asked")

    def elsewhere(conn, request):
        moved = request.startswith(b"GET /.well-known/")
        respond(b"" if moved else POLICY, PLAIN, "Location: /policy",
                status="301 Moved" if moved else "200 OK")(conn, request)

    _, server = expect("301 to the same host", elsewhere, "fetch_redirect")
    tap.equal(len(server.requests), 1, "which is asked only once")
    with serve(respond(POLICY, PLAIN)) as target:
        place = f"Location: https://{HOST}:{target.port}/policy"
        for body in (POLICY, b""):
            expect(f"301 with a Location and {len(body)} bytes",
                   respond(body, PLAIN, place, status="301 Moved"),
                   "fetch_redirect")
        expect("200 with a Location and a Refresh",
               respond(POLICY, PLAIN, place, "Refresh: 0; url=/x"), "ok")
        tap.equal(target.connections, 0, "nothing is followed")
    for code in (201, 203, 204, 300, 304, 401, 403, 407, 410, 503, 999):
        expect(f"{code}", respond(POLICY if code not in (204, 304) else b"",
                                  PLAIN, status=f"{code} x"),
               "fetch_http_status")
    got, _ = expect("404", respond(b"no", status="404 Not Found"),
                    "fetch_http_status")
    tap.equal(got[4], "HTTP status 404", "the detail names the status")
    expect("404 cut short", respond(b"no", status="404 x", length=100),
           "fetch_http_status")
    expect("identity", respond(POLICY, PLAIN, "Content-Encoding: identity"),
           "ok")
    for coding in ("gzip", "br", "identity, gzip", "x-unknown"):
        expect(f"Content-Encoding: {coding}",
               respond(POLICY, PLAIN, f"Content-Encoding: {coding}"),
               "fetch_content_encoding")
    expect("two media types", respond(POLICY, PLAIN, TYPE + "text/html"),
           "fetch_media_type")
    expect("the same media type twice", respond(POLICY, PLAIN, PLAIN), "ok")
    expect("a list of media types",
           respond(POLICY, TYPE + "text/plain, text/html"),
           "fetch_media_type")
    expect("an empty media type", respond(POLICY, TYPE), "fetch_media_type")
    expect("text/plain-ish", respond(POLICY, TYPE + "text/plainer"),
           "fetch_media_type")
    expect("odd parameters", respond(POLICY, TYPE + "text/plain ;;=;x"), "ok")
    expect("a cookie and Alt-Svc", respond(
        POLICY, PLAIN, "Set-Cookie: a=b", "Alt-Svc: h3=\":443\"",
        "Strict-Transport-Security: max-age=1"), "ok")


def certificates():
    def check(what, status, extensions, authority=None, **how):
        made = (authority or root).issue(how.pop("cn", "x"), extensions,
                                         **how)
        return expect(what, respond(POLICY, PLAIN), status,
                      certificate=made)

    check("a wildcard for the left-most label", "ok",
          f"subjectAltName=DNS:*.{DOMAIN}")
    check("one of several names", "ok",
          f"subjectAltName=DNS:a.test,DNS:{HOST.upper()}")
    for what, name in (("a partial wildcard", f"mta-*.{DOMAIN}"),
                       ("a wildcard one level up", "*.test"),
                       ("two wildcards", "*.*.test"),
                       ("a wildcard further right", "mta-sts.*.test"),
                       ("the parent's name", DOMAIN),
                       ("a name that goes on", HOST + ".evil.test")):
        check(what, "fetch_cert_name", f"subjectAltName=DNS:{name}")
    check("an address only", "fetch_cert_name", "subjectAltName=IP:127.0.0.1",
          cn=HOST)
    check("a matching common name beside another SAN", "fetch_cert_name",
          "subjectAltName=DNS:other.test", cn=HOST)
    check("not yet valid", "fetch_cert_expired", SAN, begin=AFTER,
          end=FUTURE)
    check("expired, and for another name", "fetch_cert_expired",
          "subjectAltName=DNS:other.test", end=BEFORE)
    check("untrusted, and for another name", "fetch_cert_untrusted",
          "subjectAltName=DNS:other.test", authority=stranger)
    check("untrusted issuer, expired leaf", "fetch_cert_expired", SAN,
          authority=strange_middle, begin=PAST, end=BEFORE)
    check("self-signed", "fetch_cert_untrusted", SAN, self_signed=True)
    check("for clients only", "fetch_cert_invalid",
          SAN + ";extendedKeyUsage=clientAuth")
    check("an intermediate", "ok", SAN, authority=middle)
    check("an intermediate that is not sent", "fetch_cert_untrusted", SAN,
          authority=middle, chain=False)
    got, _ = expect("nobody's root", respond(POLICY, PLAIN),
                    "fetch_cert_untrusted",
                    certificate=stranger.issue("x", SAN))
    tap.ok("certificate" in got[4], "the detail is OpenSSL's sentence", got)


def roots():
    def check(what, status, *options, env=None):
        names.queries.clear()
        with serve(respond(POLICY, PLAIN)) as server:
            got = fetch(server.port, *options, trust=False, env=env)
            tap.ok(got[0] == status, f"{what}: {status}", got)
            return server.connections

    def unusable(what, *options):
        tap.equal(check(what, "ca_unusable", *options), 0,
                  "nothing was connected to")

    def write(name, content):
        full = os.path.join(scratch, name)
        with open(full, "w", encoding="ascii") as out:
            out.write(content)
        return full

    with open(root.cert, encoding="ascii") as cert:
        pem = cert.read()
    hashed = os.path.join(scratch, "hashed")
    plain = os.path.join(scratch, "plain")
    dangling = os.path.join(scratch, "dangling")
    for path in (hashed, plain, dangling):
        os.mkdir(path)
    shutil.copy(root.cert, os.path.join(hashed, "root.pem"))
    shutil.copy(root.cert, os.path.join(plain, "root.pem"))
    subprocess.run(["openssl", "rehash", hashed], check=True,
                   stderr=subprocess.DEVNULL)
    os.symlink("gone.pem", os.path.join(dangling, "0123abcd.0"))

    check("a file", "ok", "-F", root.cert)
    check("a file with text and several roots", "ok", "-F", write(
        "bundle.pem", "# comment\n" + open(stranger.cert).read() + pem))
    check("a hashed directory", "ok", "-D", hashed)
    check("a directory and a file", "ok", "-D", hashed, "-F", stranger.cert)
    check("the other way round", "ok", "-F", root.cert, "-D",
          make_hashed("strange", stranger))
    check("somebody else's root", "fetch_cert_untrusted", "-F",
          stranger.cert)
    check("somebody else's directory", "fetch_cert_untrusted", "-D",
          make_hashed("strange2", stranger),
          env={"SSL_CERT_FILE": root.cert, "SSL_CERT_DIR": hashed,
               "CURL_CA_BUNDLE": root.cert})
    unusable("no such file", "-F", os.path.join(scratch, "missing"))
    unusable("an empty file", "-F", write("empty", ""))
    unusable("a file without a certificate", "-F", write("junk", "junk\n"))
    openssl("ca", "-gencrl", "-config", root.config, "-cert", root.cert,
            "-keyfile", root.key, "-crldays", "1", "-out",
            os.path.join(scratch, "crl.pem"))
    unusable("nothing but a revocation list", "-F",
             os.path.join(scratch, "crl.pem"))
    unusable("a broken certificate", "-F",
             write("broken", pem.replace("M", "", 1)))
    unusable("a directory for a file", "-F", hashed)
    unusable("a pipe for a file", "-F", make_pipe())
    unusable("no such directory", "-D", os.path.join(scratch, "missing"))
    unusable("a directory without hashed names", "-D", plain)
    unusable("a directory of dangling links", "-D", dangling)
    unusable("a good file and a bad directory", "-F", root.cert, "-D", plain)
    unusable("a bad file and a good directory", "-F",
             os.path.join(scratch, "empty"), "-D", hashed)
    if os.geteuid() == 0:
        tap.skip("a file that may not be read", "root may read everything")
    else:
        os.chmod(write("secret", pem), 0)
        unusable("a file that may not be read", "-F",
                 os.path.join(scratch, "secret"))


def make_hashed(name, authority):
    path = os.path.join(scratch, name)
    os.mkdir(path)
    shutil.copy(authority.cert, os.path.join(path, "root.pem"))
    subprocess.run(["openssl", "rehash", path], check=True,
                   stderr=subprocess.DEVNULL)
    return path


def make_pipe():
    path = os.path.join(scratch, "pipe")
    os.mkfifo(path)
    return path


def connections():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        got = fetch(closed.getsockname()[1])
    tap.equal(got[0], "fetch_connect", "nobody listens", got)
    got, _ = expect("silence instead of TLS", silent, "fetch_timeout",
                    options=("-f", 700), certificate=NO_TLS)
    tap.ok(600 <= got[3] <= 1500, "the timeout is kept", got)
    expect("silence after the request", silent, "fetch_timeout",
           options=("-f", 700))
    expect("a byte now and then", endless(HEAD + b"\r\n", b"x", 0.05),
           "fetch_timeout", options=("-f", 700))
    expect("fields now and then", endless(HEAD, b"X: y\r\n", 0.05),
           "fetch_timeout", options=("-f", 700))
    expect("an end instead of TLS", None, ("fetch_tls", "fetch_http"),
           certificate=NO_TLS)
    expect("HTTP instead of TLS", None, "fetch_tls", certificate=NO_TLS,
           greet=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        expect(version.name, respond(POLICY, PLAIN), "ok", tls=version)
    # However lax the system's default is.
    lax = os.path.join(scratch, "lax.cnf")
    with open(lax, "w", encoding="ascii") as out:
        out.write("openssl_conf = init\n[init]\nssl_conf = ssl\n"
                  "[ssl]\nsystem_default = lax\n[lax]\n"
                  "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with serve(respond(POLICY, PLAIN), tls=version) as server:
            got = fetch(server.port, env={"OPENSSL_CONF": lax})
            tap.equal(got[0], "fetch_tls", version.name, got)


def addresses():
    with serve(respond(POLICY, PLAIN)) as server:
        def check(what, status, records, *options):
            names.zone[HOST] = records
            got = fetch(server.port, *options)
            tap.equal(got[0], status, what, got)
            names.zone[HOST] = [a("127.0.0.1")]
            return got

        check("the first address refuses", "ok",
              [a("127.0.0.9"), a("127.0.0.1")])
        with black_hole("127.0.0.8", server.port):
            got = check("the first address is dead", "ok",
                        [a("127.0.0.8"), a("127.0.0.1")])
            tap.ok(got[3] < 2500, "half the time is left for others", got)
            check("the only address is dead", "fetch_timeout",
                  [a("127.0.0.8")], "-f", 700)
        check("AAAA is silent", "ok",
              ("types", {A: [a("127.0.0.1")], AAAA: "silence"}))
        check("no such host", "fetch_no_address", "nxdomain")
        check("a host without addresses", "fetch_no_address", "nodata")
        check("SERVFAIL", "fetch_dns", "servfail")
        check("no answer", "fetch_dns", "silence", "-d", 500)
        before = server.connections
        check("private addresses only", "fetch_private_address",
              [a("127.0.0.1"), a("10.0.0.1"), aaaa("::1"),
               aaaa("::ffff:127.0.0.1")], "-P")
        tap.equal(server.connections, before, "no connection was tried")
        got = fetch(server.port, domain="a" * 60 + ".test" * 38)
        tap.equal(got[0], "fetch_no_address", "a name too long", got)
        got = fetch(server.port, domain="x/@127.0.0.1")
        tap.equal(got[0], "internal", "what is no domain is not put in a URL",
                  got)
    try:
        with serve(respond(POLICY, PLAIN), address="::1") as six:
            names.zone[HOST] = [aaaa("::1")]
            got = fetch(six.port)
            tap.equal(got[0], "ok", "IPv6 only", got)
            names.zone[HOST] = [aaaa("::1"), a("127.0.0.1")]
            got = fetch(six.port)
            tap.equal(got[0], "ok", "IPv6 and a refusing IPv4", got)
    except OSError as error:
        tap.skip("IPv6 only", error)
    names.zone[HOST] = [a("127.0.0.1")]


def local_faults():
    """A lack of descriptors must never look like the policy host's fault."""
    hashed = make_hashed("faults", root)
    with serve(respond(POLICY, PLAIN)) as server:
        for trust in (["-F", root.cert], ["-D", hashed]):
            seen = set()
            # To start the fetcher takes six for a moment.
            for spare in range(0, 11):
                got = fetch(server.port, "-l", spare, *trust, trust=False)
                seen.add(got[0])
                tap.ok(got[0] in ("ok", "no_descriptors"),
                       f"{trust[0]}, {spare} descriptors to spare", got)
            tap.equal(seen, {"ok", "no_descriptors"},
                      "both outcomes were seen")
        names.zone[HOST] = ("slow", 0.4, [a("127.0.0.1")])
        for trust in (["-F", root.cert], ["-D", hashed]):
            # The name server's socket is open by then, and closed before
            # the connection: -1 leaves nothing, 0 nothing for a directory.
            for spare in (-1, 0, 1):
                got = fetch(server.port, "-e", 150, "-l", spare, *trust,
                            trust=False)
                wanted = (("no_descriptors",) if spare < 0 else
                          ("ok", "no_descriptors"))
                tap.ok(got[0] in wanted, f"{trust[0]}, {spare} descriptors "
                       "left for connecting", got)
        names.zone[HOST] = [a("127.0.0.1")]


def odd_domains():
    domains = ["under_score.test", "xn--mx-lka.test", "a--b.test",
               "ends-.test", "a.-b.test", "1.2.test", "x" * 63 + ".test"]
    made = root.issue("x", "subjectAltName=" + ",".join(
        f"DNS:mta-sts.{d}" for d in domains))
    for domain in domains:
        names.zone["mta-sts." + domain] = [a("127.0.0.1")]
        with serve(respond(POLICY, PLAIN), certificate=made) as server:
            got = fetch(server.port, domain=domain)
        tap.equal(got[:2], OK, f"the domain {domain}", got)
    tap.equal(names.asked("mta-sts.xn--mx-lka.test")[0][1],
              "mta-sts.xn--mx-lka.test", "A-labels stay A-labels")


def several():
    domains = [f"d{i}.test" for i in range(20)]
    wild = root.issue("x", "subjectAltName=" + ",".join(
        f"DNS:mta-sts.{d}" for d in domains))
    for d in domains:
        names.zone["mta-sts." + d] = [a("127.0.0.1")]

    def slow(conn, request):
        time.sleep(0.3)
        respond(POLICY, PLAIN)(conn, request)

    with serve(slow, certificate=wild) as server:
        lines = run("help_net_fetch", "-n", names.address, "-p", server.port,
                    "-F", root.cert, "-a", *domains)
        good_ones = [x for x in lines if "fetch=ok policy=ok" in x]
        tap.equal(len(good_ones), 20, "20 at once", *lines)
        slowest = max((int(re.search(r" ms=(\d+)", x)[1])
                       for x in good_ones), default=99999)
        tap.ok(slowest < 3000, "side by side", f"{slowest} ms")
    with serve(silent, certificate=wild) as server:
        for ms in (0, 5, 100):
            lines = run("help_net_fetch", "-n", names.address, "-p",
                        server.port, "-F", root.cert, "-a", "-x", ms,
                        *domains)
            tap.equal(sum("cancelled" in x for x in lines), 20,
                      f"20 cancelled after {ms} ms", *lines)


def costs():
    with serve(respond(POLICY, PLAIN)) as server:
        lines = run("help_net_fetch", "-n", names.address, "-p", server.port,
                    "-F", root.cert, "-t", 50, "-l", 10, DOMAIN)
        times = sorted(int(m[1]) for m in
                       (re.search(r" ms=(\d+)", x) for x in lines) if m)
        tap.ok(len(times) == 50 and all("fetch=ok" in x for x in lines[:50]),
               "50 one after the other, with 10 descriptors for all",
               *lines[:3])
        if times:
            tap.diag(f"a fetch: median {times[len(times) // 2]} ms, first "
                     f"{lines[0].split()[4]}, {lines[-1]} KiB")


with tempfile.TemporaryDirectory(prefix="net-fetch-") as scratch:
    root = Authority(scratch, "root")
    stranger = Authority(scratch, "stranger")
    middle = Authority(scratch, "middle", issuer=root)
    strange_middle = Authority(scratch, "strange-middle", issuer=stranger)
    good = root.issue("x", SAN)
    with DnsServer({HOST: [a("127.0.0.1")]}) as names:
        for part in (vectors, requests, sizes, framing, http2,
                     answers, certificates,
                     roots, connections, addresses, odd_domains,
                     local_faults, several,
                     costs):
            tap.diag(part.__name__.replace("_", " "))
            part()
sys.exit(tap.done())
