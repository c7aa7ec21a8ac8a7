# SPDX-License-Identifier: ISC
"""mta-sts enable opensmtpd where smtpd runs as a service: it is restarted, and what
waits leaves after `disable`.  A filter that dies four seconds after the start: the
first time the old file is back, and smtpd runs with it; later the file stays.  Mail
that was accepted with MTA-STS leaves under policies or by `disable`, also from an
encrypted queue."""
import concurrent.futures
import os
import pathlib
import shutil
import signal
import time

from labkit import opensmtpd_lab, paths, tap
from labkit.opensmtpd import CONF, FILTERS, QUEUE

STOCK = {'6.8': 'debian-12.in', '7.6': 'debian-13.in'}
DATA = paths.LAB / 'src/tests/unit/data/opensmtpd/enable'
SYSTEMD = pathlib.Path('/run/systemd/system')
SYSTEMCTL = """#!/bin/sh
main() { cat /run/smtpd-main; }
runs() { [ -d /proc/$(main) ] && [ "$(cat /proc/$(main)/comm)" = smtpd ]; }
case $1 in
is-active)
	[ "$2" = opensmtpd ] && runs ;;
restart)
	! runs || kill $(main)
	while runs || smtpctl show stats >/dev/null 2>&1; do sleep 0.1; done
	timeout 900 sh -c 'echo $$ >/run/smtpd-main; exec smtpd -d' \\
		</dev/null >>LOG 2>&1 &
	sleep 0.2 ;;
esac
"""
DYING = """#!/bin/sh
(sleep 4; kill -9 $$) &
exec FILTER.real
"""


def serve(lab):
    """smtpd as a unit of a systemd that is no more than a script."""
    lab.mta.stop()
    script = lab.mta.root / 'usr/local/bin/systemctl'
    script.write_text(SYSTEMCTL.replace('LOG', str(lab.mta.log_file.path)))
    script.chmod(0o755)
    SYSTEMD.mkdir(parents=True, exist_ok=True)
    pathlib.Path('/run/smtpd-main').write_text('0')
    start(lab)


def start(lab):
    lab.mta.inside('systemctl', 'restart', 'opensmtpd')
    tap.until(lambda: 'uptime' in lab.mta.ctl('show', 'stats'), 60)


def end(lab):
    os.kill(int(pathlib.Path('/run/smtpd-main').read_text()), signal.SIGTERM)
    tap.until(lambda: 'smtpd' not in lab.mta.processes().values(), 60)
    SYSTEMD.rmdir()


def command(lab, *words):
    done = lab.mta.inside(paths.COMMAND, *words)
    for line in done.stdout.splitlines():
        tap.diag(line)
    return done.returncode, done.stdout


def running(lab):
    return sorted(name for name in lab.mta.processes().values()
                  if name.endswith('-mta-sts'))


def break_filter(lab):
    real = lab.mta.root / FILTERS / 'filter-mta-sts'
    real.rename(f'{real}.real')
    real.write_text(DYING.replace('FILTER', f'/{FILTERS}/filter-mta-sts'))
    real.chmod(0o755)


def repair_filter(lab):
    real = lab.mta.root / FILTERS / 'filter-mta-sts'
    pathlib.Path(f'{real}.real').rename(real)


def send_when_on(lab):
    """A message to smtpd as soon as it serves with the new file."""
    tap.until(lambda: running(lab).count('table-mta-sts') == 2 and
              'uptime' in lab.mta.ctl('show', 'stats'), 60)
    return lab.sendmail('bob@notls.test')


def envelopes():
    return list(QUEUE.glob('*/*/' + '[0-9a-f]' * 16))


def expect_left(lab, message, name):
    """In the queue, and no attempt brings it out."""
    lab.mta.ctl('schedule', 'all')
    time.sleep(3)
    tap.same((len(envelopes()), lab.mx.messages(message.tag)), (1, []), name)


def dead(lab, message):
    """It is on, the file is newer than what runs, and the filter dies."""
    break_filter(lab)
    wanted = CONF.read_bytes()
    time.sleep(2)
    os.utime(CONF)
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, 'smtpd does not serve: with the file as it is' in said,
              CONF.read_bytes() == wanted), (1, True, True),
             'enable says that it does not come up, and leaves the file')
    expect_left(lab, message, 'no mail leaves by that')
    repair_filter(lab)
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, 'MTA-STS is on once smtpd is started' in said), (0, True),
             'enable, once the filter is repaired')
    start(lab)
    expect_left(lab, message, 'it enforces, for mail from before as well')


def good(lab, stock):
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, 'MTA-STS is on;' in said, running(lab)),
             (0, True, ['filter-mta-sts', 'table-mta-sts', 'table-mta-sts']),
             'enable restarts smtpd, and it is on')
    message = lab.sendmail('bob@notls.test')
    lab.settle([message])
    lab.expect_deferred(message, 'TLS required|mx_no_starttls', 'it enforces')
    dead(lab, message)
    code, said = command(lab, 'disable', 'opensmtpd')
    tap.same((code, CONF.read_bytes(), lab.mta.envelopes(), running(lab)),
             (0, stock, {}, []),
             'disable restarts smtpd, has sent what waited, and restored the '
             'file')
    lab.expect_delivered(message, 'what waited has left', tls=False)


def dying(lab, stock):
    break_filter(lab)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send_when_on, lab)
        code, said = command(lab, 'enable', 'opensmtpd')
        early = sent.result()
    tap.same((code, 'the old file is back' in said, CONF.read_bytes(),
              running(lab), 'uptime' in lab.mta.ctl('show', 'stats')),
             (1, True, stock, [], True),
             'a filter that dies after the start: as it was before')
    tap.ok('1 recipient(s) wait under actions that' in said,
           'mail that was accepted meanwhile is told of')
    message = lab.sendmail('bob@notls.test')
    lab.expect_delivered(message, 'other mail leaves', tls=False)
    tap.until(lambda: not lab.mta.envelopes(), 30)
    expect_left(lab, early, 'smtpd leaves the one from before alone')
    repair_filter(lab)
    tap.same(command(lab, 'enable', 'opensmtpd')[0], 0,
             'enable, once the filter is repaired')
    lab.expect_deferred(early, 'TLS required|mx_no_starttls',
                        'it is tried, under its policy')
    tap.same((command(lab, 'disable', 'opensmtpd')[0], CONF.read_bytes()),
             (0, stock), 'disable')
    lab.expect_delivered(early, 'brings it out', tls=False)


def sealed(lab, stock):
    """Only smtpd can read its queue: disable brings out what came before."""
    tap.same(command(lab, 'enable', 'opensmtpd')[0], 0,
             'an encrypted queue: enable')
    message = lab.sendmail('bob@notls.test')
    lab.settle([message])
    lab.expect_deferred(message, 'TLS required|mx_no_starttls', 'it enforces')
    tap.same({path.read_bytes()[:1] for path in envelopes()}, {b'\1'},
             'its envelopes are encrypted')
    code, said = command(lab, 'disable', 'opensmtpd')
    tap.same((code, '1 recipient(s) are in an encrypted queue' in said,
              CONF.read_bytes() == stock, running(lab)),
             (0, True, True, []), 'disable brings it out')
    lab.expect_delivered(message, 'which has left', tls=False)
    later(lab, stock)


def tried(lab, message):
    lab.mta.ctl('schedule', 'all')
    return lab.mx.messages(message.tag)


def later(lab, stock):
    """Mail that does not leave, from before and from after disable."""
    for domain in ('dead.test', 'late.test'):
        lab.dns.set(f'mx.{domain}', 'A', '127.0.0.99')
        lab.dns.set(domain, 'MX', f'10 mx.{domain}.')
    lab.dns.commit()
    command(lab, 'enable', 'opensmtpd')
    before = lab.sendmail('bob@dead.test')
    code, said = command(lab, 'disable', 'opensmtpd')
    tap.same((code, 'still in the encrypted queue' in said,
              CONF.read_bytes() == stock), (0, True, False),
             'the actions stay for mail that does not leave')
    time.sleep(2)
    lab.sendmail('bob@late.test')
    lab.mx.add('mx.dead.test', 'nostarttls')
    lab.dns.commit()
    tap.until(lambda: tried(lab, before), 60, 1)
    tap.until(lambda: len(envelopes()) == 1, 10)
    tap.same((command(lab, 'disable', 'opensmtpd')[0],
              CONF.read_bytes() == stock, len(envelopes())), (0, True, 1),
             'the next disable does not wait for what came later')


KEY = 'queue encryption "0123456789abcdef0123456789abcdef"\n'
for version, what, head in ((opensmtpd_lab.VERSIONS[0], dying, ''),
                            (opensmtpd_lab.VERSIONS[-1], good, ''),
                            (opensmtpd_lab.VERSIONS[0], sealed, KEY),
                            (opensmtpd_lab.VERSIONS[-1], sealed, KEY)):
    stock = head + (DATA / STOCK[version]).read_text(encoding='utf-8')
    with opensmtpd_lab.running(version, edit=lambda _body: stock) as lab:
        lab.domain('notls.test', 'enforce', mx=[('mx.notls.test',
                                                 'nostarttls')])
        lab.dns.commit()
        serve(lab)
        what(lab, stock.encode())
        lab.mta.empty_queue()
        end(lab)
        for path in envelopes():  # what was tried just then
            shutil.rmtree(path.parent)
tap.done()
