# SPDX-License-Identifier: ISC
"""What deliveries ask the network, and what a policy outlives.  Entries are
aged by a test-only writer.  The rows of tests/vectors/cache_state.tsv are
named; tests/unit/resolver/resolver_cache.py has them all at the resolver's level.

Whether a domain is enforced is seen at an MX host without STARTTLS: mail
waits, or arrives in clear text."""
import pathlib
import re
import subprocess
import time

from labkit import paths, tap
from labkit.exim import Exim
from labkit.lab import Lab

RECHECK = 300
DAY = 86400

lab = Lab(Exim('single'))


def plain(domain, mode='enforce', **policy):
    """A domain whose only MX host has no STARTTLS."""
    lab.domain(domain, mode, mx=[(f'mx.{domain}', 'nostarttls')], **policy)
    lab.dns.commit()


def verdict(domain):
    """What becomes of a new message now."""
    lab.mta.forget_retries()
    message = lab.send(f'bob@{domain}')
    lab.settle([message])
    return lab.outcome(message).verdict


def enforced(domain, name):
    return tap.same(verdict(domain), 'deferred', name)


def free(domain, name):
    return tap.same(verdict(domain), 'delivered', name)


def asked(domain, mark):
    """(record queries, policy requests) since a mark."""
    return lab.txt_queries(domain, mark), lab.policy_requests(domain, mark)


def record(domain, id_=None):
    id_ = lab.policies.record(domain, id_)
    lab.dns.commit()
    return id_


def expires(domain):
    """When the entry ends, as its file has it."""
    for path in pathlib.Path(paths.STATE).glob(f'policies/*/{domain}'):
        return int(re.search('^expires: ([0-9]+)$', path.read_text(),
                             re.M).group(1))
    return None


def refresh(*domain):
    return subprocess.run([paths.COMMAND, 'cache', 'refresh', *domain],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)


def test_recheck():
    domain = 'a1.test'
    plain(domain)
    mark = lab.now()
    enforced(domain, 'CAC-001: the first message finds the policy')
    tap.same(asked(domain, mark), (1, 1), 'with one query and one request')
    mark = lab.now()
    enforced(domain, 'CAC-030: the second is decided')
    tap.same(asked(domain, mark), (0, 0), 'without query or request')
    lab.policies.serve(domain, None)
    lab.age(domain, RECHECK + 1)
    mark = lab.now()
    enforced(domain, 'CAC-004: past recheck, same id, policy host broken')
    tap.same(asked(domain, mark), (1, 0), 'costs one query, no request')


def test_new_id():
    domain = 'a2.test'
    lab.domain(domain, 'enforce', mx=['old.a2.test'])
    lab.dns.commit()
    lab.expect_delivered(lab.send(f'bob@{domain}'), 'the old policy holds',
                         tls=True, host='old.a2.test')
    lab.domain(domain, 'enforce', mx=['new.a2.test'])
    lab.dns.commit()
    # Exim verifies the recipient at RCPT, and the router that defers has the
    # policy fetched again then: before the delivery, on a busy machine.
    lab.policies.serve(domain, None)
    lab.expect_deferred(lab.send(f'bob@{domain}'), 'no MX host',
                        'within recheck the old policy goes on')
    lab.domain(domain, 'enforce', mx=['new.a2.test'])
    lab.dns.commit()
    lab.age(domain, RECHECK + 1)
    lab.mta.forget_retries()
    lab.expect_delivered(lab.send(f'bob@{domain}'),
                         'then the new id replaces the policy',
                         tls=True, host='new.a2.test')


def test_mode_none():
    domain = 'a3.test'
    plain(domain)
    enforced(domain, 'enforce holds')
    lab.policies.publish(domain, 'none')
    lab.dns.commit()
    lab.age(domain, RECHECK + 1)
    free(domain, 'CAC-033: mode none, fetched, lifts it')


def test_gone():
    for domain, what, txt, host in (
            ('b1.test', 'CAC-009: record gone', 'gone', True),
            ('b2.test', 'CAC-007: new id, policy host gone', 'new', False),
            ('b3.test', 'record and policy host gone', 'gone', False),
            ('b4.test', 'CAC-012: record ill-formed', 'bad', True),
            ('b5.test', 'CAC-013: record SERVFAIL', 'servfail', True),
            ('b6.test', 'CAC-013: record times out', 'timeout', True)):
        plain(domain)
        enforced(domain, f'{domain}: enforced at first')
        if txt in ('servfail', 'timeout'):
            lab.dns.behave(f'_mta-sts.{domain}', txt)
        elif txt == 'bad':
            lab.dns.set(f'_mta-sts.{domain}', 'TXT', '"v=STSv1; id=*;"')
        else:
            lab.policies.record(domain, '' if txt == 'gone' else None)
        if not host:
            lab.dns.set(f'mta-sts.{domain}', 'A')
        lab.dns.commit()
        lab.age(domain, RECHECK + 1)
        enforced(domain, f'{what}: still enforced')
        lab.age(domain, 2 * 604800)
        free(domain, f'{what}, and the policy has expired: delivered')


def test_back_off():
    domain = 'c1.test'
    plain(domain)
    lab.policies.serve(domain, None)
    mark = lab.now()
    free(domain, 'a policy that cannot be fetched is no policy')
    tap.same(lab.policy_requests(domain, mark), 1, 'after one request')
    lab.policies.serve(domain, lab.policies.text('enforce', [f'mx.{domain}']))
    mark = lab.now()
    free(domain, 'CAC-015: a second message within five minutes')
    tap.same(lab.policy_requests(domain, mark), 0,
             'makes no request for that id')
    record(domain)
    mark = lab.now()
    enforced(domain, 'CAC-016: a new id')
    tap.same(lab.policy_requests(domain, mark), 1, 'makes one at once')

    domain = 'c2.test'
    plain(domain)
    lab.policies.serve(domain, None)
    free(domain, 'another that cannot be fetched')
    lab.policies.serve(domain, lab.policies.text('enforce', [f'mx.{domain}']))
    lab.age(domain, RECHECK + 1)
    mark = lab.now()
    enforced(domain, 'CAC-017: the same id after five minutes')
    tap.same(lab.policy_requests(domain, mark), 1, 'is asked for again')


def test_refresh():
    domain = 'd1.test'
    plain(domain)
    enforced(domain, 'to be refreshed')
    lab.age(domain, DAY + 1)
    record(domain, '')
    before = expires(domain)
    done = refresh(domain)
    tap.same(done.returncode, 0, 'CAC-018: a refresh with the record gone')
    tap.diag(done.stdout)
    after = expires(domain)
    tap.ok(before and after and DAY - 60 <= after - before <= DAY + 60,
           'extends the policy from that fetch on')
    lab.policies.serve(domain, None)
    lab.age(domain, DAY + 1)
    before = expires(domain)
    done = refresh(domain)
    tap.same((done.returncode, expires(domain)), (1, before),
             'CAC-020: one that fails says so and keeps the policy')
    enforced(domain, 'which stays in force')
    lab.policies.serve(domain, lab.policies.text('none'))
    lab.age(domain, RECHECK + 1)
    refresh(domain)
    free(domain, 'CAC-025: a change without a new id is seen by a refresh')


def test_due():
    """RFC 8461 10.2: mail does not wait for a refresh, and starts it."""
    domain = 'd4.test'
    plain(domain)
    enforced(domain, 'to be fetched again by mail')
    lab.policies.serve(domain, None)
    lab.age(domain, DAY + 1)
    before, mark = expires(domain), lab.now()
    enforced(domain, 'due, and the policy host is broken: in force')
    tap.ok(tap.until(lambda: lab.policy_requests(domain, mark), 10),
           'though nobody changed the id it is asked for')
    tap.same(expires(domain), before, 'and kept as it was')
    mark = lab.now()
    enforced(domain, 'the next message')
    tap.same(asked(domain, mark), (0, 0), 'asks nothing: that was just now')
    lab.policies.serve(domain, lab.policies.text('testing', [f'mx.{domain}']))
    lab.age(domain, RECHECK + 1)
    mark = lab.now()
    verdict(domain)  # of one Exim process, the next may know better
    tap.ok(tap.until(lambda: expires(domain) != before - RECHECK - 1, 10),
           'the host is back: a policy that is due is replaced behind a message')
    tap.same(lab.policy_requests(domain, mark), 1, 'with one request')
    free(domain, 'for the next message')


def test_refresh_of_all():
    """Without a domain: what is due, and nothing else."""
    lab.forget()
    for domain in ('d2.test', 'd3.test'):
        plain(domain)
        enforced(domain, f'{domain}: to be refreshed with all others')
    lab.policies.publish('d2.test', 'none')
    lab.dns.commit()
    lab.age('d2.test', DAY + 1)
    mark = lab.now()
    result = refresh()
    tap.same(result.returncode, 0, 'a refresh of all')
    tap.ok(re.search(r'^fetched 1, not due \d+, failed 0$', result.stdout,
                     re.M), 'AGE-2: says what was fetched and what was not due')
    tap.same(lab.policy_requests('d3.test', mark), 0,
             'CAC-022: leaves out what was updated just now')
    mark = lab.now()
    free('d2.test', 'CAC-019: and stores the policy of a new id')
    tap.same(asked('d2.test', mark), (0, 0), 'which the next message finds')


def test_clock():
    """An entry that a wrong clock dated."""
    domain = 'f1.test'
    plain(domain)
    enforced(domain, 'an entry')
    future = int(time.time()) + 365 * DAY
    lab.set_field(domain, 'fetched', future)
    lab.set_field(domain, 'checked', future)
    lab.set_field(domain, 'expires', future + 365 * DAY)
    mark = lab.now()
    enforced(domain, 'CAC-048: fetched in the future: still enforced')
    tap.ok(lab.txt_queries(domain, mark) > 0,
           'but its record is asked for again')


def short_retries(text):
    """Exim gives up soon."""
    changed, count = re.subn(r'^\*  +\* +F,.*$', '* * F,2s,1s',
                             text.replace('time_eval:4d', 'time_eval:2s'),
                             flags=re.M)
    assert count == 1
    return changed


def test_last_attempt():
    """RFC 8461 5.1(3): the record is asked for before a permanent failure."""
    lab.edit = short_retries
    lab.reconfigure()
    waiting = {}
    for domain in ('g1.test', 'g2.test'):
        plain(domain)
        message = lab.send(f'bob@{domain}')
        lab.expect_deferred(message, 'TLS', f'{domain}: waits')
        waiting[domain] = message
        lab.age(domain, RECHECK + 1)
    lab.policies.publish('g1.test', 'none')
    lab.dns.commit()
    time.sleep(3)  # until the retry rule has given up
    mark = lab.now()
    lab.mta.run_queue(force=False)
    lab.expect_delivered(waiting['g1.test'],
                         'CAC-035: the last attempt finds the new policy')
    tap.same([lab.txt_queries(domain, mark) for domain in waiting], [1, 1],
             'each record was asked for')
    tap.same(lab.outcome(waiting['g2.test']).verdict, 'bounced',
             "CAC-035: with the same id Exim's own rule decides")


def test_max_age():
    domain = 'e1.test'
    plain(domain, max_age=0)
    mark = lab.now()
    enforced(domain, 'max_age 0: enforced')
    enforced(domain, 'within recheck too')
    tap.same(asked(domain, mark), (1, 1), 'with one query and one request')
    lab.age(domain, RECHECK + 1)
    mark = lab.now()
    enforced(domain, 'then fetched again')
    tap.same(asked(domain, mark), (1, 1), 'with one more of each')
    record(domain, '')
    lab.age(domain, RECHECK + 1)
    free(domain, 'CAC-029: gone, it is soon forgotten')

    domain = 'e2.test'
    plain(domain, max_age=60)
    enforced(domain, 'a short policy')
    lab.policies.publish(domain, 'testing', [f'mx.{domain}'])
    lab.dns.commit()
    lab.age(domain, RECHECK + 1)
    free(domain, 'CAC-005: expired, the new one holds')

    domain = 'e3.test'
    plain(domain, max_age=60)
    enforced(domain, 'another short policy')
    lab.policies.serve(domain, None)
    record(domain)
    lab.age(domain, RECHECK + 1)
    free(domain, 'CAC-008: expired, new id, policy host broken: no policy')


def test_names():
    plain('parent.test')
    lab.domain('sub.parent.test', mx=[('mx.sub.test', 'nostarttls')])
    lab.dns.commit()
    mark = lab.now()
    free('sub.parent.test', 'CAC-044: a subdomain has no policy of its parent')
    tap.same(asked('parent.test', mark), (0, 0), 'and the parent is not asked')
    plain('testing.test', 'testing')
    free('testing.test', 'CAC-032: testing is not enforced')
    mark = lab.now()
    free('sub.parent.test', 'no record: the next message')
    tap.same(asked('sub.parent.test', mark), (0, 0),
             'makes no query within negative-ttl')


lab.mta.configure()
lab.mta.start()
lab.configure(dns_timeout=3)
test_recheck()
test_new_id()
test_mode_none()
test_gone()
test_back_off()
test_refresh()
test_due()
test_refresh_of_all()
test_max_age()
test_names()
test_clock()
tap.same(lab.mta.bounces(), [], 'nothing bounced')
test_last_attempt()
tap.same(lab.mta.panics(), '', 'no panic')
tap.done()
