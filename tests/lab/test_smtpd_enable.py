# SPDX-License-Identifier: ISC
"""mta-sts enable opensmtpd, with the smtpd.conf of Debian as it is installed,
on both versions: nothing is enforced before, all is afterwards, local mail is
delivered all the time; and back.  Where it is refused, where the disk is full and
where it is killed, smtpd.conf is as it was."""
import pathlib
import shutil
import signal
import smtplib
import subprocess
import time

from labkit import opensmtpd_lab, paths, tap
from labkit.opensmtpd import CONF

STOCK = {'6.8': 'debian-12.in', '7.6': 'debian-13.in'}
DATA = paths.LAB / 'src/tests/unit/data/opensmtpd/enable'
MAILDIR = pathlib.Path('/run/lab/home/alice/Maildir/new')
SMALL = pathlib.Path('/var/small')
KILLED_AFTER = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12)


def command(lab, *words):
    """Its exit status, and what it printed."""
    done = lab.mta.inside(paths.COMMAND, *words)
    for line in done.stdout.splitlines():
        tap.diag(line)
    return done.returncode, done.stdout


def arrange(lab):
    """The host that the policy does not permit comes first."""
    lab.domain('strict.test', 'enforce', ['mx2.strict.test'],
               mx=['mx1.strict.test', 'mx2.strict.test'])
    lab.domain('notls.test', 'enforce', mx=[('mx.notls.test', 'nostarttls')])
    lab.domain('plain.test', mx=[('mx.plain.test', 'nostarttls')])
    lab.dns.commit()


def local(lab, name):
    before = len(list(MAILDIR.glob('*')))
    lab.sendmail('alice@localhost')
    tap.ok(tap.until(lambda: len(list(MAILDIR.glob('*'))) == before + 1, 30),
           f'{name}: local mail is delivered')


def off(lab, name):
    """As without MTA-STS."""
    message = lab.sendmail('bob@notls.test')
    lab.expect_delivered(message, f'{name}: nothing is enforced', tls=False)
    local(lab, name)


def on(lab):
    strict = lab.sendmail('bob@strict.test')
    notls = lab.sendmail('bob@notls.test')
    plain = lab.sendmail('bob@plain.test')
    lab.settle([strict, notls, plain])
    lab.expect_delivered(strict, 'on: under TLS to the permitted host',
                         tls=True, host='mx2.strict.test')
    lab.expect_deferred(notls, 'TLS required|mx_no_starttls',
                        'on: without STARTTLS it waits')
    lab.expect_delivered(plain, 'on: no policy, as before', tls=False)
    local(lab, 'on')
    return notls


def switch(lab, stock):
    off(lab, 'before')
    lab.mta.stop()
    shutil.rmtree(paths.STATE)
    code, said = command(lab, 'enable', 'opensmtpd', '--dry-run')
    tap.same((code, CONF.read_bytes(), pathlib.Path(paths.STATE).exists()),
             (0, stock, False), '--dry-run changes nothing')
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, 'mta-sts setup --user opensmtpd' in said,
              '+match from local for domain <mta-sts> action "mta-sts"' in
              said), (0, True, True), 'enable shows each step')
    tap.same(lab.mta.check().stdout.strip(), 'configuration OK',
             'smtpd takes what it made')
    lab.mta.start()
    drain(lab, stock, on(lab))
    lab.mta.empty_queue()
    lab.mta.stop()
    tap.same(command(lab, 'disable', 'opensmtpd')[0], 0, 'disable')
    tap.same(CONF.read_bytes(), stock, 'smtpd.conf is as it was')
    lab.mta.start()
    off(lab, 'afterwards')


def drain(lab, stock, message):
    """smtpd does not see what waits under the strict action without it; by the
    action that `disable` adds until then it leaves."""
    # What has left is in the queue for another moment.
    tap.until(lambda: len(lab.mta.envelopes()) == 1, 30)
    waiting = len(lab.mta.envelopes())
    lab.mta.stop()
    code, said = command(lab, 'disable', 'opensmtpd')
    tap.same((code, b'\naction "mta-sts" relay\n' in CONF.read_bytes(),
              CONF.read_bytes().startswith(stock)), (0, True, True),
             'disable with mail in the queue adds actions for it')
    lab.mta.start()
    code, said = command(lab, 'disable', 'opensmtpd')
    tap.same((waiting, code, lab.mta.envelopes(), CONF.read_bytes()),
             (1, 0, {}, stock),
             'once smtpd is started it leaves, and smtpd.conf is as it was')
    lab.expect_delivered(message, 'as without MTA-STS', tls=False)


def relay(sender, rcpt):
    """What a program of this machine is answered at the hold listener."""
    with smtplib.SMTP('127.0.0.1', 10587, timeout=90) as smtp:
        smtp.ehlo('program.test')
        smtp.mail(sender)
        return smtp.rcpt(rcpt)[0]


def senders(lab, stock):
    """Where only one sender may send from this machine."""
    some = stock.replace(b'match from local for any',
                         b'match from local mail-from "a@sender.test" for any')
    lab.mta.stop()
    CONF.write_bytes(some)
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, b'match tag HELD from local for any reject' in
              CONF.read_bytes()), (0, True), 'a rule for one sender: enable')
    lab.mta.start()
    tap.same([relay(sender, 'bob@plain.test')
              for sender in ('a@sender.test', 'b@sender.test')], [250, 550],
             'the hold listener takes mail of this sender only')
    lab.forget('plain.test')
    held = lab.sendmail('bob@plain.test', sender='a@sender.test')
    lab.expect_delivered(held, 'whose mail is held, and leaves', tls=False)
    lab.mta.stop()
    command(lab, 'disable', 'opensmtpd')
    tap.same(CONF.read_bytes(), some, 'smtpd.conf is as it was')
    CONF.write_bytes(stock)
    lab.mta.start()


def broken(lab, stock):
    CONF.write_bytes(stock + b'match for everybody\n')
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, f'{CONF}:{stock.count(10) + 1}: syntax error' in said,
              CONF.read_bytes()),
             (1, True, stock + b'match for everybody\n'),
             'a broken smtpd.conf: what smtpd says, nothing is changed')
    CONF.write_bytes(stock)


def full(lab, stock):
    """smtpd.conf, then the record, on a disk with no room."""
    record = pathlib.Path('/var/lib/mta-sts-enable')
    for place, name in ((SMALL, 'beside smtpd.conf'), (record, 'for the record')):
        place.mkdir(exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=16k,mode=755',
                        'tmpfs', place], check=True)
        file = SMALL / 'smtpd.conf' if place == SMALL else CONF
        file.write_bytes(stock)
        file.chmod(0o600)
        with open(place / 'filler', 'wb', buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    pass
            except OSError:
                pass
        code, said = command(lab, 'enable', 'opensmtpd', str(file))
        tap.same((code, 'No space left on device' in said, file.read_bytes(),
                  [path.name for path in file.parent.glob('smtpd.conf?*')]),
                 (3, True, stock, []),
                 f'no room {name}: nothing is changed')
        subprocess.run(['umount', place], check=True)


def killed(lab, stock):
    """At some moments; tests/unit tries each."""
    bad = []
    for seconds in KILLED_AFTER:
        child = subprocess.Popen(
            ['chroot', str(lab.mta.root), paths.COMMAND, 'enable',
             'opensmtpd'], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if lab.mta.check().returncode:
            bad.append(('smtpd -n', seconds))
        lab.mta.inside(paths.COMMAND, 'disable', 'opensmtpd')
        if CONF.read_bytes() != stock:
            bad.append(('disable', seconds))
    tap.same(bad, [], 'killed: smtpd takes the file, disable gives it back')


for version in opensmtpd_lab.VERSIONS:
    stock = (DATA / STOCK[version]).read_text(encoding='utf-8')
    with opensmtpd_lab.running(version, edit=lambda _body: stock) as lab:
        arrange(lab)
        switch(lab, stock.encode())
        senders(lab, stock.encode())
        broken(lab, stock.encode())
        full(lab, stock.encode())
        killed(lab, stock.encode())
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
