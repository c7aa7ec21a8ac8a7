# SPDX-License-Identifier: ISC
"""Damaged entries below Exim: 200 enforce policies, each damaged in another
way (the seed is fixed), half of them with a valid "no policy" beside them, and
no resolver to help.  Nothing leaves; and what is not damaged goes on.  With the
resolver back, its fetches replace the files.  tests/unit/store/test_corrupt.c does
the same 10,000 times without Exim."""
import os
import random
import socket
import time
import zlib

from labkit import matrix, sabotage, tap
from labkit.exim import Exim
from labkit.lab import Lab

COUNT = 200
A_MESSAGE = 20  # recipients
chance = random.Random(8461)


# What is done to the bytes


def flip_bits(text, _other):
    out = bytearray(text)
    for _ in range(chance.randint(1, 8)):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def change_bytes(text, _other):
    out = bytearray(text)
    for _ in range(chance.randint(1, 16)):
        at = chance.randrange(len(out))
        out[at] = (out[at] + chance.randint(1, 255)) % 256
    return bytes(out)


def truncate(text, _other):
    return text[:chance.randrange(len(text))]


def cut_end(text, _other):
    return text[:-chance.randint(1, 20)]


def insert(text, _other):
    at = chance.randint(0, len(text))
    return text[:at] + chance.randbytes(chance.randint(1, 64)) + text[at:]


def delete(text, _other):
    at = chance.randrange(len(text) - 1)
    return text[:at] + text[at + chance.randint(1, 64):]


def swap(text, _other):
    cuts = sorted(chance.sample(range(1, len(text)), 3))
    a, b, c = cuts
    return text[:a] + text[b:c] + text[a:b] + text[c:]


def zeros(text, _other):
    at = chance.randrange(len(text))
    return text[:at] + bytes(len(text) - at)


def empty(_text, _other):
    return b''


def duplicate_line(text, _other):
    lines = text.splitlines(True)
    at = chance.randrange(len(lines))
    return b''.join(lines[:at] + [lines[at]] + lines[at:])


def delete_line(text, _other):
    lines = text.splitlines(True)
    del lines[chance.randrange(len(lines))]
    return b''.join(lines)


def end_lines_otherwise(text, _other):
    return text.replace(b'\r\n', b'\n') if b'\r' in text \
        else text.replace(b'\n', b'\r\n')


def twice(text, _other):
    return text + text


def of_another(_text, other):
    return other


def torn(text, other):
    at = chance.randrange(1, len(text))
    return text[:at] + other[at:]


def weaken(text, _other):
    old, new = chance.choice([
        (b'mode: enforce', b'mode: none'),
        (b'mode: enforce', b'mode: testing'),
        (b'max_age: 604800', b'max_age: 0'),
        (b'mta-sts policy 2', b'mta-sts check 1'),
        (b'expires: ', b'expires: 1\nx: ')])
    assert old in text, old
    return text.replace(old, new, 1)


BYTES = (flip_bits, change_bytes, truncate, cut_end, insert, delete, swap,
         zeros, empty, duplicate_line, delete_line, end_lines_otherwise,
         twice, of_another, torn, weaken)


# What is done to the file


def be_directory(path):
    path.unlink()
    path.mkdir()


def be_fifo(path):
    path.unlink()
    os.mkfifo(path, 0o640)


def be_socket(path):
    path.unlink()
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.getcwd()
        os.chdir(path.parent)  # such a name is short
        sock.bind(path.name)
        os.chdir(here)


def be_link(path):
    moved = path.with_name('.moved-' + path.name)
    path.rename(moved)
    path.symlink_to(moved)


def be_loop(path):
    path.unlink()
    path.symlink_to(path.name)


def have_two_links(path):
    os.link(path, path.with_name('.second-' + path.name))


def be_of_root(path):
    os.chown(path, 0, 0)


def be_of_somebody(path):
    os.chown(path, 1996, 1996)


def be_for_all(path):
    path.chmod(0o666)


def be_huge(path):
    os.truncate(path, 1 << 30)


FILES = (be_directory, be_fifo, be_socket, be_link, be_loop, have_two_links,
         be_of_root, be_of_somebody, be_for_all, be_huge)
# A backup, or a hard link of an administrator's, changes nothing in a file.
HARMLESS = ('have_two_links',)


def path_of(domain):
    return next(sabotage.STATE.glob(f'policies/*/{domain}'))


def write_none(domain):
    """A valid "no policy", as if the domain had had no record."""
    now = int(time.time())
    text = (f'mta-sts check 1\ndomain: {domain}\nreason: no_record\n'
            f'failed-id: \nfailed-reason: ok\nchecked: {now}\n'
            f'next-check: {now + 300}\nuntil: {now + 80000}\n'
            'failed-since: 0\nfailed-next: 0\nfailures: 0\nrefetched: 0\n'
            f'warned: 0\nused: {now}\nused-days: 1\n').encode()
    policy = path_of(domain)
    path = sabotage.STATE / 'checks' / policy.parent.name / domain
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text + b'crc32: %08x\n' % zlib.crc32(text))
    owner = sabotage.STATE.stat()
    for made in (path, path.parent, path.parent.parent):
        os.chown(made, owner.st_uid, owner.st_gid)
        made.chmod(0o750 if made.is_dir() else 0o640)


def damage(number, domain, other):
    """Returns how it was done."""
    path = path_of(domain)
    if number % 5 == 4:
        how = FILES[number // 5 % len(FILES)]
        how(path)
        return how.__name__
    how = BYTES[number % len(BYTES)]
    text = path.read_bytes()
    new = how(text, path_of(other).read_bytes())
    assert new != text, how
    path.write_bytes(new)
    return how.__name__


def send(domains):
    rcpts = [f'bob@{name}' for name in domains]
    return [lab.send_queued(*rcpts[at:at + A_MESSAGE])
            for at in range(0, len(rcpts), A_MESSAGE)]


def cells(messages):
    """What became of each recipient, counted by what was done to it."""
    queue = lab.mta.queue()
    arrived = {}
    for entry in lab.mx.messages():
        for rcpt in entry['rcpts']:
            arrived.setdefault((entry['tag'], rcpt), []).append(entry)
    found = {}
    for message in messages:
        reasons = {entry.address: entry.reason
                   for entry in lab.mta.deliveries(message.id)}
        for rcpt in message.rcpts:
            entries = arrived.get((message.tag, rcpt), [])
            waits = rcpt in queue.get(message.id, [])
            found[rcpt.split('@')[1]] = (
                len(entries), all(entry['tls'] for entry in entries), waits,
                reasons.get(rcpt, 'nothing in the log'))
    return found


lab = Lab(Exim('single'))
victims = [f'v{number:03}.test' for number in range(COUNT)]
sound = [f's{number}.test' for number in range(A_MESSAGE)]
lab.mx.add('mx.victims.test', 'nostarttls')
lab.mx.add('mx.sound.test')
lab.policies.host(*victims, *sound)
for name in victims + sound:
    host = 'mx.victims.test' if name in victims else 'mx.sound.test'
    lab.dns.set(name, 'MX', f'10 {host}.')
    lab.policies.publish(name, 'enforce', [host])
lab.dns.commit()
lab.configure()
tap.same(len(matrix.look_up(victims + sound)), COUNT + len(sound),
         'all policies are fetched')
done = {}
for index, name in enumerate(victims):
    if index % 2:
        write_none(name)
    done[name] = damage(index, name, sound[index % len(sound)])
lab.reconfigure()
with sabotage.apply(lab, 'resolver-missing'):
    messages = send(victims)
    intact = send(sound)
    lab.mta.run_queue()
    found = cells(messages)
    tap.same([f'{done[name]}: {found[name]}' for name in victims
              if found[name][0] or not found[name][2]], [],
             f'{COUNT} damaged entries: no message has left')
    harmless = [name for name in victims if done[name] in HARMLESS]
    tap.same([found[name][3] for name in harmless
              if 'MTA-STS:' in found[name][3]], [],
             f'{len(harmless)} with a second link are read as ever')
    reasons = {}
    for name in set(victims) - set(harmless):
        words = found[name][3].split('MTA-STS: ')[-1]
        reasons[words] = reasons.get(words, 0) + 1
    tap.diag(reasons)
    tap.same(set(reasons) - {'entry_corrupt', 'resolver_missing'}, set(),
             'each waits with the reason in the log')
    tap.same([found for found in cells(intact).values()
              if found[:3] != (1, True, False)], [],
             f'{len(sound)} that are sound go on')
lab.mta.run_queue()
found = cells(messages)
tap.same([f'{done[name]}: {found[name]}' for name in victims
          if found[name][0] or 'MTA-STS:' in found[name][3]], [],
         'a fetch replaces each: enforced, the host has no TLS')
lab.mx.add('mx.victims.test', 'good')
lab.mta.run_queue()
found = cells(messages)
tap.same([f'{done[name]}: {found[name]}' for name in victims
          if found[name][:3] != (1, True, False)], [],
         'with TLS all are delivered, once')
tap.same(lab.mta.queue(), {}, 'the queue is empty')
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.same(matrix.crashes(lab), [], 'no process crashed')
tap.done()
