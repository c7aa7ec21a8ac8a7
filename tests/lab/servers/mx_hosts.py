# SPDX-License-Identifier: ISC
"""All MX hosts: one listener, each address behaves as conf/mx.json says.

    {"203.0.113.7": {"name": "mx1.x.test", "do": "good", "cert": "/path"}}

do: good, tls12, tls11, cbc (TLS 1.2 without AEAD), sni (the certificate of
another, unless the client names the host), nostarttls, starttls454, silent (for
12 s, then close), close (at once), closetls (after the reply to STARTTLS),
slowN (greets after N s), plaintext (clear text instead of a handshake), injected (clear text right behind
the reply to STARTTLS), tempfail (451 to each recipient), reject (550).  Every
message accepted is a line of log/mx.log and a file in mail/.
"""
import itertools
import re
import socket
import ssl
import threading
import time
import warnings

from common import Log, Settings

warnings.simplefilter('ignore', DeprecationWarning)
settings = Settings('mx.json')
log = Log('mx.log')
numbers = itertools.count(1)
TIMEOUT = 120
OTHER = '/run/lab/certs/default.pem'
SILENCE = 12  # seconds, for clients with long timeouts


def context_for(host, seen):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    what = host['do']
    if what == 'tls11':
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('ALL:@SECLEVEL=0')
    elif what in ('tls12', 'cbc'):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if what == 'cbc':
            context.set_ciphers('ECDHE-ECDSA-AES128-SHA:'
                                'ECDHE-ECDSA-AES256-SHA384')
    context.load_cert_chain(OTHER if what == 'sni' else host['cert'])

    def name_asked(socket, name, _context):
        seen['sni'] = name
        if what == 'sni' and (name or '').lower() == host['name'].lower():
            socket.context = context_for({**host, 'do': 'good'}, seen)
    context.sni_callback = name_asked
    return context


class Session:
    def __init__(self, sock, host, address):
        self.sock = sock
        self.host = host
        self.seen = {'ip': address, 'name': host['name'],
                     'peer': sock.getpeername()[0], 'tls': None, 'sni': None}
        self.file = sock.makefile('rb')
        self.greeted = ''
        self.reset()

    def reset(self):
        self.sender = None
        self.rcpts = []

    def log(self, event, **fields):
        log.write(event=event, **self.seen, **fields)

    def reply(self, text):
        self.sock.sendall(text.encode() + b'\r\n')

    def run(self):
        what = self.host['do']
        self.log('connect')
        if what == 'close':
            return
        if what == 'silent':
            time.sleep(SILENCE)
            return
        if what.startswith('slow'):
            time.sleep(int(what[4:]))
        self.reply(f'220 {self.host["name"]} ESMTP')
        while True:
            line = self.file.readline(4096)
            if not line:
                return
            line = line.decode('utf-8', 'replace').rstrip('\r\n')
            verb = line[:4].upper()
            handler = getattr(self, 'do_' + verb.lower(), None)
            if handler is None:
                self.reply('500 what?')
            elif handler(line) is False:
                return

    def do_ehlo(self, line):
        self.greeted = line[5:]
        self.reset()
        offers = [self.host['name'], 'PIPELINING', '8BITMIME', 'SMTPUTF8',
                  'SIZE 50000000']
        if not self.seen['tls'] and self.host['do'] != 'nostarttls':
            offers.append('STARTTLS')
        for offer in offers[:-1]:
            self.reply('250-' + offer)
        self.reply('250 ' + offers[-1])

    do_helo = do_ehlo

    def do_star(self, _line):
        what = self.host['do']
        if what == 'starttls454':
            self.reply('454 4.7.0 TLS not available')
            return None
        if self.seen['tls'] or what == 'nostarttls':
            self.reply('503 5.5.1 no')
            return None
        self.reply('220 go on')
        self.log('starttls')
        if what == 'closetls':
            return False
        if what in ('plaintext', 'injected'):
            if what == 'plaintext':
                self.sock.recv(1)
            self.sock.sendall(b'This is not a handshake, is it?\r\n')
            return False
        context = context_for(self.host, self.seen)
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.log('tlsfail', error=str(error))
            return False
        self.seen['tls'] = self.sock.version()
        self.seen['cipher'] = self.sock.cipher()[0]
        self.file = self.sock.makefile('rb')
        self.reset()
        return None

    def do_mail(self, line):
        self.sender = line[10:].split('>')[0].strip('<> ')
        self.rcpts = []
        self.reply('250 ok')

    def do_rcpt(self, line):
        what = self.host['do']
        if what == 'tempfail':
            self.reply('451 4.2.0 later')
        elif what == 'reject':
            self.reply('550 5.1.1 nobody of that name')
        else:
            self.rcpts.append(line[8:].split('>')[0].strip('<> '))
            self.reply('250 ok')

    def do_data(self, _line):
        if not self.rcpts:
            self.reply('503 5.5.1 no recipients')
            return
        self.reply('354 go on')
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise OSError('ended inside DATA')
            if line == b'.\r\n':
                break
            lines.append(line[1:] if line.startswith(b'.') else line)
        message = b''.join(lines)
        path = f'/run/lab/mail/{next(numbers)}'
        with open(path, 'wb') as file:
            file.write(message)
        tag = re.search(rb'^X-Lab-Tag: *(\S+)', message, re.M | re.I)
        # Logged before it is acknowledged: what was accepted is on record.
        self.log('message', sender=self.sender, rcpts=self.rcpts,
                 helo=self.greeted, file=path,
                 tag=tag.group(1).decode() if tag else None)
        self.reset()
        self.reply('250 2.0.0 taken')

    def do_rset(self, _line):
        self.reset()
        self.reply('250 ok')

    def do_noop(self, _line):
        self.reply('250 ok')

    def do_quit(self, _line):
        self.reply('221 bye')
        return False


def end(sock):
    """Closes as TLS wants it, where there is TLS."""
    try:
        if isinstance(sock, ssl.SSLSocket):
            sock.settimeout(1)
            sock.unwrap()
    except (OSError, ValueError):
        pass
    sock.close()


def serve(sock):
    sock.settimeout(TIMEOUT)
    address = sock.getsockname()[0].removeprefix('::ffff:')
    host = settings.get().get(address)
    session = None
    try:
        if host is None:
            log.write(event='stray', ip=address, peer=sock.getpeername()[0])
            return
        session = Session(sock, host, address)
        session.run()
    except OSError:
        pass
    finally:
        if session:
            sock = session.sock
        end(sock)


def main():
    server = socket.create_server(('::', 25), family=socket.AF_INET6,
                                  backlog=1024, dualstack_ipv6=True)
    while True:
        sock = server.accept()[0]
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


main()
