# SPDX-License-Identifier: ISC
"""Mail that comes in, with every kind of sender, under every fault: accepted
or refused exactly as by the same server without the plugin, and at no
sender's domain is a policy asked for."""
import json
import pathlib
import re
import subprocess
import time

from labkit import matrix, paths, sabotage, tap
from labkit.exim import Exim
from labkit.lab import Lab
from labkit.net import read_log

RCPT = 'alice@mail.sender.test'
BOX = pathlib.Path('/var/mail/alice')
PROGRAM = '''
import concurrent.futures, json, smtplib, sys
def talk(mail):
    with smtplib.SMTP("192.0.2.25", 25, timeout=60,
                      source_address=("198.51.100.80", 0)) as smtp:
        smtp.ehlo("stranger.test")
        codes = [smtp.mail(mail[0])[0]]
        code, reply = smtp.rcpt("alice@mail.sender.test")
        codes += [code, reply.decode()]
        if code == 250:
            codes.append(smtp.data(mail[1].encode())[0])
    return mail[0], codes
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(json.dumps(dict(pool.map(talk, json.load(sys.stdin)))))
'''


def arrange(lab):
    """Returns senders; what the store knows of some of their domains."""
    lab.domain('fresh.test', 'enforce', mx=['mx.fresh.test'])
    lab.domain('stale.test', 'enforce', mx=['mx.stale.test'])
    lab.domain('absent.test', mx=['mx.absent.test'])
    lab.domain('cold.test', 'enforce', mx=['mx.cold.test'])
    lab.domain('bad.test', 'enforce', ['mx.of-others.test'],
               mx=['mx.bad.test'])
    lab.dns.set('null.test', 'MX', '0 .')
    lab.dns.set('address.test', 'A', '203.0.113.120')
    lab.dns.behave('servfail.test', 'servfail')
    lab.dns.commit()
    answers = matrix.look_up(['fresh.test', 'stale.test', 'absent.test',
                              'bad.test'])
    assert all(answer.endswith(' ok') for answer in answers), answers
    lab.age('stale.test', matrix.RECHECK + 1)
    return ['eve@fresh.test', 'eve@stale.test', 'eve@absent.test',
            'eve@cold.test', 'eve@bad.test', 'eve@null.test',
            'eve@address.test', 'eve@servfail.test', 'eve@nowhere.test',
            'nobody@mail.sender.test', 'alice@mail.sender.test',
            'eve@[203.0.113.120]', '']


def receive(senders, name):
    """Replies for each sender, and tags of what was accepted."""
    mails, tags = [], []
    for number, sender in enumerate(senders):
        tag = f'{name}-{number}'
        mails.append((sender, Lab.text(tag, [RCPT], sender='e@x.test')))
        tags.append(tag)
    done = subprocess.run(
        paths.INSIDE.read_text().split() + ['/usr/bin/python3', '-c', PROGRAM],
        input=json.dumps(mails), text=True, check=True,
        stdout=subprocess.PIPE, timeout=120)
    replies = json.loads(done.stdout)
    return replies, [tag for tag, sender in zip(tags, senders)
                     if replies[sender][-1] == 250]


def in_mailbox(tags):
    def all_there():
        text = BOX.read_text() if BOX.exists() else ''
        return all(f'X-Lab-Tag: {tag}\n' in text for tag in tags)
    return tap.until(all_there, 20)


def without_routers(text):
    """The single-file example without what is marked MTA-STS in it."""
    text, count = re.subn(r'^mta_sts_query:.*?(?=^dnslookup:)', '', text,
                          flags=re.M | re.S)
    assert count == 1
    text, count = re.subn(r'^  condition = .*verify_mode.*\n', '', text,
                          flags=re.M)
    assert count == 1
    return text


def without_option(text):
    """That this test can fail."""
    text, count = re.subn(r'^\s*no_verify_sender\n', '', text, flags=re.M)
    assert count >= 3, count
    return text


def baseline(lab, senders):
    """The same server without the plugin."""
    if lab.mta.flavour == 'single':
        lab.mta.configure(edit=without_routers)
    else:
        lab.mta.configure(macros=lab.macros, fragments=False)
    lab.mta.start()
    replies, tags = receive(senders, 'baseline')
    tap.ok(in_mailbox(tags), f'without the plugin: {len(tags)} of '
           f'{len(senders)} senders are accepted')
    tap.diag(replies)
    lab.mta.stop()
    return replies


def policy_queries(since):
    return [entry['name'] for entry in read_log('dns.log', since)
            if entry['name'].startswith('_mta-sts')]


def check(lab, senders, expected, name):
    mark = lab.now()
    began = time.monotonic()
    replies, tags = receive(senders, name)
    seconds = time.monotonic() - began
    if not tap.ok(replies == expected, f'{name}: as without the plugin'):
        for sender, codes in replies.items():
            if codes != expected[sender]:
                tap.diag(f'<{sender}>: {codes}, not {expected[sender]}')
    tap.ok(in_mailbox(tags), f'{name}: {len(tags)} in the mailbox')
    tap.same(policy_queries(mark), [], f'{name}: no policy is asked for')
    tap.ok(seconds < 10, f'{name}: nothing is waited for ({seconds:.1f} s)')


def run(flavour):
    """The whole of a test program."""
    lab = Lab(Exim(flavour))
    if flavour == 'debian':
        lab.macros = {'CHECK_RCPT_VERIFY_SENDER': 'true'}
    senders = arrange(lab)
    lab.configure()
    expected = baseline(lab, senders)
    lab.reconfigure()
    lab.mta.start()
    check(lab, senders, expected, 'no fault')
    for name in sabotage.SABOTAGE:
        # With that one Exim itself cannot look a sender's domain up.
        if name != 'resolv-unreadable':
            with sabotage.apply(lab, name):
                check(lab, senders, expected, name)
    lab.edit = without_option
    lab.reconfigure()
    with sabotage.apply(lab, 'resolver-missing'):
        replies, _tags = receive(senders, 'without-option')
    tap.same(replies['eve@cold.test'][1], 451,
             'no_verify_sender removed: a fault refuses mail')
    # A message is in the mailbox a little before it leaves the queue.
    tap.until(lambda: not lab.mta.queue(), 10)
    tap.same(lab.mta.queue(), {}, 'the queue is empty')
    tap.same([line for line in matrix.crashes(lab) if ' dlopen "/' not in line
              and ' dlsym "' not in line], [], 'no process crashed')
    tap.same(matrix.strays(), [], 'nothing is left running')
    tap.done()
