# SPDX-License-Identifier: ISC
"""An address at which every connection is refused.

The listener of mx_hosts.py takes all addresses of this side, so the kernel
refuses none: packets to this one have no route, and are answered here as the
kernel would, by a reset.
"""
import socket
import struct
import threading

ADDRESS = '203.0.113.252'
ETH_P_IP = 0x0800
TCP = socket.IPPROTO_TCP
SYN, RST_ACK = 0x02, 0x14


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def reset(packet):
    """The answer to a SYN for ADDRESS, and who sent it; None for others."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != TCP or \
            packet[16:20] != socket.inet_aton(ADDRESS):
        return None
    tcp = packet[(packet[0] & 15) * 4:]
    source, port, sequence = struct.unpack_from('>HHI', tcp)
    if len(tcp) < 20 or tcp[13] & 0x17 != SYN:
        return None
    client = packet[12:16]
    head = [port, source, 0, sequence + 1 & 0xffffffff, 5 << 4, RST_ACK, 0, 0,
            0]
    layout = '>HHIIBBHHH'
    head[7] = checksum(packet[16:20] + client + struct.pack('>HH', TCP, 20) +
                       struct.pack(layout, *head))
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 40, 0, 0, 64, TCP, 0,
                     packet[16:20], client)  # the kernel adds its checksum
    return ip + struct.pack(layout, *head), socket.inet_ntoa(client)


def serve(seen, out, sessions):
    while True:
        packet, (_, _, kind, *_) = seen.recvfrom(65535)
        answer = reset(packet) if kind != socket.PACKET_OUTGOING else None
        if answer:
            sessions.write(ip=ADDRESS, name=None, peer=answer[1],
                           what='refused')
            out.sendto(answer[0], (answer[1], 0))


def start(sessions):
    """A thread; each connection that it refuses is a line of `sessions`."""
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                         socket.htons(ETH_P_IP))
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    threading.Thread(target=serve, args=(seen, out, sessions),
                     daemon=True).start()
