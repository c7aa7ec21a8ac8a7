# SPDX-License-Identifier: ISC
"""All MX hosts: one listener, each address behaves as conf/mx.json says.

    {"203.0.113.7": {"name": "mx1.x.test", "do": "good", "cert": "/path"}}

do: good, tls12, tls11, cbc (TLS 1.2 without AEAD), cbcsha1 (nor SHA-2), sni
(the certificate of another, unless the client names the host), nostarttls,
starttlsNNN (that reply to STARTTLS), starttlsclose (none), silent (for 12 s,
then close), close (at once), greet554 (a greeting that refuses), noehlo (hangs
up at EHLO), heloonly (knows no EHLO), closetls (after the reply to STARTTLS),
hangup (right after the handshake), hangupehlo (after the answer to the EHLO
inside TLS), slowN (greets after N s), plaintext (clear text instead of a
handshake), injected (clear text right behind the reply to STARTTLS), tempfail
(451 to each recipient), reject (550).  Every message accepted is a line of
log/mx.log and a file in mail/.

log/sessions.log has one line for each TCP connection, written when it is over:
what this side saw of it (`Session.account`).  A connection to the address that
refuses (refuse.py) has one, too.
"""
import itertools
import re
import socket
import ssl
import threading
import time
import warnings

import refuse
from common import Log, Settings

warnings.simplefilter('ignore', DeprecationWarning)
settings = Settings('mx.json')
log = Log('mx.log')
sessions = Log('sessions.log')
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
    elif what in ('tls12', 'cbc', 'cbcsha1'):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if what == 'cbc':
            context.set_ciphers('ECDHE-ECDSA-AES128-SHA:'
                                'ECDHE-ECDSA-AES256-SHA384')
        elif what == 'cbcsha1':
            context.set_ciphers('ECDHE-ECDSA-AES128-SHA')
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
        self.began = time.time()
        self.seen = {'ip': address, 'name': host['name'],
                     'peer': sock.getpeername()[0], 'tls': None, 'sni': None}
        # For `account`: how far it went, what was said, who hung up.
        self.stage = 'no-greeting'
        self.counts = {'ehlos': 0, 'mails': 0, 'messages': 0}
        self.domains = []
        self.error = None
        self.ended = None
        self.file = sock.makefile('rb')
        self.greeted = ''
        self.reset()

    def reset(self):
        self.sender = None
        self.rcpts = []

    def log(self, event, **fields):
        log.write(event=event, **self.seen, **fields)

    def account(self):
        """What happened, for sessions.log.  "what" is how far TLS came:

        no-greeting, greeting-refused, no-ehlo: it was over before EHLO was
            answered
        no-starttls: not offered
        starttls-unused: offered, but the client went on in clear text
        starttls-rejected: so it was, or there was no reply
        handshake-cut: this side sent no handshake
        handshake-failed: `error` says why, e.g. the client's alert
        tls: the handshake was completed on this side

        "certificate" is the kind of that which was presented (certs.py),
        "domains" those that RCPT named, "ended" who hung up: "quit", "client"
        or "host".
        """
        certificate = self.host.get('kind') \
            if self.stage in ('handshake-failed', 'tls') and \
            self.host['do'] != 'tls11' else None
        return {'began': self.began, **self.seen, 'do': self.host['do'],
                'what': self.stage, 'certificate': certificate,
                'helo': self.greeted, 'domains': self.domains, **self.counts,
                'error': self.error, 'ended': self.ended or 'client'}

    def reply(self, text):
        self.sock.sendall(text.encode() + b'\r\n')

    def greet(self):
        """False if that was all."""
        what = self.host['do']
        if what == 'close':
            return False
        if what == 'silent':
            time.sleep(SILENCE)
            return False
        if what.startswith('slow'):
            time.sleep(int(what[4:]))
        if what == 'greet554':
            self.stage = 'greeting-refused'
            self.reply('554 no service here')
            return False
        self.stage = 'no-ehlo'
        self.reply(f'220 {self.host["name"]} ESMTP')
        return True

    def run(self):
        self.log('connect')
        if not self.greet():
            self.ended = 'host'
            return
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
                self.ended = self.ended or 'host'
                return

    def do_ehlo(self, line):
        what = self.host['do']
        if what == 'noehlo':
            return False
        if what == 'heloonly' and line[:4].upper() == 'EHLO':
            self.reply('500 5.5.1 what?')
            return None
        self.greeted = line[5:]
        self.counts['ehlos'] += 1
        self.reset()
        if what == 'heloonly':
            self.stage = 'no-starttls'
            self.reply(f'250 {self.host["name"]}')
            return None
        if not self.seen['tls']:
            self.stage = 'no-starttls' if what == 'nostarttls' \
                else 'starttls-unused'
        offers = [self.host['name'], 'PIPELINING', '8BITMIME', 'SMTPUTF8',
                  'SIZE 50000000']
        if not self.seen['tls'] and self.host['do'] != 'nostarttls':
            offers.append('STARTTLS')
        for offer in offers[:-1]:
            self.reply('250-' + offer)
        self.reply('250 ' + offers[-1])
        return not (what == 'hangupehlo' and self.seen['tls'])

    do_helo = do_ehlo

    def do_star(self, _line):
        what = self.host['do']
        if what.startswith('starttls'):
            self.stage = 'starttls-rejected'
            if what == 'starttlsclose':
                return False
            self.reply(f'{what[8:]} {what[8]}.7.0 TLS not available')
            return None
        if self.seen['tls'] or what == 'nostarttls':
            self.reply('503 5.5.1 no')
            return None
        self.reply('220 go on')
        self.log('starttls')
        self.stage = 'handshake-cut'
        if what == 'closetls':
            return False
        if what in ('plaintext', 'injected'):
            if what == 'plaintext':
                self.sock.recv(1)
            self.sock.sendall(b'This is not a handshake, is it?\r\n')
            return False
        context = context_for(self.host, self.seen)
        self.stage = 'handshake-failed'
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.error = str(error)
            self.ended = 'client'
            self.log('tlsfail', error=self.error)
            return False
        self.stage = 'tls'
        self.seen['tls'] = self.sock.version()
        self.seen['cipher'] = self.sock.cipher()[0]
        self.file = self.sock.makefile('rb')
        self.reset()
        return what != 'hangup'

    def do_mail(self, line):
        self.counts['mails'] += 1
        self.sender = line[10:].split('>')[0].strip('<> ')
        self.rcpts = []
        self.reply('250 ok')

    def do_rcpt(self, line):
        what = self.host['do']
        domain = line[8:].split('>')[0].rpartition('@')[2].strip().lower()
        if domain not in self.domains:
            self.domains.append(domain)
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
        self.counts['messages'] += 1
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
        self.ended = 'quit'
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
            sessions.write(**session.account())
        end(sock)


def main():
    refuse.start(sessions)
    server = socket.create_server(('::', 25), family=socket.AF_INET6,
                                  backlog=1024, dualstack_ipv6=True)
    while True:
        sock = server.accept()[0]
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


main()
