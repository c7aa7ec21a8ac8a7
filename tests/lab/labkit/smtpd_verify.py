# SPDX-License-Identifier: ISC
"""Other mail for the same host or address: what it can do to ours, and what
ours does to it."""
import re
import time

from labkit import smtpd_stress, tap
from labkit.opensmtpd_lab import SmtpdLab

OUR_CA = ' tls ca mta-sts-roots domain <mta-sts>'
WITHOUT = ' tls domain <mta-sts>'
WEAK = '''
action "weak" relay host "smtp+tls://HOST" tls no-verify
match from local for domain "weak.test" action "weak"
'''
EACH = 8


def _edit(host, own_ca):
    """The example with another action for this host, before its own rules."""
    def edit(body):
        rule = '\nmatch from any for domain'
        if OUR_CA not in body or rule not in body:
            raise RuntimeError('the example has changed')
        body = body.replace(rule, WEAK.replace('HOST', host) + rule, 1)
        return body if own_ca else body.replace(OUR_CA, WITHOUT)
    return edit


def _arrived(lab, messages):
    return [message for message in messages if lab.mx.messages(message.tag)]


def _mixed(lab, domain):
    """Ours right behind the other action's, whose session is still there, to
    a host whose certificate nobody should trust: what was carried."""
    address = lab.mx.addresses[f'mx.{domain}']
    before = len(lab.mta.log_file.errors(address))
    weak = [lab.send('bob@weak.test') for _ in range(EACH)]
    tap.until(lambda: _arrived(lab, weak) == weak, 20, 0.1)
    ours = [lab.send(f'bob@{domain}') for _ in range(EACH)]
    tap.until(lambda: len(lab.mta.log_file.errors(address)) > before or
              _arrived(lab, ours) == ours, 20, 0.1)
    failed = len(lab.mta.log_file.errors(address)) > before
    time.sleep(2)
    return len(_arrived(lab, weak)), len(_arrived(lab, ours)), failed


def no_verify(version, leaks):
    """`leaks`: whether this version needs the name of our own."""
    lab = SmtpdLab(version)
    domains = ('without.test', 'with.test')
    for domain in domains:
        lab.domain(domain, 'enforce', mx=[(f'mx.{domain}', 'good',
                                           'selfsigned')])
    lab.dns.commit()
    lab.configure(probe='off')
    for domain, own_ca in zip(domains, (False, True)):
        lab.mta.configure(edit=_edit(f'mx.{domain}', own_ca))
        lab.mta.start()
        weak, ours, failed = _mixed(lab, domain)
        what = 'a ca name of our own' if own_ca else 'no ca name of our own'
        tap.same(weak, EACH, f'{what}: the other action delivers')
        if leaks and not own_ca:
            tap.ok(ours, f'{what}: {ours} of ours leak')
        else:
            tap.ok(failed, f'{what}: smtpd tried')
            tap.same(ours, 0, f'{what}: none of ours is carried')
        smtpd_stress.is_well(lab, what)
        lab.mta.empty_queue()
        lab.mta.stop()


FIRST_RETRY = 400   # seconds until a second attempt
PENALTY = 15        # seconds that smtpd avoids an address after one failure
SLACK = 8


def _share(lab):
    """A strict domain and one without a policy, their hosts at one address;
    the certificate is the second one's."""
    lab.domain('strict.test', 'enforce', mx=[
        ('mx.strict.test', 'good', 'good', 'mx.other.test')])
    lab.dns.set('mx.other.test', 'A',
                lab.mx.addresses['mx.strict.test'])
    lab.dns.set('other.test', 'MX', '10 mx.other.test.')


def _connections(lab, mark):
    """Of smtpd, where it must verify."""
    return len(re.findall(r'mta connecting address=smtp\+tls:',
                          lab.mta.log_file.text(mark)))


def _seconds_of_other(lab):
    """Until a message of the other domain has arrived."""
    began = time.monotonic()
    message = lab.send('bob@other.test')
    tap.until(lambda: _arrived(lab, [message]), 80, 0.1)
    return time.monotonic() - began if _arrived(lab, [message]) else 999


def _retry(lab, message):
    """What the queue says of a message that waits."""
    for line in lab.mta.ctl('show', 'queue').splitlines():
        if line.startswith(message.id):
            return line.split('|')[-3:]
    return None


def shared_address(version):
    """smtpd avoids an address whose first session failed, whoever's the mail:
    a short time, and once, since the host is then known to be no use."""
    lab = SmtpdLab(version)
    _share(lab)
    lab.dns.commit()
    lab.configure()
    lab.mta.configure()
    lab.mta.start()
    address = lab.mx.addresses['mx.strict.test']
    strict = lab.send('bob@strict.test')
    tap.until(lambda: lab.mta.log_file.errors(address), 20, 0.05)
    began = time.monotonic()
    other = lab.send('bob@other.test')
    lab.expect_deferred(other, 'Network error on destination MXs',
                        'mail of others for the address waits')
    state, seconds, _why = _retry(lab, other)
    tap.diag(f'their next attempt: {state}, in {seconds} s')
    tap.ok(int(seconds) <= FIRST_RETRY, f'at most {FIRST_RETRY} s later')
    tap.until(lambda: 'Enabling route' in lab.mta.log(), 60, 0.1)
    avoided = time.monotonic() - began
    tap.diag(f'the address is avoided for {avoided:.1f} s')
    tap.ok(avoided < PENALTY + SLACK, f'not above {PENALTY} s')
    waited = _seconds_of_other(lab)
    tap.diag(f'then mail of others takes {waited:.1f} s')
    tap.ok(waited < SLACK, 'then others are free')
    lab.expect_deferred(strict, 'cert|ssl_check|Cannot retrieve', 'ours waits')
    mark = lab.mta.log_file.size()
    for _ in range(3):
        lab.mta.run_queue()
    tap.same(_connections(lab, mark), 0, 'later attempts do not connect')
    tap.same(lab.mta.log_file.text(mark).count('Disabling'), 0,
             'nor harm others')
    lab.expect_delivered(other, 'what waited has gone out')
    smtpd_stress.is_well(lab, 'shared address')
    tap.done()
