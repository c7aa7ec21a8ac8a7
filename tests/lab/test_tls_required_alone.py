# SPDX-License-Identifier: ISC
"""A mail with "TLS-Required: No" leaves in clear text for a host whose TLSA
records protect all other mail, and none of that follows it over the same
connection.  In one transport with the mail for domains that want reports it
would: Exim asks for TLSA records only before it opens a connection."""
import re

from labkit import scenarios, tap, tlsrpt
from labkit.exim import Exim
from labkit.lab import SENDER, Lab, Message

COUNT = 3


def of_one_transport(text):
    """As if both kinds of mail were the report transport's."""
    changed, count = re.subn(
        r'(?m)^  transport = remote_smtp_mta_sts_not_required$',
        '  transport = remote_smtp_mta_sts_report', text)
    assert count == 1, count
    changed, count = re.subn(
        r'(?ms)^(remote_smtp_mta_sts_report:.*?^  hosts_try_dane =) \*$',
        r'\1 ${if eq{$h_TLS-Required:}{No}{}{*}}', changed)
    assert count == 1, count
    return changed


def arrange(lab):
    for row in tlsrpt.load():
        if row.name == 'dane-no-starttls':
            tlsrpt.arrange(lab, row)
            lab.dns.commit()
            lab.configure(**tlsrpt.SETTINGS)
            return row.ascii_domain
    raise KeyError('dane-no-starttls')


def send_without(lab, rcpt):
    tag = lab._tag()
    text = 'TLS-Required: No\n' + lab.text(tag, [rcpt])
    return Message(tag, lab.mta.submit(SENDER, [rcpt], text), [rcpt])


def arrived(lab, messages):
    return sum(len(lab.mx.messages(m.tag)) for m in messages)


def run(lab, domain):
    """Mail that waits for the host; then one that need not."""
    waiting = [lab.send_queued(f'bob@{domain}') for _ in range(COUNT)]
    lab.mta.run_queue()
    lab.mta.run_queue()
    before = arrived(lab, waiting)
    lab.mta.forget_retries()
    alone = send_without(lab, f'bob@{domain}')
    lab.settle([alone])
    tap.until(lambda: not lab.mta.children(), 20)
    found = before, arrived(lab, [alone]), arrived(lab, waiting)
    lab.mta.empty_queue()
    return found


for flavour in ('single', 'debian'):
    lab = Lab(Exim(flavour))
    domain = arrange(lab)
    with scenarios.setup(lab, 'trust-ad'):
        lab.mta.configure()
        lab.mta.start()
        tap.same(run(lab, domain), (0, 1, 0),
                 f'{flavour}: DANE stops all mail but that one')
        lab.mta.stop()
        if flavour == 'single':
            lab.mta.configure(edit=of_one_transport)
            lab.mta.start()
            tap.same(run(lab, domain), (0, 1, COUNT),
                     'in one transport the others follow it')
            lab.mta.stop()
tap.done()
