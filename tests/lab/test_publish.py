# SPDX-License-Identifier: ISC
"""Domains that are set up by nothing but the output of `mta-sts publish`, each
on a web server of its own: `lint` and `check` have nothing against them, and
Exim and OpenSMTPD enforce them.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess

from labkit import opensmtpd_lab, paths, tap, web
from labkit.exim import Exim
from labkit.lab import Lab

DOMAINS = {kind: f'{kind}.test' for kind in web.KINDS}


def mta_sts(*words):
    return subprocess.run([paths.COMMAND, *map(str, words)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, check=False)


def publish(kind, *words):
    """`publish` as its operator calls it every time."""
    domain = DOMAINS[kind]
    return mta_sts('publish', domain, '--server', kind,
                   '--write', web.folder(domain), '--rua', f'tls@{domain}',
                   '--web-host', web.address(kind), *words)


def said(done):
    return done.stdout + done.stderr if done.returncode else ''


def add_records(lab, text):
    """Lines of a zone file, into the zone."""
    for line in text.splitlines():
        if line and not line.startswith(';'):
            name, _ttl, _in, kind, data = line.split(' ', 4)
            lab.dns.set(name.rstrip('.'), kind, data)
    lab.dns.commit()


def tokens(domain):
    """What `check` finds."""
    done = mta_sts('check', domain, '--json')
    try:
        found = json.loads(done.stdout)['findings']
    except (ValueError, KeyError):
        return done.returncode, done.stdout + done.stderr
    return done.returncode, [one['token'] for one in found]


def begin(lab, kind):
    """From nothing to testing."""
    domain = DOMAINS[kind]
    root = web.folder(domain)
    root.mkdir(parents=True)
    done = publish(kind)
    tap.same((done.returncode, said(done)), (0, ''), f'{kind}: publish')
    tap.like(done.stdout, r'(?m)^1\. +First have the web server',
             f'{kind}: says what comes first')
    policy = root / '.well-known/mta-sts.txt'
    tap.like(policy.read_bytes().decode(), '^version: STSv1\r\nmode: testing'
             f'\r\nmx: mx.{domain}\r\nmax_age: 86400\r\n$',
             f'{kind}: the policy file')
    done = mta_sts('lint', 'policy', policy)
    tap.same((done.returncode, re.findall(r'\((\w+)\)$', done.stderr, re.M)),
             (0, ['lint_max_age_short']),
             f'{kind}: lint has nothing to say but that a day is short')
    tap.same((root / '.nojekyll').exists(), kind == 'static',
             f'{kind}: .nojekyll where it is wanted')
    web.start(kind, domain, publish(kind, '--print', 'server').stdout)
    add_records(lab, publish(kind, '--print', 'records').stdout)
    tap.same(tokens(domain), (1, ['mode_testing']),
             f'{kind}: check has nothing to say but that it is testing')


def go_on(lab, kind):
    """From testing to enforce."""
    domain = DOMAINS[kind]
    before = publish(kind, '--print', 'records').stdout
    tap.like(before, 'there already, for this policy',
             f'{kind}: run again, the id stays')
    done = publish(kind, '--mode', 'enforce')
    tap.same((done.returncode, said(done)), (0, ''), f'{kind}: enforce')
    after = publish(kind, '--print', 'records').stdout
    tap.like(after, 'in place of the one with another id',
             f'{kind}: a new id for the new policy')
    add_records(lab, after)
    tap.same(tokens(domain), (0, []), f'{kind}: check: clean')
    done = mta_sts('lint', 'policy',
                   web.folder(domain) / '.well-known/mta-sts.txt')
    tap.same((done.returncode, done.stderr), (0, ''), f'{kind}: lint: clean')
    done = publish(kind)
    tap.like(done.stdout, r'--max-age 1209600', f'{kind}: the step after that')


def refused(lab, kind):
    """What does not work is not enforced."""
    domain = DOMAINS[kind]
    policy = web.folder(domain) / '.well-known/mta-sts.txt'
    old = policy.read_bytes()
    lab.mx.add(f'mx.{domain}', 'good', 'expired')
    done = publish(kind, '--mode', 'enforce')
    tap.same(done.returncode, 1, 'enforce with a bad certificate: refused')
    tap.like(done.stderr, rf'mx\.{re.escape(domain)}: its certificate has '
             'expired', 'the host, and why')
    lab.mx.add(f'mx.{domain}', 'nostarttls')
    done = publish(kind, '--mode', 'enforce')
    tap.same(done.returncode, 1, 'enforce without STARTTLS: refused')
    tap.like(done.stderr, 'does not offer STARTTLS', 'and why')
    tap.same(policy.read_bytes(), old, 'the file is as it was')
    lab.mx.add(f'mx.{domain}', 'good')


def narrowed(kind):
    """What is enforced does not lose an MX host that the DNS has."""
    domain = DOMAINS[kind]
    policy = web.folder(domain) / '.well-known/mta-sts.txt'
    old = policy.read_bytes()
    done = publish(kind, '--mx', f'new.{domain}')
    tap.same(done.returncode, 1, 'enforced, without an MX host: refused')
    tap.like(done.stderr, 'would not permit MX hosts that the DNS has: '
             rf'mx\.{re.escape(domain)};', 'the host, and why')
    tap.same((done.stdout, policy.read_bytes()), ('', old),
             'the file is as it was')
    done = publish(kind, '--mx', f'new.{domain},mx.{domain}')
    tap.same((done.returncode, said(done)), (0, ''), 'a host may be added')
    done = publish(kind, '--mx', f'mx.{domain}')
    tap.same((done.returncode, said(done), policy.read_bytes()), (0, '', old),
             'and leave again, as the DNS does not have it')


def planted():
    """Root is not led astray by the folder's owner."""
    home = pathlib.Path('/tmp/mallory')
    (home / 'target').mkdir(parents=True)
    (home / '.well-known').symlink_to(home / 'target')
    os.lchown(home / '.well-known', 1996, 1996)
    os.chown(home, 1996, 1996)
    done = mta_sts('publish', DOMAINS['nginx'], '--write', home)
    tap.same(done.returncode, 3, "another user's link in the way: refused")
    tap.like(done.stderr, r'/tmp/mallory/\.well-known/: a symbolic link of '
             'another user', 'and why')
    tap.same(list((home / 'target').iterdir()), [], 'nothing is written there')


def elsewhere():
    """A web server has no store, and its user is not root."""
    conf = pathlib.Path('/etc/elsewhere.conf')
    conf.write_text('allow-private yes\nstate-dir /var/lib/nonexistent\n')
    done = subprocess.run(
        ['setpriv', '--reuid=1995', '--regid=1995', '--clear-groups',
         paths.COMMAND, '-f', str(conf), 'publish', DOMAINS['nginx'],
         '--print', 'policy'], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60, check=False)
    tap.same((done.returncode, said(done)), (0, ''),
             'a user without a state directory may run it')
    tap.like(done.stdout, f"mx: mx.{DOMAINS['nginx']}", 'with all of it')


def send_all(lab):
    """A message to each domain, at once: a recipient may be held."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip(DOMAINS, pool.map(
            lambda domain: lab.send(f'bob@{domain}'), DOMAINS.values())))


def arrives(lab, name):
    for domain in DOMAINS.values():
        lab.mx.add(f'mx.{domain}', 'good')
    for kind, message in send_all(lab).items():
        lab.expect_delivered(message, f'{name}: mail for {DOMAINS[kind]} goes '
                             'out', tls=True, host=f'mx.{DOMAINS[kind]}')


def waits(lab, name):
    for domain in DOMAINS.values():
        lab.mx.add(f'mx.{domain}', 'good', 'expired')
    for kind, message in send_all(lab).items():
        lab.expect_deferred(message, 'certificate|mx_cert',
                            f'{name}: the policy from {kind} is enforced')


lab = Lab(Exim('single'))
for domain in DOMAINS.values():
    lab.domain(domain, mx=[f'mx.{domain}'])
lab.dns.commit()
lab.configure()
for kind in web.KINDS:
    begin(lab, kind)
refused(lab, 'nginx')
for kind in web.KINDS:
    go_on(lab, kind)
narrowed('nginx')
planted()
elsewhere()

lab.mta.configure()
lab.mta.start()
arrives(lab, 'Exim')
waits(lab, 'Exim')
lab.mta.stop()

if not opensmtpd_lab.VERSIONS:
    tap.skip('enforced by OpenSMTPD', 'it is not installed here')
    tap.diag('not for this cell: publish: enforced by OpenSMTPD')
    tap.done()
other = opensmtpd_lab.SmtpdLab('6.8')
other.dns, other.policies, other.mx = lab.dns, lab.policies, lab.mx
other.configure()
other.mta.configure()
# It uses a connection again for some seconds, so first what has to wait.
for expect in waits, arrives:
    other.forget()
    other.mta.start()
    expect(other, 'OpenSMTPD')
    other.mta.empty_queue()
    other.mta.stop()
tap.done()
