# SPDX-License-Identifier: ISC
"""The internet that README.md's lines meet, on loopback of a network of its own,
at addresses that are public elsewhere: gmail.com as it publishes itself, and a
domain whose MX host its policy does not name.

world.py COMMAND...: runs it there, and exits as it does.  What MX hosts accept
is a line each in /out/mail: host, recipient, "tls" or "clear".
"""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, '/src/tests/unit/lib')
import inject_certs  # noqa: E402
import inject_dns as dns  # noqa: E402
import inject_https as https  # noqa: E402
from inject_smtp import Smtp  # noqa: E402

WEB, MX, OTHER = '142.250.0.80', '142.250.0.25', '142.250.0.26'
DOMAINS = {'gmail.com': ('gmail-smtp-in.l.google.com', MX,
                         'gmail-smtp-in.l.google.com'),
           'stolen.net': ('mx.attacker.net', OTHER, 'mx.stolen.net')}
MAIL = pathlib.Path('/out/mail')


class Sink(Smtp):
    """Takes every message."""

    def __init__(self, name, **more):
        super().__init__(**more)
        self.name, self.data = name, {}
        self.steps.update(MAIL=b'250 ok\r\n', RCPT=b'250 ok\r\n',
                          NOOP=b'250 ok\r\n', RSET=b'250 ok\r\n')

    def dialogue(self, conn, mark=''):
        lines = conn.makefile('rb')
        rcpts = []
        for line in lines:
            text = line.decode('latin-1').rstrip('\r\n')
            word = text.split(' ')[0].upper()
            if word == 'RCPT':
                rcpts.append(text.split('<')[1].split('>')[0])
            if word == 'DATA':
                conn.sendall(b'354 go on\r\n')
                while lines.readline() not in (b'.\r\n', b''):
                    pass
                with MAIL.open('a', encoding='ascii') as out:
                    for rcpt in rcpts:
                        out.write(f'{self.name} {rcpt} '
                                  f'{"tls" if mark else "clear"}\n')
                rcpts = []
                conn.sendall(b'250 queued\r\n')
                continue
            reply = self.steps.get(word, b'500 what?\r\n')
            if mark:
                reply = reply.replace(b'250-STARTTLS\r\n', b'')
            conn.sendall(reply)
            if word == 'QUIT':
                return
            if word == 'STARTTLS':
                self.start_tls(conn)
                return


def zone():
    found = {}
    for domain, (host, address, _named) in DOMAINS.items():
        found[domain] = [dns.mx(5, host)]
        found[host] = [dns.a(address)]
        found['_mta-sts.' + domain] = [dns.txt('v=STSv1; id=1;')]
        found['mta-sts.' + domain] = [dns.a(WEB)]
    return found


def policies(conn, request):
    """One for each domain."""
    host = next(line.split(b':', 1)[1].strip().decode()
                for line in request.split(b'\r\n')
                if line.lower().startswith(b'host:'))
    named = DOMAINS[host.removeprefix('mta-sts.')][2]
    https.respond(f'version: STSv1\nmode: enforce\nmx: {named}\n'
                  'max_age: 604800\n'.encode(), https.PLAIN)(conn, request)


def main():
    # A route, not an address: Exim sends nothing to what it takes for itself.
    # smtpd asks for no address where only the loopback interface has one.
    for line in ('link add eth0 type veth peer name far',
                 'addr add 192.0.2.25/24 dev eth0', 'link set eth0 up',
                 'link set far up', 'route add local 142.250.0.0/24 dev lo'):
        subprocess.run(['ip', *line.split()], check=True)
    scratch = tempfile.mkdtemp()
    authority = inject_certs.Authority(scratch, 'root')
    names = ['mta-sts.' + domain for domain in DOMAINS]
    names += [host for host, _address, _named in DOMAINS.values()]
    leaf = authority.issue('host', 'subjectAltName=' + ','.join(
        'DNS:' + name for name in names))
    roots = pathlib.Path('/usr/local/share/ca-certificates')
    roots.mkdir(parents=True, exist_ok=True)
    roots.joinpath('test.crt').write_bytes(
        pathlib.Path(authority.cert).read_bytes())
    subprocess.run(['update-ca-certificates'], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.unlink('/etc/resolv.conf')
    pathlib.Path('/etc/resolv.conf').write_text('nameserver 127.0.0.1\n')
    MAIL.touch()
    with contextlib.ExitStack() as stack:
        stack.enter_context(dns.Server(zone(), port=53))
        stack.enter_context(https.Server(leaf, policies, WEB, 443))
        for host, address, _named in DOMAINS.values():
            stack.enter_context(Sink(host, certificate=leaf, address=address,
                                     port=25))
        status = subprocess.run(sys.argv[1:], check=False).returncode
    sys.exit(status if status >= 0 else 128 - status)


main()
