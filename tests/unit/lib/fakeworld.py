# SPDX-License-Identifier: ISC
"""A small world for the resolver on loopback: a DNS server and policy hosts
whose answers a test changes as it goes, and counts.

    world.txt["_mta-sts.d.test"] = ["v=STSv1; id=1"]     TXT records
    world.txt[...] = None                                SERVFAIL
    world.silent.add("_smtp._tls.d.test")                no answer
    world.mx["d.test"] = [(10, "mx.d.test")]
    world.policy["d.test"] = (200, "version: STSv1...")  what is served
    world.policy["d.test"] = "hang"                      never answers
    world.expired.add("d.test")                          its certificate is old
    world.dns_count("_mta-sts.d.test"), world.fetch_count("d.test")
    world.hello_count("d.test")                          handshakes begun

Every name has the address 127.0.0.1 unless it is in world.no_address, or in
world.bad_address: SERVFAIL.
"""
import collections
import http.server
import os
import socket
import socketserver
import ssl
import struct
import threading
import time

import inject_certs

TYPE_A, TYPE_MX, TYPE_TXT, TYPE_AAAA = 1, 15, 16, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


WAIT = int(os.environ.get("TAP_WAIT_MS", 120000)) / 1000


def wait_for(condition, seconds=WAIT):
    """Says whether it came true; a slow machine has two minutes for it."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


class World:
    def __init__(self, directory, domains):
        self.txt, self.mx, self.policy = {}, {}, {}
        self.no_address, self.bad_address = set(), set()
        self.silent = set()
        self.counts = collections.Counter()
        self.order = []  # of what is counted
        self.lock = threading.Lock()
        self.fetcher = os.path.join(directory, "mta-sts-fetcher")
        self.expired = set()
        self.authority = inject_certs.Authority(directory, "root")
        self.ca_file = self.authority.cert
        self.dns_port = self.start_dns()
        self.https_port = self.start_https(domains)

    def configure(self, path, overrides=None, **settings):
        """Writes a configuration for this world; a_b="c" is a line "a-b c",
        unless `overrides` says otherwise.  What must come is given all the time
        that there is; a test of a limit sets its own."""
        lines = {"ca_file": self.ca_file, "fetcher": self.fetcher,
                 "nameserver": "127.0.0.1:%d" % self.dns_port,
                 "allow_private": "yes", "dns_timeout": 30, "fetch_timeout": 60,
                 **settings, **(overrides or {})}
        with open(path, "w") as f:
            for key, value in lines.items():
                f.write("%s %s\n" % (key.replace("_", "-"), value))

    def count(self, what):
        with self.lock:
            self.counts[what] += 1
            self.order.append(what)

    def dns_count(self, name):
        with self.lock:
            return self.counts["dns " + name]

    def fetch_count(self, domain):
        with self.lock:
            return self.counts["fetch " + domain]

    def hello_count(self, domain):
        with self.lock:
            return self.counts["hello " + domain]

    # DNS

    def answer(self, name, qtype):
        """Returns (rcode, [rdata])."""
        if qtype == TYPE_TXT:
            records = self.txt.get(name, [])
            if records is None:
                return SERVFAIL, []
            return (NOERROR if records else NXDOMAIN), [
                bytes([len(r)]) + r.encode() for r in records]
        if qtype == TYPE_MX:
            hosts = self.mx.get(name, [])
            if hosts is None:
                return SERVFAIL, []
            return NOERROR, [struct.pack("!H", p) + encode_name(h)
                             for p, h in hosts]
        if name in self.no_address:
            return NXDOMAIN, []
        if name in self.bad_address:
            return SERVFAIL, []
        return NOERROR, [b"\x7f\0\0\1"] if qtype == TYPE_A else []

    def reply(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        qtype = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(labels)
        self.count("dns " + name)
        if name in self.silent:
            return None
        rcode, rdatas = self.answer(name, qtype)
        head = query[:2] + struct.pack("!HHHHH", 0x8480 | rcode, 1,
                                       len(rdatas), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", qtype, 1, 0, len(r))
                        + r for r in rdatas)
        return head + query[12:at + 5] + body

    def start_dns(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))

        def serve():
            while True:
                query, peer = sock.recvfrom(4096)
                reply = self.reply(query)
                if reply:
                    sock.sendto(reply, peer)
        threading.Thread(target=serve, daemon=True).start()
        return sock.getsockname()[1]

    # HTTPS

    def start_https(self, domains):
        world = self
        names = "subjectAltName=" + ",".join("DNS:mta-sts." + domain
                                             for domain in domains)

        def make_context(*times):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(
                *self.authority.issue("host", names, *times))
            return context

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host = self.headers["Host"].split(":")[0]
                domain = host.replace("mta-sts.", "", 1)
                what = world.policy.get(domain, (404, "no"))
                world.count("fetch " + domain)
                if what == "hang":
                    time.sleep(3600)
                    return
                self.send_response(what[0])
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(what[1])))
                self.end_headers()
                self.wfile.write(what[1].encode())

            def log_message(self, *args):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def server_bind(self):  # HTTPServer's would look its name up
                socketserver.TCPServer.server_bind(self)
                self.server_name, self.server_port = self.server_address

            def get_request(self):
                sock, peer = super().get_request()
                return context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False), peer

            def handle_error(self, *args):
                pass

        def choose(conn, name, _context):
            domain = (name or "").replace("mta-sts.", "", 1)
            world.count("hello " + domain)
            if domain in world.expired:
                conn.context = expired

        context = make_context()
        expired = make_context(inject_certs.PAST, inject_certs.BEFORE)
        context.sni_callback = choose
        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]


def policy(mode="enforce", mx="mx.d.test", max_age=604800):
    return (200, "version: STSv1\nmode: %s\n%smax_age: %d\n" % (
        mode, "mx: %s\n" % mx if mx else "", max_age))
