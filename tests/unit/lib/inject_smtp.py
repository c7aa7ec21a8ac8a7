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
import socket
import struct
import threading
import time

from inject_listen import Listener, make_context

CLOSE = object()
RESET = object()
GREETING = b"220 mx.case.test ESMTP\r\n"
EHLO = b"250-mx.case.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
READY = b"220 go ahead\r\n"


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


class Smtp(Listener):
    def __init__(self, certificate=None, greeting=GREETING, ehlo=EHLO,
                 starttls=READY, tls=True, version=None, quit_=b"221 bye\r\n",
                 address="127.0.0.1", port=0, by_name=None):
        super().__init__(certificate, version, address, port)
        self.steps = {"EHLO": ehlo, "STARTTLS": starttls, "QUIT": quit_}
        self.greeting, self.tls = greeting, tls
        self.by_name = {name: make_context(pair, version)
                        for name, pair in (by_name or {}).items()}
        self.commands, self.alerts = [], []
        self.open, self.most_open = 0, 0
        self.lock = threading.Lock()

    def note_name(self, conn, name, context):
        super().note_name(conn, name, context)
        if name in self.by_name:
            conn.context = self.by_name[name]

    def talk(self, conn):
        with self.lock:
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
