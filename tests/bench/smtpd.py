# SPDX-License-Identifier: ISC
"""smtpd's side of a filter or a table, for rows 5, 6 and 9: a socket on which
many requests are under way at once."""
import socket
import struct
import subprocess
import time

from benchlib import cpu_us, unprivileged

FLIGHT = 64
OPEN, CHECK, DOMAIN = 2, 5, 2  # of the imsg protocol


class Peer:
    """A program as smtpd starts it: one socket for input and output."""

    def __init__(self, words, preexec_fn=unprivileged, **more):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [str(w) for w in words], stdin=theirs, stdout=theirs,
            stderr=subprocess.DEVNULL, preexec_fn=preexec_fn, **more)
        theirs.close()
        ours.settimeout(60)
        self.socket, self.left = ours, b""

    def say(self, data):
        self.socket.sendall(data)

    def take(self, parts):
        """Waits for output; parts(bytes) says how many answers are in it, and
        how many bytes are theirs."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise SystemExit(f"{self.process.args[0]} ended")
        self.left += data
        count, used = parts(self.left)
        answers, self.left = self.left[:used], self.left[used:]
        return count, answers

    def lines_until(self, last):
        seen = b""
        while last not in seen.split(b"\n")[:-1]:
            seen += self.take(lines)[1]
        return seen

    def ask(self, requests, parts):
        """Sends requests, FLIGHT of them under way; microseconds of CPU that
        the program took, and the seconds.  A request may be several lines."""
        cpu, began = cpu_us(self.process.pid), time.monotonic()
        sent = done = 0
        while done < len(requests):
            if sent < len(requests) and sent - done < FLIGHT:
                until = done + FLIGHT
                self.say(b"".join(requests[sent:until]))
                sent = min(until, len(requests))
            done += self.take(parts)[0]
        return cpu_us(self.process.pid) - cpu, time.monotonic() - began

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.socket.close()


def lines(data):
    return data.count(b"\n"), data.rfind(b"\n") + 1


def messages(data):
    count = at = 0
    while len(data) - at >= 16:
        size = struct.unpack_from("=H", data, at + 4)[0]
        if size > len(data) - at:
            break
        count, at = count + 1, at + size
    return count, at


def message(kind, payload=b""):
    return struct.pack("=IHHII", kind, 16 + len(payload), 0, 0, 4711) + payload


def start_filter(words, **more):
    peer = Peer(words, **more)
    peer.say(b"config|smtpd-version|7.7.0\nconfig|protocol|0.7\n"
             b"config|admd|mail.example\nconfig|subsystem|smtp-in\n"
             b"config|ready\n")
    peer.registered = peer.lines_until(b"register|ready").decode().split("\n")
    if "register|report|smtp-in|link-connect" in peer.registered:
        peer.say(b"report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local\n")
    return peer


def start_text_table(words, **more):
    peer = Peer(words, **more)
    peer.say(b"config|smtpd-version|7.7.0\nconfig|protocol|0.1\n"
             b"config|tablename|mta-sts\nconfig|ready\n")
    peer.lines_until(b"register|ready")
    return peer


def start_imsg_table(words, **more):
    peer = Peer(words, **more)
    peer.say(message(OPEN, struct.pack("=I2048s", 2, b"mta-sts")))
    peer.take(messages)
    return peer


def rcpt(number, domain):
    return b"filter|0.7|1.1|smtp-in|rcpt-to|1|%x|u@%s\n" % (number, domain)


def text_check(number, domain):
    return b"table|0.1|1.1|mta-sts|check|domain|%x|%s\n" % (number, domain)


def imsg_check(_number, domain):
    return message(CHECK, struct.pack("@IN", DOMAIN, 0)[:4] +
                   struct.pack("=Q", 0) + domain + b"\0")
