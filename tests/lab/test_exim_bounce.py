# SPDX-License-Identifier: ISC
"""Where a policy stops mail, Exim's log says at each attempt that the policy demands
it, and the bounce says so, and what to do, when the mail has waited too long.  Other
bounces, of the same domain too, are as without MTA-STS."""
import pathlib
import re
import smtplib
import time

from labkit import tap
from labkit.exim import Exim
from labkit.lab import SENDER, Lab

WAIT = 2  # seconds that mail may wait; four days in the files
MAILBOX = pathlib.Path('/var/mail/alice')
OF_POLICY = 'demands, by a policy that it publishes (MTA-STS, RFC 8461)'
CASES = (('expired.test', ('mx.expired.test', 'good', 'expired'), 'certificate'),
         ('plain.test', ('mx.plain.test', 'nostarttls'), 'did not offer TLS'))


def impatient(text):
    """The retry rules with seconds for days."""
    return re.sub(r'time_eval:4d', f'time_eval:{WAIT}s',
                  text.replace('F,2h,15m; G,16h,1h,1.5; F,4d,6h', 'F,2s,1s'))


def bounce_of(lab, message):
    """The text of the bounce that tells of a message, or ''."""
    def found():
        text = MAILBOX.read_text() if MAILBOX.exists() else ''
        return [part for part in re.split(r'(?m)^From (?=\S+ )', text)
                if f'X-Lab-Tag: {message.tag}\n' in part]
    tap.until(found, 20)
    return (found() or [''])[0]


def stopped(lab, domain, reason):
    message = lab.send(f'bob@{domain}')
    lab.expect_deferred(message, reason, f'{domain}: waits')
    said = re.search(r' MTA-STS: (the policy .*)', lab.mta.log_of(message.id))
    tap.same(said and said[1],
             f'the policy of {domain} demands TLS with a valid certificate for '
             f'mx.{domain}, or its mail waits; see: mta-sts query --probe '
             f'{domain}', f'{domain}: the log says who demands it, and what to do')
    time.sleep(WAIT + 1)
    lab.mta.run_queue()
    text = bounce_of(lab, message)
    plain = ' '.join(text.split())
    tap.ok(OF_POLICY in plain and f'bob@{domain}' in plain and
           'retry timeout exceeded' in plain,
           f'{domain}: so does the bounce') or tap.diag(text)
    tap.ok('What you can do: tell the recipient' in plain,
           f'{domain}: with what to do')
    tap.ok(re.search(r'(?m)^Subject: Mail delivery failed: returning message to '
                     r'sender$', text) and 'multipart/report' in text,
           f'{domain}: in the form that Exim gives to each bounce')


def refused(lab, domain, what):
    message = lab.send(f'bob@{domain}')
    text = bounce_of(lab, message)
    tap.ok('550 5.1.1' in text and 'MTA-STS' not in text, what) or \
        tap.diag(text)


def said_to(smtp, rcpt, tag):
    """A message over this connection; returns its id."""
    smtp.mail(SENDER)
    tap.same(smtp.rcpt(rcpt)[0], 250, f'{rcpt}: taken')
    _code, reply = smtp.data(Lab.text(tag, [rcpt]).encode())
    return re.search(r'id=(\S+)', reply.decode()).group(1)


def one_connection(lab):
    """Exim that delivers by forking, where the process that takes mail in has
    verified a recipient whose policy is enforced."""
    lab.edit = lambda text: 'deliver_drop_privilege = true\n' + impatient(text)
    lab.reconfigure()
    with smtplib.SMTP('127.0.0.1', 25, timeout=60) as smtp:
        smtp.ehlo('client.sender.test')
        first = said_to(smtp, 'bob@again.test', 'again')
        tap.ok(tap.until(lambda: f'{first} == bob@again.test' in lab.mta.log(),
                         20), 'the first of a connection waits for its TLS')
        second = said_to(smtp, 'bob@unknown.test', 'unknown')
        tap.ok(tap.until(lambda: f'{second} Completed' in lab.mta.log(), 20),
               'the second is refused')
    # No mailbox takes it, since Exim cannot become its user.
    bounce = re.search(rf'(\S+) <= <> R={second} ', lab.mta.log())
    text = lab.mta.run('-Mvb', bounce[1]) if bounce else ''
    tap.ok('550 5.1.1' in text and 'MTA-STS' not in text,
           'and its bounce has no word of the policy of the first') or \
        tap.diag(text or lab.mta.log())


def run(flavour):
    lab = Lab(Exim(flavour))
    for domain, host, _reason in CASES:
        lab.domain(domain, 'enforce', mx=[host])
    lab.domain('again.test', 'enforce', mx=[('mx.again.test', 'good', 'expired')])
    lab.domain('unknown.test', 'enforce', mx=[('mx.unknown.test', 'reject')])
    lab.domain('nopolicy.test', None, mx=[('mx.nopolicy.test', 'reject')])
    lab.dns.commit()
    lab.configure()
    if flavour == 'debian':
        lab.macros = {'MTA_STS_RETRY_UNTIL': f'{WAIT}s'}
    lab.edit = impatient
    lab.reconfigure()
    lab.mta.start()
    for domain, _host, reason in CASES:
        stopped(lab, domain, reason)
    refused(lab, 'unknown.test', 'an unknown user of such a domain: no word of it')
    refused(lab, 'nopolicy.test', 'a domain without a policy: no word of it')
    tap.same(lab.mta.panics(), '', f'{flavour}: nothing in the panic log')
    if flavour == 'single':
        one_connection(lab)
    lab.mta.stop()


MAILBOX.unlink(missing_ok=True)
run('debian')
run('single')
tap.done()
