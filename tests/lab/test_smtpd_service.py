# SPDX-License-Identifier: ISC
"""mta-sts enable opensmtpd where smtpd runs as a service: it is restarted, and what
waits leaves after `disable`.  A filter that dies two seconds after the start: the
old file is back, and smtpd runs with it."""
import os
import pathlib
import signal

from labkit import opensmtpd_lab, paths, tap
from labkit.opensmtpd import CONF, FILTERS

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
(sleep 2; kill -9 $$) &
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


def good(lab, stock):
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, 'MTA-STS is on;' in said, running(lab)),
             (0, True, ['filter-mta-sts', 'table-mta-sts', 'table-mta-sts']),
             'enable restarts smtpd, and it is on')
    message = lab.sendmail('bob@notls.test')
    lab.settle([message])
    lab.expect_deferred(message, 'TLS required|mx_no_starttls', 'it enforces')
    code, said = command(lab, 'disable', 'opensmtpd')
    tap.same((code, CONF.read_bytes(), lab.mta.envelopes(), running(lab)),
             (0, stock, {}, []),
             'disable restarts smtpd, has sent what waited, and restored the '
             'file')
    lab.expect_delivered(message, 'what waited has left', tls=False)


def dying(lab, stock):
    real = lab.mta.root / FILTERS / 'filter-mta-sts'
    real.rename(f'{real}.real')
    real.write_text(DYING.replace('FILTER', f'/{FILTERS}/filter-mta-sts'))
    real.chmod(0o755)
    code, said = command(lab, 'enable', 'opensmtpd')
    tap.same((code, 'the old file is back' in said, CONF.read_bytes(),
              running(lab), 'uptime' in lab.mta.ctl('show', 'stats')),
             (1, True, stock, [], True),
             'a filter that dies after the start: as it was before')
    pathlib.Path(f'{real}.real').rename(real)
    message = lab.sendmail('bob@notls.test')
    lab.expect_delivered(message, 'and mail leaves', tls=False)


for version, what in ((opensmtpd_lab.VERSIONS[0], dying),
                      (opensmtpd_lab.VERSIONS[-1], good)):
    stock = (DATA / STOCK[version]).read_text(encoding='utf-8')
    with opensmtpd_lab.running(version, edit=lambda _body: stock) as lab:
        lab.domain('notls.test', 'enforce', mx=[('mx.notls.test',
                                                 'nostarttls')])
        lab.dns.commit()
        serve(lab)
        what(lab, stock.encode())
        lab.mta.empty_queue()
        end(lab)
tap.done()
