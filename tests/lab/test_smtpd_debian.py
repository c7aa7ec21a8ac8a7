# SPDX-License-Identifier: ISC
"""Debian's own smtpd.conf with what MTA-STS needs added to it, as it is
shipped, on both versions."""
import json
import os
import time

from labkit import opensmtpd_lab, paths, tap
from labkit.opensmtpd import CONF, EXAMPLES

SHIPPED = (EXAMPLES / 'debian/smtpd.conf').read_text(encoding='utf-8')
STOCK = {'6.8': 'debian-12.in', '7.6': 'debian-13.in'}
DATA = paths.LAB / 'src/tests/unit/data/opensmtpd/enable'
DOMAINS = ('strict.test', 'notls.test', 'plain.test')


def as_shipped(_body):
    return SHIPPED


def arrange(lab):
    """The host that the policy does not permit comes first."""
    lab.domain('strict.test', 'enforce', ['mx2.strict.test'],
               mx=['mx1.strict.test', 'mx2.strict.test'])
    lab.domain('notls.test', 'enforce', mx=[('mx.notls.test', 'nostarttls')])
    lab.domain('plain.test', mx=[('mx.plain.test', 'nostarttls')])
    lab.dns.commit()


def accepted(lab):
    """By whom the file is read, besides smtpd while it runs."""
    tap.same(CONF.read_text(encoding='utf-8'), SHIPPED,
             'the file is as shipped')
    done = lab.mta.check()
    tap.same((done.returncode, done.stdout.strip()), (0, 'configuration OK'),
             'smtpd -n accepts it')
    done = lab.mta.inside(paths.COMMAND, 'config', 'check',
                          '--smtpd', str(CONF))
    tap.same((done.returncode, done.stdout.splitlines()),
             (0, ['note: TLS reports are off: organization and contact are '
                  'not set', 'no problem found']),
             'mta-sts config check --smtpd finds no problem')


def status(lab, name, wanted):
    """The findings of `mta-sts status` that are errors or warnings, and what it
    could not see."""
    done = lab.mta.inside(paths.COMMAND, 'status', '--json')
    seen = json.loads(done.stdout)
    found = [(one['severity'], one['text'].split(':')[0])
             for one in seen['findings'] if one['severity'] != 'note']
    if not tap.same((done.returncode, found, seen['unseen']),
                    (1 if wanted else 0, wanted, []), f'status, {name}'):
        tap.diag(done.stdout)


def not_restarted(lab):
    """The file is as it has to be, and smtpd runs without it."""
    lab.mta.stop()
    CONF.write_bytes((DATA / STOCK[lab.mta.version]).read_bytes())
    lab.mta.start()
    CONF.write_text(SHIPPED, encoding='utf-8')
    status(lab, 'a restart that was forgotten', [
        ('error', 'smtpd runs, but without the filter and the table of this '
                  'file')])
    lab.mta.restart()
    status(lab, 'restarted', [])
    time.sleep(2)
    os.utime(CONF)
    # On a busy machine the start seems later.
    tap.until(lambda: lab.mta.inside(paths.COMMAND, 'status').returncode, 60)
    status(lab, 'changed after the start', [
        ('warning', 'smtpd was started before this file was changed, and '
                    'goes by what was in it then')])
    lab.mta.stop()
    done = lab.mta.inside(paths.COMMAND, 'status')
    tap.like(done.stdout, 'note: smtpd does not run', 'status, stopped: said')
    tap.same(done.returncode, 0, 'status, stopped: no mail leaves at all')
    lab.mta.start()


def carried(lab, name, send):
    """One message with a recipient of each kind."""
    rcpts = [f'{name}@{domain}' for domain in DOMAINS]
    message = send(*rcpts)
    lab.settle([message])
    lab.expect_delivered(message, f'{name}, enforce: under TLS to the '
                         'permitted host', rcpt=rcpts[0], tls=True,
                         host='mx2.strict.test')
    lab.expect_deferred(message, 'TLS required|mx_no_starttls',
                        f'{name}, enforce without STARTTLS: deferred',
                        rcpt=rcpts[1])
    lab.expect_delivered(message, f'{name}, no policy: in clear',
                         rcpt=rcpts[2], tls=False, host='mx.plain.test')


for version in opensmtpd_lab.VERSIONS:
    with opensmtpd_lab.running(version, edit=as_shipped) as lab:
        arrange(lab)
        accepted(lab)
        status(lab, 'as it is set up', [])
        not_restarted(lab)
        carried(lab, 'sendmail', lab.sendmail)
        carried(lab, 'client', lab.send)
        tap.same(lab.mx.connections('mx1.strict.test'), [],
                 'a host that is not permitted is not contacted')
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
