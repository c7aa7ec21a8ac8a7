# SPDX-License-Identifier: ISC
"""Mail that reaches OpenSMTPD in other ways than a client's RCPT: sendmail,
authenticated submission, aliases, a .forward file, bounces.  All of it is
enforced alike."""
import os
import pathlib

from labkit import opensmtpd_lab, tap
from labkit.lab import Message

LATER = 901  # seconds, after which a host may be probed again
ALIASES = """\
root: alice
postmaster: alice
bob: bob@good.test
ann: bob@plain.test
both: bob@good.test, bob@plain.test
mallory: mallory
"""
# A recipient of ours whose mail goes to good.test, and one for plain.test.
LOCAL = ('bob@sender.test', 'ann@sender.test')
REMOTE = ('bob@good.test', 'bob@plain.test')


def forward(lab):
    path = pathlib.Path('/run/lab/home/mallory/.forward')
    path.write_text('bob@good.test\nbob@plain.test\n')
    os.chown(path, 1996, 1996)
    pathlib.Path('/etc/aliases').write_text(ALIASES)
    lab.mta.ctl('update', 'table', 'aliases')


def as_sent(message, rcpts):
    """The message as it is after aliases: these are its recipients."""
    message.rcpts = list(rcpts)
    return message


def send_all(lab):
    """Pairs of a name and a message for both remote recipients."""
    yield 'a client on this machine', lab.send(*REMOTE)
    yield 'sendmail', lab.sendmail(*REMOTE)
    yield 'a user who has authenticated', lab.send_auth(*REMOTE)
    for name, rcpts in (('aliases', LOCAL), ('one alias for both',
                                             ['both@sender.test']),
                        ('.forward', ['mallory@sender.test'])):
        yield f'{name}, sendmail', as_sent(lab.sendmail(*rcpts), REMOTE)
        yield f'{name}, a client', as_sent(lab.send(*rcpts), REMOTE)
        yield f'{name}, a user', as_sent(lab.send_auth(*rcpts), REMOTE)


def bounce(lab, sender):
    """The bounce of a message from that sender."""
    mark = lab.mta.log_file.size()
    message = lab.send('nobody@reject.test', sender=sender)
    tap.until(lambda: len(lab.mta.log_file.accepted(mark)) == 2, 30)
    return Message(message.tag, lab.mta.log_file.accepted(mark)[-1], [sender])


def enforced(lab):
    lab.domain('good.test', 'enforce', mx=['mx.good.test'])
    lab.domain('plain.test', 'enforce', mx=[('mx.plain.test', 'nostarttls')])
    lab.domain('reject.test', 'enforce', mx=[('mx.reject.test', 'reject')])
    lab.dns.commit()
    forward(lab)
    messages = dict(send_all(lab))
    good, bad = (bounce(lab, sender) for sender in REMOTE)
    lab.settle([*messages.values(), good, bad])
    for name, message in messages.items():
        tap.ok(lab.mta.tried(message), f'{name}: both recipients are tried')
        lab.expect_delivered(message, f'{name}: delivered under TLS',
                             rcpt=REMOTE[0], tls=True)
        lab.expect_deferred(message, 'TLS required|mx_no_starttls',
                            f'{name}: deferred', rcpt=REMOTE[1])
    lab.expect_delivered(good, 'a bounce: delivered under TLS', tls=True)
    lab.expect_deferred(bad, 'TLS required|mx_no_starttls',
                        'a bounce: deferred')
    lab.mx.add('mx.plain.test')
    lab.later(LATER)
    mark = lab.now()
    lab.mta.run_queue()
    tap.until(lambda: lab.probed('plain.test') >= int(mark), 10)
    lab.mta.run_queue()
    for name, message in {**messages, 'a bounce': bad}.items():
        lab.expect_delivered(message, f'{name}: delivered once there is '
                             'STARTTLS', rcpt=REMOTE[1], tls=True)


def only_bounces(lab):
    """The two refusals that this test makes itself."""
    return [line for line in lab.mta.bounces()
            if 'nobody@reject.test' not in line]


for version in opensmtpd_lab.VERSIONS:
    with opensmtpd_lab.running(version, users=True) as lab:
        enforced(lab)
        tap.same(only_bounces(lab), [], 'nothing else bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
