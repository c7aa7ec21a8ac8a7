# SPDX-License-Identifier: ISC
"""Nothing fails open: a clock in 1970, a day before the build, a year ahead.  All
certificates of this world are valid at all of these times, so that it is not
they that make mail wait; but those of policy hosts have run out a year ahead,
as they would.

A clock before the build, or more than a day behind the newest fetch, is known
to be wrong, and no other domain is asked about it: what is not known waits
until a fetch succeeds.  A clock that is ahead is not guessed at: a policy host
whose certificate has run out by it has no policy.  Once the clock is set right,
what was recorded in the future is asked for again, without an operator."""
import subprocess
import time

from labkit import matrix, paths, sabotage, tap
from labkit.matrix import NO_TLS, PLAIN, Row, run

# An expired certificate is a failed fetch, and that is no policy.
AHEAD = {'cold': PLAIN, 'cold-free': PLAIN}


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
    """Seconds from now."""
    text = (sabotage.STATE / 'newest').read_text()
    return int(text.split('fetched: ')[1].split('\n')[0]) - time.time()


def fetched(domain):
    """Seconds from now."""
    path = next(sabotage.STATE.glob(f'policies/*/{domain}'))
    return int(path.read_text().split('fetched: ')[1].split('\n')[0]) - \
        time.time()


def test_fetched_in_the_future(lab):
    """Then the clock looks as if it were behind, until a fetch succeeds."""
    known = plain(lab, 'future.test')
    timeless(known)
    with ahead(lab):
        tap.same(sent(lab, known), NO_TLS, 'ahead: a policy is found')
        lab.mta.empty_queue()
    tap.ok(newest() > sabotage.YEAR - 3600, 'it is the newest of the store')
    domain = free(lab, 'free1.test')
    mark = lab.now()
    tap.same(sent(lab, domain), 'waits: clock',
             'set right: that there is no record is not taken from it')
    tap.same(lab.policy_requests(known, mark), 0,
             'and no other domain is asked about the clock')
    lab.policies.serve(known, None)
    tap.same(sent(lab, known), NO_TLS, 'a policy from the future is enforced')
    tap.ok(tap.until(lambda: lab.policy_requests(known, mark), 10),
           'and fetched again')
    tap.ok(newest() > sabotage.YEAR - 3600,
           'where that fails it is still the newest')
    tap.same(sent(lab, plain(lab, 'fresh.test')), NO_TLS,
             'a policy is fetched as ever')
    tap.ok(abs(newest()) < 600, 'which sets the newest right')
    tap.same(sent(lab, domain), PLAIN, 'and then no record is no policy')
    lab.policies.serve(known, lab.policies.text('enforce', [f'mx.{known}']))
    sent(lab, known)
    tap.ok(tap.until(lambda: abs(fetched(known)) < 600, 10),
           'the policy from the future is replaced once its host answers')


def test_certificate(lab):
    """Certificates that have run out by that clock; no other is valid."""
    lab.forget()
    domain = plain(lab, 'month.test')
    with ahead(lab):
        tap.same(sent(lab, domain), PLAIN,
                 'ahead, and the certificate has expired by that clock: a '
                 'failed fetch, so no policy')
    tap.same(sent(lab, domain), NO_TLS,
             'set right: what failed in the future is asked for again')
    known = plain(lab, 'known.test')
    tap.same(sent(lab, known), NO_TLS, 'a policy of a week')
    with ahead(lab):
        subprocess.run([paths.COMMAND, 'cache', 'refresh'], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tap.ok(list(sabotage.STATE.glob(f'policies/*/{known}')),
               'ahead: a refresh removes nothing that seems to be unused')
        tap.same(sent(lab, known), PLAIN,
                 'ahead: a policy that has expired by that clock')
        tap.ok(list(sabotage.STATE.glob(f'policies/*/{known}')),
               'which a failed fetch does not remove either')
    tap.same(sent(lab, known), NO_TLS, 'set right: it is in force again')


lab = run('clock', [
    # Exim bounces, after one failure more, what is 56 years old by its date,
    # so the hosts are good when the clock is.
    Row('clock-1970', 'clock', late=False),
    Row('clock-before-build', 'clock', late=False),
    Row('clock-year-ahead', 'clock', AHEAD, dated=True),
], in_no_time=True)
test_fetched_in_the_future(lab)
test_certificate(lab)
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.done()
