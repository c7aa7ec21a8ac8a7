# SPDX-License-Identifier: ISC
"""Debian's own smtpd.conf with what MTA-STS needs added to it, as it is
shipped, on both versions."""
from labkit import opensmtpd_lab, paths, tap
from labkit.opensmtpd import CONF, EXAMPLES

SHIPPED = (EXAMPLES / 'debian/smtpd.conf').read_text(encoding='utf-8')
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
        carried(lab, 'sendmail', lab.sendmail)
        carried(lab, 'client', lab.send)
        tap.same(lab.mx.connections('mx1.strict.test'), [],
                 'a host that is not permitted is not contacted')
        tap.same(lab.mta.bounces(), [], 'nothing bounced')
        tap.same(lab.mta.panics(), '', 'nothing died')
tap.done()
