# SPDX-License-Identifier: ISC
"""Mail with "TLS-Required: No" (RFC 8689) leaves although a policy or DANE would
stop it, by TLS where there is TLS; any other header, and the macro that switches
it off, leave it protected."""
from labkit import scenarios, tap
from labkit.exim import Exim
from labkit.lab import SENDER, Lab, Message

EXPIRED, PLAIN, DANE, OUTSIDE = \
    'expired.test', 'plain.test', 'dane.test', 'outside.test'
NO = 'TLS-Required: No\n'


def send(domain, head):
    tag = lab._tag()
    rcpt = f'bob@{domain}'
    return Message(tag, lab.mta.submit(SENDER, [rcpt],
                                       head + lab.text(tag, [rcpt])), [rcpt])


def expect_waits(head, what):
    for domain in (EXPIRED, DANE):
        lab.mta.forget_retries()
        lab.expect_deferred(send(domain, head), 'TLS session',
                            f'{what}: {domain} waits')
        lab.mta.empty_queue()


def expect_leaves(head, what):
    lab.mta.forget_retries()
    for domain, tls in ((EXPIRED, True), (DANE, True), (OUTSIDE, True),
                        (PLAIN, False)):
        lab.expect_delivered(send(domain, head), f'{what}: {domain}', tls=tls)


lab = Lab(Exim('debian'))
lab.domain(EXPIRED, 'enforce', mx=[(f'mx.{EXPIRED}', 'good', 'expired')])
lab.domain(PLAIN, 'enforce', mx=[(f'mx.{PLAIN}', 'nostarttls', 'good')])
lab.domain(OUTSIDE, 'enforce', ['mx.other.test'], mx=[f'mx.{OUTSIDE}'])
for row in scenarios.load():
    if row.name == 'dane-bad':
        DANE = row.domain  # a certificate that is valid, but for another TLSA
        scenarios.arrange(lab, row)
lab.dns.commit()
lab.configure()
with scenarios.setup(lab, 'trust-ad'):
    lab.mta.configure()
    lab.mta.start()
    expect_waits('', 'no header')
    expect_leaves(NO, 'No')
    expect_leaves('tls-required:\tNO\n', 'in other letters')
    expect_waits('TLS-Required: Yes\n', 'Yes')
    expect_waits(NO + NO, 'twice')
    expect_waits('X-TLS-Required: No\n', 'another field')
    lab.reconfigure(MTA_STS_IGNORE_TLS_REQUIRED='yes')
    expect_waits(NO, 'switched off')
tap.done()
