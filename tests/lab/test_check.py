# SPDX-License-Identifier: ISC
"""`mta-sts check`: each thing that a domain can publish wrongly, made by a real
name server, web server or MX host, is found, with exit status 1 and a message of
its own; a domain that is as it should be gives nothing.
"""
import concurrent.futures
import fcntl
import json
import os
import pathlib
import pty
import re
import socket
import struct
import subprocess
import termios

from labkit import paths, tap
from labkit.lab import Lab

FORTNIGHT = 1209600
PLAIN = '198.51.100.84'
lab = Lab()
lab.configure()
expected = {}  # tokens by domain


def publish(name, *tokens, mode='enforce', max_age=FORTNIGHT, mx=None,
            patterns=None):
    """A domain that is as it should be; what is wrong comes behind it."""
    domain = f'{name}.test'
    lab.domain(domain, mode, patterns=patterns, mx=mx or [f'mx.{domain}'],
               max_age=max_age)
    lab.dns.set(f'_smtp._tls.{domain}', 'TXT',
                f'"v=TLSRPTv1; rua=mailto:tls@{domain}"')
    expected[domain] = list(tokens)
    return domain


def body(domain, end='\r\n', **more):
    return lab.policies.text('enforce', [f'mx.{domain}'], FORTNIGHT, end)


def txt(domain, *values):
    lab.dns.set(domain, 'TXT', *[f'"{value}"' for value in values])


def answer(domain, **rule):
    """The policy host, by the server that does what it is told."""
    lab.policies.inject(domain, **{'body': body(domain), **rule})


publish('clean')
publish('wild-mx', patterns=['*.wild-mx.test'])

# The record.
d = publish('no-record', 'record_missing')
lab.policies.record(d, '')
d = publish('other-record', 'record_other')
txt(f'_mta-sts.{d}', 'v=spf1 -all')
d = publish('several', 'record_several')
txt(f'_mta-sts.{d}', 'v=STSv1; id=1', 'v=STSv1; id=2')
d = publish('bad-id', 'record_ill_formed')
txt(f'_mta-sts.{d}', 'v=STSv1; id=2026-11-28')
d = publish('no-underscore', 'record_wrong_name')
lab.policies.record(d, '')
txt(f'mta-sts.{d}', 'v=STSv1; id=1')
d = publish('twice', 'record_twice')
lab.policies.record(d, '')
txt(f'_mta-sts.{d}.{d}', 'v=STSv1; id=1')
d = publish('wild-record', 'record_wildcard')
lab.policies.record(d, '')
txt(f'*.{d}', 'v=STSv1; id=1')
d = publish('wild-spf', 'record_wildcard')
lab.policies.record(d, '')
txt(f'*.{d}', 'v=spf1 -all')
d = publish('servfail', 'record_dns')
lab.dns.behave(f'_mta-sts.{d}', 'servfail')

# The policy host.
d = publish('no-host', 'host_no_address')
lab.dns.set(f'mta-sts.{d}', 'A')
d = publish('refused', 'host_connect')
lab.policies.inject(d, address=paths.REFUSED)
d = publish('plain', 'host_plain_http')
lab.policies.inject(d, address=PLAIN)
d = publish('old-tls', 'host_tls_old')
answer(d, tls='1.1')
d = publish('no-tls', 'host_tls')
lab.policies.inject(d, address=paths.HTTPS_CLOSE)
for kind, token in (('expired', 'cert_expired'),
                    ('selfsigned', 'cert_self_signed'),
                    ('wrongname', 'cert_name'),
                    ('cnonly', 'cert_common_name'),
                    ('chainless', 'cert_chain'),
                    ('clientauth', 'cert_invalid')):
    lab.policies.host(publish(f'cert-{kind}', token), kind=kind)
d = publish('redirect', 'redirect')
answer(d, status=301, headers={'Location': f'https://www.{d}/mta-sts.txt'})
d = publish('no-file', 'file_missing')
lab.policies.serve(d, None)
d = publish('top', 'file_wrong_path')
answer(d, status=404, paths={'/mta-sts.txt': {'body': body(d)}})
answer(publish('forbidden', 'http_status'), status=403)
answer(publish('html-type', 'media_type'),
       headers={'Content-Type': 'text/html'})
answer(publish('no-type', 'media_type'), headers={'Content-Type': None})
answer(publish('cut', 'file_cut'), length=5000)

# The policy.
answer(publish('html', 'policy_html'), body='<!DOCTYPE html>\r\n')
d = publish('lf', 'policy_line_ends')
lab.policies.inject(d, body=body(d, end='\n'))
d = publish('comment', 'warn_bad_extension')
answer(d, body='version: STSv1\r\n# ours\r\n' + body(d)[16:])
d = publish('no-mode', 'policy_no_mode')
answer(d, body=body(d).replace('mode', 'mod'))
publish('short', 'max_age_short', max_age=86400)
publish('over', 'warn_max_age_capped', max_age=31557601)
publish('testing', 'mode_testing', mode='testing')
same_id = publish('same-id', 'id_unchanged')

# The MX hosts.
d = publish('not-listed', 'mx_not_in_policy', patterns=['mx.not-listed.test'],
            mx=['mx.not-listed.test', 'mx2.not-listed.test'])
d = publish('unused', 'mx_pattern_unused',
            patterns=['mx.unused.test', 'old.unused.test'])
for what, certificate, token in (
        ('nostarttls', 'good', 'mx_no_starttls'),
        ('starttls454', 'good', 'mx_starttls_refused'),
        ('tls11', 'good', 'mx_tls_old'),
        ('greet554', 'good', 'mx_greeting'),
        ('refused', 'good', 'mx_connect'),
        ('good', 'expired', 'mx_cert_expired'),
        ('good', 'selfsigned', 'mx_cert_self_signed'),
        ('good', 'wrongname', 'mx_cert_name'),
        ('good', 'chainless', 'mx_cert_chain')):
    name = f'mx-{what if what != "good" else certificate}'
    publish(name, token, mx=[(f'mx.{name}.test', what, certificate)])
d = publish('second-mx', 'mx_no_starttls',
            mx=['mx.second-mx.test',
                ('mx2.second-mx.test', 'nostarttls', 'good')])
d = publish('second-address', 'mx_no_starttls')
lab.dns.set(f'mx.{d}', 'A', lab.mx.addresses[f'mx.{d}'],
            lab.mx.add(f'mx-b.{d}', 'nostarttls'))
d = publish('mx-address', 'mx_bad_name')
lab.dns.set(d, 'MX', f'10 mx.{d}.', '20 192.0.2.9.')
d = publish('dane', 'dane')
lab.dns.set(f'_25._tcp.mx.{d}', 'TLSA', f'3 1 1 {"ab" * 32}')

# TLS reports.
d = publish('no-reports', 'tlsrpt_missing')
lab.dns.set(f'_smtp._tls.{d}', 'TXT')
d = publish('bad-reports', 'tlsrpt_ill_formed')
txt(f'_smtp._tls.{d}', 'v=TLSRPTv1 rua=mailto:tls@x.test')
d = publish('bad-rua', 'tlsrpt_rua')
txt(f'_smtp._tls.{d}', 'v=TLSRPTv1; rua=tls@x.test')

lab.dns.commit()


def run(*words, **more):
    return subprocess.run([paths.COMMAND, *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, check=False, **more)


# The web server that has http: alone.
www = paths.WWW / 'plain'
(www / '.well-known').mkdir(parents=True)
(www / '.well-known' / 'mta-sts.txt').write_text(body('plain.test'))
inside = paths.INSIDE.read_text().split()
plain = subprocess.Popen(
    inside + ['/usr/bin/python3', '-m', 'http.server', '80', '--bind', PLAIN,
              '--directory', str(www)],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_up(address, port):
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True


tap.ok(tap.until(lambda: is_up(PLAIN, 80), 10), 'a server of http: alone')

# Our own store has a policy, which is then changed without its id.
tap.same(run('query', same_id).returncode, 0, 'a domain is in the store')
lab.policies.serve(same_id, lab.policies.text(
    'enforce', [f'mx.{same_id}', '*.same-id.test'], FORTNIGHT))
before = sorted(str(path) for path in pathlib.Path(paths.STATE).glob('*/*/*'))

mark = lab.now()
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    found = dict(zip(expected, pool.map(
        lambda domain: run('check', '--json', domain), expected)))
plain.kill()
plain.wait()

causes = {}
for domain, tokens in expected.items():
    done = found[domain]
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        tap.ok(False, f'{domain}: JSON')
        tap.diag(done.stdout + done.stderr)
        continue
    got = [finding['token'] for finding in answer['findings']]
    name = f'{domain}: {", ".join(tokens) or "clean"}'
    if not tap.ok((got, done.returncode) == (tokens, 1 if tokens else 0),
                  name):
        tap.diag(f'exit status {done.returncode}, {done.stderr}')
        tap.diag(json.dumps(answer, indent=1))
    for finding in answer['findings']:
        causes.setdefault(re.sub(r'\S*\.test\S*', '', finding['cause']),
                          set()).add(finding['token'])
tap.same([tokens for tokens in causes.values() if len(tokens) > 1], [],
         'each has a message of its own')
tap.same(sorted(str(path) for path in pathlib.Path(paths.STATE).glob('*/*/*')),
         before, 'the store is as it was')
tap.same(lab.mx.messages(since=mark), [], 'no mail was sent')

# As text.
done = run('check', 'clean.test')
tap.same((done.returncode, done.stderr), (0, ''), 'clean: exit status 0')
tap.like(done.stdout, r'(?m)^clean: ', 'and one line says so')
done = run('check', 'mx-expired.test')
tap.same(done.returncode, 1, 'not clean: exit status 1')
tap.like(done.stdout, r'(?m)^problem: mx\.mx-expired\.test: its certificate '
         r'has expired at 203\.\S+: .*\n +fix: renew it.*\n1 problem, '
         r'0 remarks$', 'cause and fix, each on a line of its own')
tap.ok('\033' not in done.stdout, 'without colours where there is no terminal')


def on_terminal(columns, *words):
    """What a terminal shows, and the exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ,
                    struct.pack('HHHH', 24, columns, 0, 0))
        os.environ['TERM'] = 'xterm'
        os.execv(paths.COMMAND, [paths.COMMAND, *words])
    shown = b''
    while True:
        try:
            more = os.read(fd, 4096)
        except OSError:
            break
        if not more:
            break
        shown += more
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


code, shown = on_terminal(60, 'check', 'mx-expired.test')
tap.same(code, 1, 'on a terminal: the same exit status')
tap.like(shown, r'checking: \d+ of \d+ ',
         'it shows how far it is')
tap.like(shown, '\033\\[31mproblem:\033\\[0m', 'a problem is red')
text = re.sub('\033\\[[0-9]*m', '', shown).split('\r\n')
tap.same([line for line in text if '\r' not in line and len(line) > 60], [],
         'no line is wider than the terminal')

# What cannot be checked.
other = pathlib.Path('/etc/mta-sts-other.conf')
other.write_text('allow-private yes\nnameserver 127.0.0.1:9\n')
done = run('-f', str(other), 'check', 'clean.test')
tap.same(done.returncode, 3, 'no name server: exit status 3')
tap.like(done.stderr, 'no name server can be reached', 'and the reason')
tap.same(done.stdout, '', 'and nothing that looks like a result')
other.write_text('allow-private yes\nstate-dir /var/lib/nowhere\n')
done = run('-f', str(other), 'check', 'clean.test')
tap.same((done.returncode, done.stderr), (0, ''),
         'no state directory, as where no mail is sent from: exit status 0')
tap.like(done.stdout, r'(?m)^clean: ', 'and the same line')
for words in ((), ('a b',), ('192.0.2.1',), ('a.test', 'b.test')):
    tap.same(run('check', *words).returncode, 2,
             f'check {" ".join(words)}: exit status 2')
tap.done()
