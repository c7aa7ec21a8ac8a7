# SPDX-License-Identifier: ISC
"""An MX host on loopback that can misbehave in every way that matters.

What it says is given per step: bytes, a list of pieces sent with pauses, or a
function of the connection.  `None` at a step: silence.  `CLOSE`: the end.

    Smtp(certificate)                        all is well
    Smtp(certificate, ehlo=b"250 mx\r\n")    without STARTTLS
    Smtp(certificate, starttls=b"454 no\r\n")

After the answer to STARTTLS comes TLS, unless `tls` is None (silence), CLOSE,
or bytes (sent in the clear).  server.commands holds every line that came,
those inside TLS with "tls:" before them; server.names every SNI.
"""
import contextlib
import socket
import ssl
import struct
import threading
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)

CLOSE = object()
RESET = object()
GREETING = b"220 mx.case.test ESMTP\r\n"
EHLO = b"250-mx.case.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
READY = b"220 go ahead\r\n"
NO_SNI = ""


def drip(data, pause):
    """One byte after the other."""
    return [bytes([byte]) for byte in data], pause


def endless(piece, pause=0.0):
    def send(conn):
        for _ in range(1000000):
            conn.sendall(piece)
            if pause:
                time.sleep(pause)
    return send


class Smtp:
    """One listener, a thread for each connection; a context manager."""

    def __init__(self, certificate=None, greeting=GREETING, ehlo=EHLO,
                 starttls=READY, tls=True, version=None, quit_=b"221 bye\r\n",
                 address="127.0.0.1", port=0, by_name=None):
        self.steps = {"EHLO": ehlo, "STARTTLS": starttls, "QUIT": quit_}
        self.greeting, self.tls = greeting, tls
        self.commands, self.names, self.connections = [], [], 0
        self.open, self.most_open = 0, 0
        self.alerts = []
        self.lock = threading.Lock()
        self.context = None
        if certificate is not None:
            self.context = self.make_context(certificate, version)
            self.by_name = {name: self.make_context(pair, version)
                            for name, pair in (by_name or {}).items()}
            self.context.sni_callback = self.note_name
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]

    @staticmethod
    def make_context(certificate, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if version is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        context.load_cert_chain(*certificate)
        return context

    def note_name(self, conn, name, _context):
        self.names.append(name or NO_SNI)
        if name in self.by_name:
            conn.context = self.by_name[name]

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(conn,),
                             daemon=True).start()

    def talk(self, conn):
        with self.lock:
            self.connections += 1
            self.open += 1
            self.most_open = max(self.open, self.most_open)
        try:
            with conn:
                conn.settimeout(15)
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.say(conn, self.greeting):
                    self.dialogue(conn)
        except (OSError, ValueError) as error:
            self.alerts.append(str(error))
        finally:
            with self.lock:
                self.open -= 1

    def say(self, conn, what):
        """False: the conversation is over."""
        if what is CLOSE:
            return False
        if what is RESET:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            return False
        if what is None:
            time.sleep(30)
            return False
        if callable(what):
            what(conn)
        elif isinstance(what, tuple):
            for piece in what[0]:
                conn.sendall(piece)
                time.sleep(what[1])
        else:
            conn.sendall(what)
        return True

    def dialogue(self, conn, mark=""):
        rest = b""
        while True:
            while b"\n" not in rest:
                piece = conn.recv(4096)
                if not piece:
                    return
                rest += piece
            line, rest = rest.split(b"\n", 1)
            line = line.decode("latin-1").rstrip("\r")
            self.commands.append(mark + line)
            word = line.split(" ")[0].upper()
            if not self.say(conn, self.steps.get(word, b"500 what?\r\n")):
                return
            if word == "QUIT":
                return
            if word == "STARTTLS" and self.steps[word] == READY:
                self.start_tls(conn)
                return

    def start_tls(self, conn):
        if self.tls is not True:
            if self.say(conn, self.tls):
                conn.recv(4096)
            return
        with self.context.wrap_socket(conn, server_side=True) as tls:
            self.dialogue(tls, "tls:")
