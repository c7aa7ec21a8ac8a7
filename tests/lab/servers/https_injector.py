# SPDX-License-Identifier: ISC
"""Policy hosts that misbehave, as conf/https.json says for a server name:

    {"mta-sts.x.test": {"status": 302, "headers": {"Location": "https://..."},
                        "body": "...", "hang": "tls", "tls": "1.1",
                        "cert": "/path", "length": 70000, "seconds": 5,
                        "delay": 1, "paths": {"/x": {"status": 200}}}}

hang: tls (no handshake), request (no answer), headers (cut after the status
line), body (a body that never ends, one byte a second); without "seconds"
for ever.  length: a Content-Length other than the body's.  delay: seconds
before the answer.  paths: other answers to these paths.  Two more addresses
accept and then are silent, or close at once.
"""
import select
import socket
import ssl
import threading
import time

from common import Log, Settings

ADDRESS = '198.51.100.81'
SILENT = '198.51.100.82'
CLOSE = '198.51.100.83'
FOREVER = 3600
DEFAULT_CERT = '/run/lab/certs/default.pem'

settings = Settings('https.json')
log = Log('https.log')


def context_for(rule):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if rule.get('tls') == '1.1':
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('ALL:@SECLEVEL=0')
    context.load_cert_chain(rule.get('cert', DEFAULT_CERT))
    return context


def hang(rule, sock):
    """Until the time is over or the other side has gone."""
    select.select([sock], [], [], rule.get('seconds', FOREVER))


def client_hello_name(sock):
    """The server name in the first flight, without consuming it."""
    end = time.monotonic() + 10
    data = b''
    while time.monotonic() < end:
        data = sock.recv(16384, socket.MSG_PEEK)
        if not data or len(data) >= 5 + int.from_bytes(data[3:5], 'big'):
            break
        time.sleep(0.005)
    try:
        at = 43 + 1 + data[43]
        at += 2 + int.from_bytes(data[at:at + 2], 'big')
        at += 1 + data[at]
        end = at + 2 + int.from_bytes(data[at:at + 2], 'big')
        at += 2
        while at < end:
            kind = int.from_bytes(data[at:at + 2], 'big')
            size = int.from_bytes(data[at + 2:at + 4], 'big')
            if kind == 0:
                return data[at + 9:at + 4 + size].decode('ascii')
            at += 4 + size
    except (IndexError, UnicodeDecodeError):
        pass
    return ''


def read_request(sock):
    data = b''
    while b'\r\n\r\n' not in data and len(data) < 16384:
        more = sock.recv(4096)
        if not more:
            break
        data += more
    return data.decode('latin-1')


def respond(sock, rule):
    body = rule.get('body', '').encode('latin-1')
    headers = {'Content-Type': 'text/plain',
               'Content-Length': str(rule.get('length', len(body))),
               'Connection': 'close', **rule.get('headers', {})}
    head = f'HTTP/1.1 {rule.get("status", 200)} Lab\r\n'
    if rule.get('hang') == 'headers':
        sock.sendall(head.encode())
        hang(rule, sock)
        return
    head += ''.join(f'{name}: {value}\r\n' for name, value in headers.items()
                    if value is not None)
    sock.sendall(head.encode('latin-1') + b'\r\n')
    if rule.get('hang') == 'body':
        for _ in range(rule.get('seconds', FOREVER)):
            sock.sendall(b'\n')
            time.sleep(1)
        return
    sock.sendall(body)


def serve(raw):
    name = client_hello_name(raw)
    rule = settings.get().get(name, {})
    with raw:
        if rule.get('hang') == 'tls':
            log.write(host=name, event='hang')
            hang(rule, raw)
            return
        try:
            sock = context_for(rule).wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError) as error:
            log.write(host=name, event='handshake', error=str(error))
            return
        with sock:
            try:
                words = read_request(sock).split('\r\n')
                log.write(host=name, event='request', request=words[0],
                          headers=words[1:])
                path = (words[0].split() + ['', ''])[1]
                rule = rule.get('paths', {}).get(path, rule)
                if rule.get('hang') == 'request':
                    hang(rule, sock)
                    return
                time.sleep(rule.get('delay', 0))
                respond(sock, rule)
                sock.unwrap()
            except OSError:
                pass


def silent(raw):
    with raw:
        log.write(host='', event='silent')
        while raw.recv(4096):
            pass


def close(raw):
    log.write(host='', event='close')
    raw.close()


def listen(address, handler):
    server = socket.create_server((address, 443), backlog=512)

    def guarded(sock):
        try:
            handler(sock)
        except OSError:
            pass
    while True:
        sock = server.accept()[0]
        threading.Thread(target=guarded, args=(sock,), daemon=True).start()


for pair in ((SILENT, silent), (CLOSE, close)):
    threading.Thread(target=listen, args=pair, daemon=True).start()
listen(ADDRESS, serve)
