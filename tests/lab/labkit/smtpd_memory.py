# SPDX-License-Identifier: ISC
"""What smtpd, the filter and the table hold after much work."""
from labkit import smtpd_stress, tap
from labkit.opensmtpd_lab import SmtpdLab

WAITING = 1000      # envelopes in the queue
ROUNDS = 10         # attempts at each
BATCH = 100         # recipients of a message
GROWN = 400         # KB that a program of ours may differ
LEAK_MAX = 20       # KB for one answer: more would be another leak


def _resident(lab):
    """Kilobytes: of ours by name, and of all processes of smtpd."""
    found = {name: sum(map(smtpd_stress.resident,
                           smtpd_stress.pids(lab, name)))
             for name in (smtpd_stress.FILTER, smtpd_stress.TABLE)}
    found['smtpd'] = sum(map(smtpd_stress.resident,
                             smtpd_stress.smtpd_pids()))
    return found


def _errors(lab):
    """How often smtpd was told an error instead of a host."""
    return lab.mta.log().count('Failed to retrieve smarthost')


def error_answers(version):
    """10,000 delivery attempts for a policy that permits none of the MX
    hosts: the table answers each with an error."""
    lab = SmtpdLab(version)
    lab.domain('never.test', 'enforce', ['other.never.test'],
               mx=['mx.never.test'])
    lab.domain('known.test', 'enforce', mx=['mx.known.test'])
    lab.dns.commit()
    lab.configure()
    lab.mta.configure()
    lab.mta.start()
    lab.expect_delivered(lab.send('bob@known.test'), 'at first', tls=True)
    for number in range(WAITING // BATCH):
        lab.send(*(f'b{number}-{rcpt}@never.test' for rcpt in range(BATCH)))
    tap.until(lambda: _errors(lab) >= WAITING, 30, 0.2)
    before, errors = _resident(lab), _errors(lab)
    tap.same(errors, WAITING, 'each envelope is tried once')
    for number in range(1, ROUNDS + 1):
        lab.mta.ctl('schedule', 'all')
        tap.until(lambda: _errors(lab) >= errors + number * WAITING, 30, 0.1)
    tap.same(_errors(lab) - errors, ROUNDS * WAITING, 'error answers')
    after = _resident(lab)
    for name, kilobytes in after.items():
        tap.diag(f'{name}: {before[name]} KB before, {kilobytes} KB after')
    grown = (after['smtpd'] - before['smtpd']) / (ROUNDS * WAITING)
    tap.diag(f'smtpd has grown by {grown:.2f} KB with each')
    tap.ok(grown < LEAK_MAX, f'by less than {LEAK_MAX} KB')
    for name in (smtpd_stress.FILTER, smtpd_stress.TABLE):
        tap.ok(before[name] and after[name] <= before[name] + GROWN,
               f'{name} has not grown')
    tap.same(len(lab.mta.envelopes()), WAITING, 'all is in the queue still')
    lab.expect_delivered(lab.send('bob@known.test'), 'at last', tls=True)
    smtpd_stress.is_well(lab, 'errors')
    tap.done()
