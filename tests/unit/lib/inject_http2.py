# SPDX-License-Identifier: ISC
"""A policy host that speaks HTTP/2 and nothing else (RFC 9113), as much of it
as one answer needs."""
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1
STATUS = {200: b"\x88", 404: b"\x8d"}  # of HPACK's static table
CONTENT_TYPE, CONTENT_LENGTH = b"\x0f\x10", b"\x0f\x0d"


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack("!I", stream) + payload


def field(name, value):
    """A field of the static table, with a value that is not."""
    value = value.encode()
    return name + bytes([len(value)]) + value


def exactly(conn, buffered, count):
    while len(buffered) < count:
        piece = conn.recv(4096)
        if not piece:
            raise OSError("closed")
        buffered += piece
    return buffered[:count], buffered[count:]


def answer(body, status=200, media="text/plain", length=None, last=None):
    """Behaviour of a Server whose context offers "h2" alone.  `last` stands
    for the end of the stream: b"" for none, or a frame."""
    def behave(conn, request):
        if conn.selected_alpn_protocol() != "h2":
            return
        preface = request.index(b"SM\r\n\r\n") + 6
        left = request[preface:]
        conn.sendall(frame(SETTINGS, 0, 0))
        while True:
            head, left = exactly(conn, left, 9)
            size = int.from_bytes(head[:3], "big")
            _payload, left = exactly(conn, left, size)
            if head[3] == SETTINGS and not head[4] & ACK:
                conn.sendall(frame(SETTINGS, ACK, 0))
            if head[3] == HEADERS:
                break
        stream = struct.unpack("!I", head[5:9])[0]
        fields = STATUS[status]
        if media:
            fields += field(CONTENT_TYPE, media)
        if length is not None:
            fields += field(CONTENT_LENGTH, str(length))
        conn.sendall(frame(HEADERS, END_HEADERS, stream, fields))
        if last is None:
            conn.sendall(frame(DATA, END_STREAM, stream, body))
        else:
            conn.sendall(frame(DATA, 0, stream, body) + last(stream))
        conn.settimeout(0.3)
        try:
            while conn.recv(4096):
                pass
        except OSError:
            pass
    return behave


def reset(stream):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", 2))


def nothing(_stream):
    return b""
