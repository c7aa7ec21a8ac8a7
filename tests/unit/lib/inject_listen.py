# SPDX-License-Identifier: ISC
"""What the hosts on loopback that misbehave have in common."""
import contextlib
import socket
import ssl
import threading
import warnings

warnings.simplefilter("ignore", DeprecationWarning)


def make_context(certificate, version=None):
    """`version`: this version of TLS alone, however old."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if version is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*certificate)
    return context


class Listener:
    """One listener; `talk` has a thread for each connection.  A context
    manager.  names holds every SNI, "" where there was none."""

    def __init__(self, certificate, version, address, port):
        self.names, self.connections = [], 0
        self.context = None
        if certificate is not None:
            self.context = make_context(certificate, version)
            self.context.sni_callback = self.note_name
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]

    def note_name(self, _conn, name, _context):
        self.names.append(name or "")

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
            self.connections += 1
            threading.Thread(target=self.talk, args=(conn,),
                             daemon=True).start()

    def talk(self, conn):
        raise NotImplementedError
