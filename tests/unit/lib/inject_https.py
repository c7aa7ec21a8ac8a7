# SPDX-License-Identifier: ISC
"""A policy host on loopback that can misbehave in every way that matters.

A behaviour is a function of the connection (an ssl.SSLSocket whose handshake
is done) and the request's head, which sends whatever it likes.
"""
import contextlib
import socket
import ssl
import struct
import time

from inject_listen import Listener

POLICY = (b"version: STSv1\r\nmode: enforce\r\nmx: mx.case.test\r\n"
          b"max_age: 604800\r\n")
PLAIN = "Content-Type: text/plain"


def sized_policy(size):
    """A valid policy of exactly this many bytes."""
    rest, out = size - len(POLICY), POLICY
    while rest > 0:
        take = min(rest, 1000)
        if 0 < rest - take < 10:
            take -= 20
        out += b"x:" + b"y" * (take - 4) + b"\r\n"
        rest -= take
    return out


def respond(body=POLICY, *fields, status="200 OK", length=None):
    """A whole answer with a Content-Length that is right unless given."""
    def behave(conn, _request):
        size = len(body) if length is None else length
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *fields]
        conn.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    return behave


def raw(*pieces, pause=0.0, close_notify=False):
    """These bytes, then the end."""
    def behave(conn, _request):
        for piece in pieces:
            conn.sendall(piece)
            time.sleep(pause)
        if close_notify:
            with contextlib.suppress(OSError):
                conn.unwrap()
    return behave


def reset_after(*pieces):
    """These bytes, then a TCP reset."""
    def behave(conn, _request):
        for piece in pieces:
            conn.sendall(piece)
        time.sleep(0.1)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    return behave


def endless(begin, piece, pause=0.0):
    def behave(conn, _request):
        conn.sendall(begin)
        with contextlib.suppress(OSError):
            for _ in range(200000):
                conn.sendall(piece)
                if pause:
                    time.sleep(pause)
    return behave


def silent(_conn, _request):
    time.sleep(10)


class Server(Listener):
    """`certificate` None means that nothing answers in TLS."""

    def __init__(self, certificate, behave, address="127.0.0.1", port=0,
                 tls=None, greet=b""):
        super().__init__(certificate, tls, address, port)
        self.behave = behave
        self.greet = greet
        self.requests = []

    def talk(self, conn):
        with contextlib.suppress(OSError, ssl.SSLError, ValueError):
            with conn:
                conn.settimeout(15)
                if self.context is None:
                    conn.sendall(self.greet)
                    if self.behave:
                        self.behave(conn, b"")
                    return
                with self.context.wrap_socket(conn, server_side=True) as tls:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        piece = tls.recv(4096)
                        if not piece:
                            return
                        request += piece
                    self.requests.append(request)
                    self.behave(tls, request)


@contextlib.contextmanager
def black_hole(address, port):
    """A port that answers no connection attempt: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(OSError):
                filler.connect((address, port))
        time.sleep(0.1)
        yield
