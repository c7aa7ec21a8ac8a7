# SPDX-License-Identifier: ISC
"""The resolver that the site uses: asks knot, logs each question, and
misbehaves for names that conf/dns.json lists.

    {"rules": [{"name": "_mta-sts.x.test", "type": "TXT", "do": "servfail"}],
     "signed": ["dane.test"]}

A name that begins with "*." stands for everything below; type "*" or none
for any.  do: servfail, refused, nxdomain, nodata, timeout, garbage (a reply
cut short), wrongid (a spoofer's guess), truncate (TC over UDP), loop (a CNAME
to itself), delay (with "seconds").  Names at or below "signed" get the AD bit,
as from a validating resolver, or from whoever forges one.
"""
import asyncio
import socket
import struct

from common import Log, Settings

FRONT = '198.51.100.53'
KNOT = '198.51.100.54'
TYPES = {1: 'A', 2: 'NS', 5: 'CNAME', 6: 'SOA', 12: 'PTR', 15: 'MX',
         16: 'TXT', 28: 'AAAA', 52: 'TLSA'}
RCODES = {'servfail': 2, 'nxdomain': 3, 'refused': 5, 'nodata': 0}
TC, RA, AD = 0x0200, 0x0080, 0x0020

settings = Settings('dns.json')
log = Log('dns.log')


def question(packet):
    """Name, type, and where the question section ends."""
    labels, at = [], 12
    while packet[at]:
        length = packet[at]
        labels.append(packet[at + 1:at + 1 + length].decode('latin-1'))
        at += 1 + length
    kind = struct.unpack_from('>H', packet, at + 1)[0]
    return '.'.join(labels).lower(), TYPES.get(kind, str(kind)), at + 5


def is_below(name, pattern):
    if pattern.startswith('*.'):
        return name.endswith(pattern[1:])
    return name == pattern


def rule_for(name, kind):
    for rule in settings.get().get('rules', ()):
        if is_below(name, rule['name']) and \
                rule.get('type', '*') in ('*', kind):
            return rule
    return {}


def is_signed(name):
    return any(name == zone or name.endswith('.' + zone)
               for zone in settings.get().get('signed', ()))


def answer(packet, end, rcode, flags=0):
    """A reply without records."""
    head = struct.unpack_from('>HH', packet)
    return struct.pack('>HHHHHH', head[0],
                       0x8000 | head[1] & 0x0100 | RA | flags | rcode,
                       1, 0, 0, 0) + packet[12:end]


def cname_loop(packet, end):
    reply = bytearray(answer(packet, end, 0))
    struct.pack_into('>H', reply, 6, 1)
    return bytes(reply) + struct.pack('>HHHIHH', 0xc00c, 5, 1, 5, 2, 0xc00c)


def finish(reply, packet, end, name):
    """The reply as a resolver gives it: RA, AD where due, not AA; the
    answer section's names are not looked at."""
    flags = struct.unpack_from('>H', reply, 2)[0]
    flags = (flags | RA) & ~AD & ~0x0400
    if is_signed(name):
        flags |= AD
    if flags & 0xf == 5:  # not a name of ours
        return answer(packet, end, 3)
    return reply[:2] + struct.pack('>H', flags) + reply[4:]


async def ask_knot(packet):
    reader, writer = await asyncio.open_connection(KNOT, 53)
    try:
        writer.write(struct.pack('>H', len(packet)) + packet)
        length = struct.unpack('>H', await reader.readexactly(2))[0]
        return await reader.readexactly(length)
    finally:
        writer.close()


async def reply_to(packet, proto, client):
    """The bytes to send, or None for silence."""
    try:
        name, kind, end = question(packet)
    except (IndexError, struct.error):
        return None
    rule = rule_for(name, kind)
    what = rule.get('do')
    log.write(name=name, type=kind, proto=proto, client=client, do=what)
    if what == 'timeout':
        return None
    if what == 'delay':
        await asyncio.sleep(rule['seconds'])
    if what in RCODES:
        return answer(packet, end, RCODES[what])
    if what == 'loop':
        return cname_loop(packet, end)
    if what == 'truncate' and proto == 'udp':
        return answer(packet, end, 0, TC)
    if not (name == 'test' or name.endswith('.test')):
        return answer(packet, end, 3)
    reply = finish(await ask_knot(packet), packet, end, name)
    if what == 'garbage':
        return reply[:-3]
    if what == 'wrongid':
        return bytes([reply[0] ^ 0xff]) + reply[1:]
    if proto == 'udp' and len(reply) > 1232:
        return answer(packet, end, 0, TC)
    return reply


class Udp(asyncio.DatagramProtocol):
    def __init__(self):
        self.tasks = set()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        task = asyncio.ensure_future(self.serve(data, addr))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, data, addr):
        reply = await reply_to(data, 'udp', addr[0])
        if reply is not None:
            self.transport.sendto(reply, addr)


async def tcp(reader, writer):
    client = writer.get_extra_info('peername')[0]
    try:
        while True:
            length = struct.unpack('>H', await reader.readexactly(2))[0]
            packet = await reader.readexactly(length)
            reply = await reply_to(packet, 'tcp', client)
            if reply is not None:
                writer.write(struct.pack('>H', len(reply)) + reply)
    except (asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


async def main():
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((FRONT, 53))
    await loop.create_datagram_endpoint(Udp, sock=sock)
    server = await asyncio.start_server(tcp, FRONT, 53, backlog=512)
    await server.serve_forever()


asyncio.run(main())
