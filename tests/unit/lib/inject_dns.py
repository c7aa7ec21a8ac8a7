# SPDX-License-Identifier: ISC
"""A name server on loopback that can misbehave in every way that matters.

A zone is a dictionary from names (lower case, no final dot) to lists of
records as made by txt(), mx(), a(), aaaa(), cname(), or to a behaviour:

    "nxdomain", "nodata", "servfail", "refused", "notimp", "formerr"
    "rcode6" to "rcode15"   other response codes
    "silence"       no answer at all
    "garbage"       bytes that are no DNS message
    "malformed"     a header and question that fit, an answer that does not
    "wrong_id"      an answer to another question
    "wrong_name"    our id, and another name in the question
    "lame_nxdomain"  NXDOMAIN of such a server
    "cut_short"     half of an answer
    "lame"          no record, not authoritative, and it asks nobody else
    ("cut", R)      of the records R the last is missing, or counted twice
    ("tc", R)       the records R, marked as truncated over TCP as well
    ("anew", S, R)  the records R once nobody has asked again for S seconds
    ("slow", S, R)  the records R after S seconds
    ("udp", B, R)   behaviour B over UDP, the records R over TCP
    ("truncated", R)  the TC bit over UDP, the records R over TCP
    ("types", {TYPE: R or behaviour})   one for each type; else no data
    ("turns", [R, ...])  one for each query, the last from then on
"""
import socket
import socketserver
import struct
import threading
import time

A, CNAME, MX, TXT, AAAA = 1, 5, 15, 16, 28
TYPE_NAMES = {A: "A", CNAME: "CNAME", MX: "MX", TXT: "TXT", AAAA: "AAAA"}
RCODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4,
          "refused": 5, "nodata": 0}
RCODES.update({f"rcode{n}": n for n in range(6, 16)})


def encode_name(name):
    out = b""
    for label in name.encode("latin-1").split(b".") if name else []:
        out += bytes([len(label)]) + label
    return out + b"\0"


def txt(*strings):
    raw = [s if isinstance(s, bytes) else s.encode() for s in strings]
    return (TXT, b"".join(bytes([len(s)]) + s for s in raw))


def mx(preference, host):
    return (MX, struct.pack("!H", preference) + encode_name(host))


def a(address):
    return (A, socket.inet_pton(socket.AF_INET, address))


def aaaa(address):
    return (AAAA, socket.inet_pton(socket.AF_INET6, address))


def cname(target):
    return (CNAME, encode_name(target), target)


def read_question(message):
    """The name, its type, and the bytes of the question."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]])
        at += message[at] + 1
    kind = struct.unpack_from("!H", message, at + 1)[0]
    name = b".".join(labels).decode("latin-1").lower()
    return name, kind, message[12:at + 5]


def header(query, rcode, answers, flags=0):
    ident = struct.unpack_from("!H", query)[0]
    return struct.pack("!6H", ident, 0x8180 | flags | rcode, 1, answers, 0, 0)


class Server:
    """Answers from `zone` on UDP and TCP of one port; context manager."""

    def __init__(self, zone, address="127.0.0.1", port=0):
        self.zone = zone
        self.queries = []  # (protocol, name, type name)
        self.ports = []    # of those who asked over UDP
        self.turns = {}
        self.deaf = False  # answers nothing at all
        self.lock = threading.Lock()
        self.tcp, self.udp = self._bind(address, port)
        self.port = self.udp.server_address[1]
        self.address = (f"[{address}]:{self.port}" if ":" in address
                        else f"{address}:{self.port}")

    def _bind(self, address, port):
        outer = self
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                with outer.lock:
                    outer.ports.append(self.client_address[1])
                for reply in outer.replies(data, "udp"):
                    sock.sendto(reply, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    size = self.rfile.read(2)
                    if len(size) < 2:
                        return
                    data = self.rfile.read(struct.unpack("!H", size)[0])
                    for reply in outer.replies(data, "tcp"):
                        try:
                            self.wfile.write(
                                struct.pack("!H", len(reply)) + reply)
                        except OSError:
                            return  # the client has gone

        class UdpServer(socketserver.ThreadingUDPServer):
            address_family = family
            daemon_threads = True

        class TcpServer(socketserver.ThreadingTCPServer):
            address_family = family
            daemon_threads = True
            allow_reuse_address = True

        for _ in range(20):  # both protocols need the same number
            tcp = TcpServer((address, port), Tcp)
            try:
                return tcp, UdpServer(
                    (address, tcp.server_address[1]), Udp)
            except OSError:
                tcp.server_close()
        raise OSError("no port free for UDP and TCP")

    def __enter__(self):
        for server in (self.tcp, self.udp):
            threading.Thread(target=server.serve_forever, args=(0.05,),
                             daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self.tcp, self.udp):
            server.shutdown()
            server.server_close()

    def asked(self, name=None):
        with self.lock:
            return [q for q in self.queries if name in (None, q[1])]

    def replies(self, query, protocol):
        try:
            name, kind, question = read_question(query)
        except (IndexError, struct.error):
            return []
        with self.lock:
            self.queries.append((protocol, name, TYPE_NAMES.get(kind, kind)))
        if self.deaf:
            return []
        what = self.zone.get(name, "nxdomain")
        return self.play(what, query, question, name, kind, protocol)

    def play(self, what, query, question, name, kind, protocol):
        if isinstance(what, tuple):
            act, *rest = what
            if act == "slow":
                time.sleep(rest[0])
                if self.deaf:
                    return []
                what = rest[1]
            elif act == "udp":
                what = rest[0] if protocol == "udp" else rest[1]
            elif act == "types":
                what = rest[0].get(kind, "nodata")
            elif act == "turns":
                with self.lock:
                    turn = self.turns.get(name, 0)
                    self.turns[name] = turn + 1
                what = rest[0][min(turn, len(rest[0]) - 1)]
            elif act == "anew":
                with self.lock:
                    self.turns[name] = turn = self.turns.get(name, 0) + 1
                time.sleep(rest[0])
                with self.lock:
                    if self.turns[name] != turn:
                        return []
                what = rest[1]
            elif act in ("cut", "tc"):
                if protocol == "udp":
                    return [header(query, 0, 0, 0x0200) + question]
                whole = self.answer(rest[0], query, question, kind)
                if act == "tc":
                    return [whole[:2] + bytes([whole[2] | 2]) + whole[3:]]
                count = struct.unpack_from("!H", whole, 6)[0] + 1
                return [whole[:6] + struct.pack("!H", count) + whole[8:]]
            elif act == "truncated":
                if protocol == "udp":
                    return [header(query, 0, 0, 0x0200) + question]
                what = rest[0]
            return self.play(what, query, question, name, kind, protocol)
        if isinstance(what, list):
            return [self.answer(what, query, question, kind)]
        if what == "silence":
            return []
        if what == "garbage":
            return [query[:2] + b"\xff" * 40]
        if what == "malformed":
            return [header(query, 0, 1) + question + b"\xc0\x0c" +
                    struct.pack("!HHIH", kind, 1, 60, 200) + b"\x05short"]
        if what == "wrong_name":
            return [header(query, 0, 0) + b"\5other\0" + question[-4:]]
        if what == "lame":
            plain = header(query, 0, 0)
            return [plain[:3] + b"\0" + plain[4:] + question]
        if what == "lame_nxdomain":
            plain = header(query, 3, 0)
            return [plain[:3] + b"\x03" + plain[4:] + question]
        if what == "cut_short":
            return [header(query, 0, 1) + question + b"\xc0\x0c"]
        if what == "wrong_id":
            other = bytes([query[0] ^ 0xff]) + query[1:2]
            return [other + header(query, 3, 0)[2:] + question]
        return [header(query, RCODES[what], 0) + question]

    def answer(self, records, query, question, kind):
        """With the target's records after a CNAME, as a resolver does."""
        out, owner, seen = [], b"\xc0\x0c", 0
        while records is not None and seen < 16:
            following = None
            for record in records:
                if record[0] == CNAME and kind != CNAME:
                    following = record
                    out.append(owner + struct.pack(
                        "!HHIH", CNAME, 1, 60, len(record[1])) + record[1])
                elif record[0] == kind:
                    out.append(owner + struct.pack(
                        "!HHIH", kind, 1, 60, len(record[1])) + record[1])
            if following is None:
                break
            owner = following[1]
            records = self.zone.get(following[2])
            if records == "nxdomain":
                return header(query, 3, len(out)) + question + b"".join(out)
            seen += 1
        return header(query, 0, len(out)) + question + b"".join(out)
