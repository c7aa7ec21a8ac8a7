# SPDX-License-Identifier: ISC
"""Nothing fails open: a clock in 1970, a week behind, a year ahead.  All
certificates of this world are valid at all of these times, so that it is not
they that make mail wait; but those of policy hosts have run out a year ahead,
as they would.

By them a clock that is ahead is known.  Where they are valid it cannot be told
from a machine that was silent so long: what is not known is looked up, by the
network as ever.  Once the clock is mended, what was recorded in the future is
asked for again, without an operator."""
import subprocess

from labkit import matrix, paths, sabotage, tap
from labkit.matrix import NO_TLS, PLAIN, Row, run

# That there is no record does not hang on the clock.
NO_RECORD = {'cold-free': PLAIN, 'lax-free': PLAIN}


def free(lab, name):
    """A domain without a policy."""
    lab.domain(name, mx=[(f'mx.{name}', 'nostarttls')])
    lab.dns.commit()
    return name


def plain(lab, name):
    """One with a policy whose host has no STARTTLS."""
    lab.domain(name, 'enforce', mx=[(f'mx.{name}', 'nostarttls')])
    lab.dns.commit()
    return name


def sent(lab, domain):
    lab.mta.forget_retries()
    message = lab.send(f'bob@{domain}')
    lab.settle([message])
    return matrix.cell(lab, message)


def ahead(lab):
    """Exim bounces, at such a time, what waits in the queue."""
    lab.mta.empty_queue()
    return sabotage.apply(lab, 'clock-year-ahead')


def timeless(domain):
    bundle = paths.CERTS / 'host' / f'good-mta-sts.{domain}.pem'
    matrix.timeless(bundle, [f'mta-sts.{domain}'])


def newest():
    text = (sabotage.STATE / 'newest').read_text()
    return text.split('domain: ')[1].split('\n')[0]


def test_witness(lab):
    """The newest fetch lies in the future: its domain is fetched again."""
    witness = plain(lab, 'witness.test')
    timeless(witness)
    with ahead(lab):
        tap.same(sent(lab, witness), NO_TLS, 'ahead: a policy is found')
    tap.same(newest(), witness, 'it is the newest of the store')
    mark = lab.now()
    tap.same(sent(lab, free(lab, 'free1.test')), PLAIN,
             'mended: a domain without a record is seen to be one')
    tap.same(lab.policy_requests(witness, mark), 1,
             'after one request for the policy of the newest')
    mark = lab.now()
    tap.same(sent(lab, free(lab, 'free2.test')), PLAIN, 'so is the next')
    tap.same(lab.policy_requests(witness, mark), 0, 'without a request')


def test_witness_gone(lab):
    """Its policy host is gone: what has no record waits until any policy is
    fetched."""
    witness = plain(lab, 'gone.test')
    timeless(witness)
    with ahead(lab):
        tap.same(sent(lab, witness), NO_TLS, 'ahead: another policy')
    lab.policies.serve(witness, None)
    domain = free(lab, 'free3.test')
    tap.same(sent(lab, domain), 'waits: clock',
             'mended, the newest cannot be fetched: no record is not believed')
    tap.same(sent(lab, witness), NO_TLS, 'the newest itself is enforced')
    tap.same(sent(lab, plain(lab, 'fresh.test')), NO_TLS,
             'a policy is fetched as ever')
    tap.same(sent(lab, domain), PLAIN, 'and then no record is believed')


def test_certificate(lab):
    """Certificates that have run out by that clock."""
    domain = plain(lab, 'month.test')
    with ahead(lab):
        tap.same(sent(lab, domain), 'waits: clock',
                 'ahead, and the certificate has expired by that clock: so '
                 'has that of the domain fetched last, so it is the clock')
        tap.same(newest(), 'fresh.test', 'the domain fetched last')
    tap.same(sent(lab, domain), NO_TLS,
             'mended: what failed in the future is asked for again')
    known = plain(lab, 'known.test')
    tap.same(sent(lab, known), NO_TLS, 'a policy of a week')
    tap.same(sent(lab, plain(lab, 'last.test')), NO_TLS, 'and another')
    with ahead(lab):
        subprocess.run([paths.COMMAND, 'cache', 'refresh'], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tap.ok(list(sabotage.STATE.glob(f'policies/*/{known}')),
               'ahead: a refresh removes nothing that seems to be unused')
        tap.same(sent(lab, known), 'waits: clock',
                 'ahead: a policy that has expired by that clock')
        # Which other one, is as the directory has it.
        tap.diag('ahead, the same of the domain fetched last, where another '
                 f'one is asked: {sent(lab, "last.test")}')
    tap.same(sent(lab, known), NO_TLS, 'mended: it is in force again')


lab = run('clock', [
    # Exim bounces, after one failure more, what is 56 years old by its date,
    # so the hosts are good when the clock is.
    Row('clock-1970', 'clock', late=False),
    Row('clock-week-behind', 'clock', late=False),
    Row('clock-year-ahead', 'clock', NO_RECORD, dated=True),
], in_no_time=True)
test_witness(lab)
test_witness_gone(lab)
test_certificate(lab)
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.done()
