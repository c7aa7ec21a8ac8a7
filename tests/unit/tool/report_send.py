# SPDX-License-Identifier: ISC
"""mta-sts report send as a whole: reports by HTTPS to collectors that take them
and to some that do not, through the resolver and the fetcher in its sandbox; by
mail through a sendmail that records; what it prints, its exit status."""
import contextlib
import datetime
import gzip
import http.server
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import inject_http2
import inject_https
import inject_schema
from fakeworld import World
from inject_scratch import unprivileged
from inject_tap import Tap

tap = Tap()
same, ok = tap.equal, tap.ok
DAY = datetime.datetime.now(datetime.timezone.utc).date() - \
    datetime.timedelta(days=1)
NOON = int(time.time()) // 86400 * 86400 - 43200


class Collector:
    """Takes posts on loopback; its path says how it behaves."""

    def __init__(self, authority):
        self.posts, self.lock = [], threading.Lock()
        collector = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            *authority.issue("collector", "subjectAltName=DNS:collector.test"))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with collector.lock:
                    collector.posts.append((self.path, self.headers, body))
                what = self.path.split("?")[0].strip("/")
                self.close_connection = True
                if what == "hang":
                    time.sleep(20)
                elif what == "close":
                    self.connection.close()
                elif what == "large":
                    self.endless()
                elif what == "part":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
                else:
                    self.answer(int(what))

            def answer(self, status):
                self.send_response(status)
                if status == 301:
                    self.send_header("Location", "https://collector.test/200")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def endless(self):
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(10000):
                        self.wfile.write(b"x" * 10000)

            def log_message(self, *args):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads = True

            def get_request(self):
                sock, peer = super().get_request()
                return context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False), peer

            def handle_error(self, *args):
                pass

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_address[1]
        self.certificate = authority.issue(
            "collector", "subjectAltName=DNS:collector.test")

    def paths(self):
        with self.lock:
            return sorted(post[0] for post in self.posts)


def make_resolver(name, port):
    """One whose fetcher posts to this port in place of 443."""
    return script(os.path.join(TOP, name),
                  'exec %s/help_resolver "$2" %d post "$4" "$5"' % (TOP, port))


def script(path, text):
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)
    return path


class Case:
    """A state directory with a session of yesterday for each domain."""

    number = 0

    def __init__(self, domains, **settings):
        Case.number += 1
        self.top = os.path.join(TOP, "case%d" % Case.number)
        self.state = os.path.join(self.top, "state")
        self.conf = os.path.join(self.top, "conf")
        self.mail = os.path.join(self.top, "mail")
        os.mkdir(self.top)
        os.mkdir(self.state, 0o750)
        WORLD.configure(
            self.conf, settings, state_dir=self.state,
            resolver=settings.pop("resolver", RESOLVER),
            organization="Example Org", contact="tls@sender.test",
            fetch_timeout=2, report_sendmail=script(
                os.path.join(self.top, "sendmail"),
                "cat >>%s" % self.mail))
        for domain, rua in domains.items():
            WORLD.txt["_smtp._tls." + domain] = ["v=TLSRPTv1; rua=" + rua]
        subprocess.run([TOP + "/help_resolver", self.conf, "443", "lookup",
                        *domains], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        folder = os.path.join(self.state, "outcomes")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, str(DAY)), "a") as f:
            for domain in domains:
                f.write("\n1 %d %s no-policy-found 0 starttls-not-supported "
                        "mx.%s 192.0.2.1 192.0.2.2 - - - .\n"
                        % (NOON, domain, domain))

    def send(self, *options):
        """Its lines, its exit status and what it logs."""
        done = subprocess.run(
            [TOP + "/mta-sts", "-f", self.conf, "report", "send", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=100)
        self.log = done.stderr
        return done.stdout.splitlines(), done.returncode

    def said(self, domain, lines):
        """What the line about a domain says, without the time."""
        found = [line for line in lines if " %s " % domain in line]
        return found[0].split(" ", 3)[3].split(", not before")[0] \
            if len(found) == 1 else found


def collectors():
    COLLECTOR.posts.clear()
    paths = ["200", "202", "500", "503", "404", "410", "301", "hang", "close",
             "large", "part"]
    domains = {"d%s.test" % p: "https://collector.test/%s" % p for p in paths}
    case = Case(domains)
    lines, code = case.send("--now")
    for path, expected in {
            "200": "sent", "202": "sent", "large": "sent",
            "500": "failed: http-500", "503": "failed: http-503",
            "404": "failed: http-404", "410": "refused: http-410",
            "301": "failed: http-301", "hang": "unsure: fetch_timeout",
            "close": "failed: fetch_http", "part": "failed: fetch_http",
    }.items():
        same(case.said("d%s.test" % path, lines), expected,
             "a collector that answers %s" % path)
    same(lines[-1], "sent 3, waiting 0, failed 6, lost 2", "the summary")
    same(code, 1, "exit status 1: reports were not taken")
    same(COLLECTOR.paths(), sorted("/" + p for p in paths),
         "each was posted once; no redirect was followed")
    path, headers, body = COLLECTOR.posts[0]
    same(headers["Content-Type"], "application/tlsrpt+gzip", "its media type")
    same(headers["Expect"], None, "without waiting for an interim answer")
    report = json.loads(gzip.decompress(body))
    same((report["organization-name"], report["contact-info"],
          report["date-range"]["start-datetime"]),
         ("Example Org", "tls@sender.test", "%sT00:00:00Z" % DAY),
         "the body is the report, compressed")
    same([fault for post in COLLECTOR.posts for fault in inject_schema.faults(
        json.loads(gzip.decompress(post[2])))], [], "each fits the schema")
    report["policies"][0]["failure-details"][0]["receiving-ip"] = "2001:DB8::1"
    same(list(inject_schema.faults(report)),
         [".policies[0].failure-details[0].receiving-ip: no address as RFC "
          "5952 has it"], "which notices what is wrong")
    COLLECTOR.posts.clear()
    lines, code = case.send("--now")
    same((lines, code), (["sent 0, waiting 6, failed 0, lost 0"], 0),
         "the next run: nothing is due")
    same(COLLECTOR.paths(), [], "and nothing is posted")


def http2():
    """A collector that offers HTTP/2 alone."""
    for status, expected in ((200, "sent"), (404, "failed: http-404")):
        with inject_https.Server(COLLECTOR.certificate, inject_http2.answer(
                b"ok", status=status, media=None, length=2)) as server:
            server.context.set_alpn_protocols(["h2"])
            case = Case({"h2.test": "https://collector.test/200"},
                        resolver=make_resolver("h2", server.port))
            lines, _ = case.send("--now")
        same(case.said("h2.test", lines), expected, "HTTP/2: %d" % status)


def silent():
    """A host that takes connections and says nothing gets no report."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        case = Case({"silent.test": "https://collector.test/200"},
                    resolver=make_resolver(
                        "silent", listener.getsockname()[1]))
        lines, _ = case.send("--now")
    same(case.said("silent.test", lines), "failed: fetch_timeout",
         "a timeout before the report is sent: tried again")


def places():
    COLLECTOR.posts.clear()
    WORLD.no_address.add("nowhere.test")
    case = Case({
        "query.test": "https://collector.test/200?key=a%2Cb",
        "host.test": "HTTPS://Collector.TEST:443/200",
        "wrong.test": "https://other.test/200",
        "port.test": "https://collector.test:8443/200",
        "ip.test": "https://[::1]/200",
        "nowhere2.test": "https://nowhere.test/200",
        "both.test": "https://collector.test/202,mailto:tls@both.test"})
    lines, _ = case.send("--now")
    for domain, expected in {
            "query.test": "sent", "host.test": "sent", "wrong.test": "sent",
            "port.test": "refused: record_bad_rua",
            "ip.test": "refused: record_bad_rua",
            "nowhere2.test": "failed: fetch_no_address"}.items():
        same(case.said(domain, lines), expected, "the destination of " + domain)
    ok("/200?key=a%2Cb" in COLLECTOR.paths(), "a query is kept",
       COLLECTOR.paths())
    ok("wrong.test event=report-certificate" in case.log,
       "a bad certificate does not stop a report, and is logged", case.log)
    same(len([line for line in lines if " both.test " in line]), 2,
         "two destinations: each is tried")
    with open(case.mail) as f:
        mail = f.read()
    same(mail.count("\nTLS-Report-Domain: "), 1, "one of them by mail")
    case = Case({"private.test": "https://collector.test/200"},
                allow_private="no")
    lines, _ = case.send("--now")
    same(case.said("private.test", lines), "failed: fetch_private_address",
         "a private address is not contacted")


def faults():
    """Processes of ours that die: whether it arrived is unknown."""
    dead = script(os.path.join(TOP, "dead"), "exec kill -9 $$")
    case = Case({"dead.test": "https://collector.test/200"}, resolver=dead)
    lines, code = case.send("--now")
    same((case.said("dead.test", lines), code), ("unsure: resolver_died", 3),
         "a resolver that dies: not tried again, exit status 3")
    case = Case({"gone.test": "https://collector.test/200"},
                resolver="/nonexistent")
    lines, code = case.send("--now")
    same((case.said("gone.test", lines), code),
         ("failed: resolver_missing", 3), "no resolver: tried again")
    case = Case({"dead.test": "https://collector.test/200"}, fetcher=dead)
    lines, code = case.send("--now")
    same((case.said("dead.test", lines), code), ("unsure: fetcher_died", 3),
         "a fetcher that dies: not tried again")
    case = Case({"a.test": "https://collector.test/200"})
    done = subprocess.run(
        [TOP + "/help_resolver", case.conf, str(COLLECTOR.port), "post",
         "https://collector.test/200", "10"], input="nine byte",
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    same(done.stdout, "done post bad_line \n",
         "a body that ends too early is not posted")


def command():
    case = Case({"a.test": "mailto:tls@a.test",
                 "b.test": "https://collector.test/200"})
    lines, code = case.send("--dry-run", "--now")
    same((sorted(lines), code),
         (["%s a.test mailto:tls@a.test due" % DAY,
           "%s b.test https://collector.test/200 due" % DAY,
           "due 2, waiting 0"], 0), "a dry run lists what is due")
    same(os.path.exists(os.path.join(case.state, "reports")), False,
         "and writes nothing")
    lines, code = case.send("--dry-run", "--json", "--now")
    reports = sorted((json.loads(line) for line in lines),
                     key=lambda r: r["destinations"])
    same([r["destinations"] for r in reports],
         [["https://collector.test/200"], ["mailto:tls@a.test"]],
         "with --json one object a report")
    same(reports[0]["report"]["policies"][0]["summary"]
         ["total-failure-session-count"], 1, "with the report")
    same(case.send("--json")[1], 2, "--json without --dry-run: wrong usage")
    case.send("--now")
    same(sorted(os.listdir(os.path.join(case.state, "reports"))),
         sorted([str(DAY), "lock"]), "a run leaves the states of the day")
    same(os.stat(os.path.join(case.state, "reports", str(DAY), "a.test"))
         .st_mode & 0o777, 0o640, "which others cannot read")
    same(case.send("--dry-run")[0], ["due 0, waiting 0"],
         "afterwards nothing is due")
    case = Case({"a.test": "mailto:tls@a.test"}, contact="The Postmaster")
    same(case.send()[1], 3, "a contact without an address, no report-from: 3")
    case = Case({"a.test": "mailto:tls@a.test"}, contact="The Postmaster",
                report_from="r@sender.test")
    same(case.send("--now")[1], 0, "with report-from it works")
    with open(case.mail) as f:
        mail = f.read()
    ok("From: <r@sender.test>" in mail and
       "TLS-Report-Submitter: sender.test" in mail, "and is the sender", mail)
    off = os.path.join(TOP, "off")
    WORLD.configure(off, state_dir=case.state)
    case.conf = off
    same(case.send(), (["TLS reports are off: organization and contact are "
                        "not both set"], 0), "without the keys it does nothing")


def main():
    collectors()
    http2()
    silent()
    places()
    faults()
    command()
    return tap.done()


if __name__ == "__main__":
    with unprivileged("mta-sts", "tests/help_resolver") as TOP:
        WORLD = World(TOP, ["d.test"])
        COLLECTOR = Collector(WORLD.authority)
        RESOLVER = make_resolver("resolver", COLLECTOR.port)
        code = main()
    sys.exit(code)
