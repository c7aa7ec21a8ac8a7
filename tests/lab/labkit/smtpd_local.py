# SPDX-License-Identifier: ISC
"""sendmail to aliases and to a user with a .forward file, all at domains that
were never looked up, on OpenSMTPD with the files as they are shipped: nothing
is refused, nothing is lost, everything arrives, each once and as its policy
wants it."""
import concurrent.futures
import os
import pathlib
import shutil
import time

from labkit import opensmtpd_lab, tap
from labkit.opensmtpd import EXAMPLES

ALIASES = pathlib.Path('/etc/aliases')
HOME = pathlib.Path('/run/lab/home/alice')
DEAD_LETTER = HOME / 'dead.letter'
HOSTS = 10
FEW, MANY = 10, 100
AT_ONCE = 25    # smtpd itself takes 32 connections of one user's sendmail
FORWARDED = 10
SILENT = 4
LONGEST = 120
FILES = {'example.conf': None,
         'debian/smtpd.conf': lambda _body: (
             EXAMPLES / 'debian/smtpd.conf').read_text(encoding='utf-8')}


def make(lab, name, count):
    """Domains, every other one with an enforced policy.  Hosts are shared,
    since smtpd opens only so many connections to one."""
    domains = [f'{name}{number}.test' for number in range(count)]
    strict = domains[::2]
    lab.policies.host(*strict)
    for number in range(HOSTS):
        lab.mx.add(f'mx{number}.{name}.test')
    for number, domain in enumerate(domains):
        host = f'mx{number % HOSTS}.{name}.test'
        lab.dns.set(domain, 'MX', f'10 {host}.')
        if domain in strict:
            lab.policies.publish(domain, 'enforce', [host])
    lab.dns.commit()
    return domains


def write_aliases(lab, targets):
    ALIASES.write_text(''.join(f'{name}: {target}\n'
                               for name, target in targets.items()))
    lab.mta.ctl('update', 'table', 'aliases')


def sendmail(lab, rcpt):
    """Its tag and exit status."""
    tag = lab._tag()
    status, output = lab.mta.sendmail('alice@mail.sender.test', [rcpt],
                                      lab.text(tag, [rcpt]))
    if output:
        tap.diag(f'sendmail {rcpt}: {output}')
    return tag, status


def all_at_once(lab, rcpts):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda rcpt: sendmail(lab, rcpt), rcpts))


def arrived(lab, tags):
    """How often each has, by tag and recipient."""
    return sorted((entry['tag'], rcpt) for entry in lab.mx.messages()
                  if entry['tag'] in tags for rcpt in entry['rcpts'])


def expect_all(lab, sent, wanted, name):
    """Three assertions; `sent` is what sendmail said, `wanted` the recipients
    by tag."""
    tap.same((sorted({status for _tag, status in sent}),
              DEAD_LETTER.exists()), ([0], False),
             f'{name}: sendmail exits 0, no dead.letter')
    wanted = sorted((tag, rcpt) for tag, rcpts in wanted.items()
                    for rcpt in rcpts)
    tags = {tag for tag, _status in sent}
    began = time.monotonic()
    tap.until(lambda: len(arrived(lab, tags)) >= len(wanted), LONGEST, 0.5)
    tap.diag(f'{name}: all there {time.monotonic() - began:.1f} s after '
             'sendmail ended')
    tap.same(arrived(lab, tags), wanted,
             f'{name}: everything arrives, once, without another attempt')
    return tags


def under_tls(lab, tags, domains, name):
    strict = set(domains[::2])
    clear = [entry['rcpts'] for entry in lab.mx.messages()
             if entry['tag'] in tags and not entry['tls'] and
             any(rcpt.split('@')[1] in strict for rcpt in entry['rcpts'])]
    tap.same(clear, [], f'{name}: what is enforced goes out under TLS')


def aliases(lab, count):
    domains = make(lab, f'alias{count}-', count)
    targets = {f'a{number}': f'bob@{domain}'
               for number, domain in enumerate(domains)}
    write_aliases(lab, targets)
    name = f'{count} aliases at once'
    began = time.monotonic()
    sent = all_at_once(lab, list(targets))
    tap.diag(f'{name}: sendmail took {time.monotonic() - began:.1f} s')
    tags = expect_all(lab, sent, {tag: [rcpt] for (tag, _status), rcpt in
                                  zip(sent, targets.values())}, name)
    under_tls(lab, tags, domains, name)


def forward(lab):
    domains = make(lab, 'forward', FORWARDED)
    path = HOME / '.forward'
    path.write_text(''.join(f'bob@{domain}\n' for domain in domains))
    shutil.chown(path, 'alice', 'alice')
    os.chmod(path, 0o600)
    write_aliases(lab, {})
    sent = [sendmail(lab, 'alice')]
    name = f'a .forward file with {FORWARDED} targets'
    tags = expect_all(lab, sent, {sent[0][0]: [f'bob@{domain}' for domain in
                                               domains]}, name)
    under_tls(lab, tags, domains, name)
    path.unlink()


def silent(lab):
    """Nothing answers at first: the mail is in the queue, and goes out with
    an attempt after that."""
    domains = make(lab, 'silent', SILENT)
    for domain in domains:
        lab.dns.behave(f'_mta-sts.{domain}', 'timeout')
    targets = {f's{number}': f'bob@{domain}'
               for number, domain in enumerate(domains)}
    write_aliases(lab, targets)
    sent = all_at_once(lab, list(targets))
    tap.same((sorted({status for _tag, status in sent}),
              DEAD_LETTER.exists()), ([0], False),
             'nothing answers: sendmail exits 0, no dead.letter')
    tap.same(sum(map(len, lab.mta.queue().values())), SILENT,
             'nothing answers: all is in the queue')
    for domain in domains:
        lab.dns.behave(f'_mta-sts.{domain}', None)
        lab.forget(domain)
    tags = {tag for tag, _status in sent}
    tap.until(lambda: lab.mta.run_queue() or
              len(arrived(lab, tags)) >= SILENT, LONGEST, 1)
    tap.same(len(arrived(lab, tags)), SILENT,
             'and all arrives, once, when the world answers again')


def run(version):
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.chown(HOME, 'alice', 'alice')
    for file, edit in FILES.items():
        with opensmtpd_lab.running(version, edit=edit) as lab:
            tap.diag(file)
            DEAD_LETTER.unlink(missing_ok=True)
            aliases(lab, FEW)
            forward(lab)
            aliases(lab, MANY)
            silent(lab)
            tap.same(lab.mta.bounces(), [], 'nothing bounced')
            tap.same(lab.mta.panics(), '', 'nothing died')
            tap.until(lambda found=lab.mta: not found.queue(), 30, 0.5)
            tap.same(lab.mta.queue(), {}, 'the queue is empty')
    tap.done()
