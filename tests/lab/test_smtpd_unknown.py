# SPDX-License-Identifier: ISC
"""`sendmail root` where root is an address elsewhere, on OpenSMTPD.  The target
of an alias passes no filter that could wait, so what counts is what the store
knows, however old; and for a domain never seen, how soon the world answers.
The configuration that holds such mail never loses sight of it."""
import pathlib

from labkit import opensmtpd_lab, tap

DAY = 86400
DEAD_LETTER = pathlib.Path('/run/lab/home/alice/dead.letter')


def alias(lab, target):
    pathlib.Path('/etc/aliases').write_text(f'root: {target}\n')
    lab.mta.ctl('update', 'table', 'aliases')


def sendmail_root(lab, target):
    """The message, or None where sendmail failed; and its exit status."""
    alias(lab, target)
    DEAD_LETTER.unlink(missing_ok=True)
    tag = lab._tag()
    mark = lab.mta.log_file.size()
    status, output = lab.mta.sendmail('alice@mail.sender.test', ['root'],
                                      lab.text(tag, ['root']))
    if output:
        tap.diag(f'sendmail: {output}')
    if status:
        return None, status
    message = opensmtpd_lab.Message(
        tag, lab.mta.log_file.accepted(mark)[-1], [target])
    return message, status


def taken(lab, target, name):
    message, status = sendmail_root(lab, target)
    tap.same((status, DEAD_LETTER.exists()), (0, False),
             f'{name}: sendmail exits 0, no dead.letter')
    return message


def sent(lab, target, name, tls):
    message = taken(lab, target, name)
    if message:
        lab.expect_delivered(message, f'{name}: delivered', tls=tls)


def make(lab, domain, mode, what='good'):
    lab.domain(domain, mode, mx=[(f'mx.{domain}', what)])
    lab.dns.commit()


def known_long_ago(lab):
    make(lab, 'old.test', 'enforce')
    make(lab, 'oldbad.test', 'enforce')
    make(lab, 'oldfree.test', None, 'nostarttls')
    for domain in ('old.test', 'oldbad.test', 'oldfree.test'):
        lab.expect_delivered(lab.send(f'bob@{domain}'), f'{domain} is known')
    lab.configure(resolver='/nonexistent/mta-sts-resolver')
    # max_age is a week: the policies have expired.
    lab.later(29 * DAY)
    lab.mx.add('mx.oldbad.test', 'nostarttls')
    sent(lab, 'bob@old.test', 'an old policy, resolver dead', True)
    sent(lab, 'bob@oldfree.test', 'no policy long ago, resolver dead', False)
    message = taken(lab, 'bob@oldbad.test', 'an old policy, no STARTTLS')
    lab.expect_deferred(message, 'TLS required', 'and still enforced')
    lab.mta.empty_queue()
    lab.configure()
    lab.mta.restart()


def never_seen(lab):
    make(lab, 'new.test', 'enforce')
    sent(lab, 'bob@new.test', 'a policy never seen, the world answers', True)


def nothing_answers(lab):
    """smtpd's sendmail has nowhere to keep what is refused."""
    make(lab, 'mute.test', 'enforce')
    lab.dns.behave('_mta-sts.mute.test', 'timeout')
    # The table waits once in ten seconds.
    lab.mta.restart()
    began = lab.now()
    message, status = sendmail_root(lab, 'bob@mute.test')
    tap.diag(f'never seen, nothing answers: exit {status} after '
             f'{lab.now() - began:.1f} s, dead.letter: '
             f'{DEAD_LETTER.exists()}')
    tap.ok(message is None and status != 0 and DEAD_LETTER.exists(),
           'never seen, nothing answers: sendmail fails and says so, the '
           'message is in dead.letter')
    tap.same(lab.mta.queue(), {}, 'and not in the queue')


def held(lab):
    make(lab, 'mute2.test', 'enforce')
    make(lab, 'mute3.test', None, 'nostarttls')
    for domain in ('mute2.test', 'mute3.test'):
        lab.dns.behave(f'_mta-sts.{domain}', 'timeout')
    messages = [taken(lab, f'bob@{domain}', f'held: {domain} never seen, '
                      'nothing answers')
                for domain in ('mute2.test', 'mute3.test')]
    tap.same(sum(map(len, lab.mta.queue().values())), 2,
             'held: both are in the queue')
    tap.same([lab.mx.messages(message.tag) for message in messages], [[], []],
             'held: and nowhere else')
    for domain in ('mute2.test', 'mute3.test'):
        lab.dns.behave(f'_mta-sts.{domain}', None)
    lab.forget('mute2.test')
    lab.forget('mute3.test')
    arrived = tap.until(lambda: lab.mta.run_queue() or all(
        lab.mx.messages(message.tag) for message in messages), 60, 1)
    tap.ok(arrived, 'held: both are delivered once the world answers')
    tap.same([[entry['tls'] is not None for entry in
               lab.mx.messages(message.tag)] for message in messages],
             [[True], [False]], 'held: once each, as each policy wants it')
    make(lab, 'new2.test', 'enforce')
    message = taken(lab, 'bob@new2.test', 'held: never seen, the world answers')
    tap.ok(tap.until(lambda: lab.mx.messages(message.tag), 20),
           'held: delivered without another attempt')


for version in opensmtpd_lab.VERSIONS:
    with opensmtpd_lab.running(version, example='no-hold.conf') as lab:
        never_seen(lab)
        known_long_ago(lab)
        nothing_answers(lab)
        tap.same(lab.mta.panics(), '', 'nothing died')
    with opensmtpd_lab.running(version) as lab:
        held(lab)
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
