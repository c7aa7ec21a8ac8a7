# SPDX-License-Identifier: ISC
"""With "require verify = sender", mail that comes in is accepted as without
the plugin, whatever is wrong on this machine, and no MAIL FROM makes us ask
for a policy.  With no_verify_sender removed the same faults refuse mail: the
test can fail."""
import pathlib
import re

from labkit import faults, inbound, tap
from labkit.exim import Exim
from labkit.lab import Lab

numbers = iter(range(10000))


def stranger(lab):
    """A domain that has a policy, and that nothing is known of."""
    domain = f'stranger{next(numbers)}.test'
    lab.domain(domain, 'enforce', mx=[f'mx.{domain}'])
    lab.dns.commit()
    return domain


def receive(lab, domain, tag):
    return inbound.deliver(f'eve@{domain}', 'alice@mail.sender.test',
                           lab.text(tag, ['alice@mail.sender.test']))


def in_mailbox(tag):
    box = pathlib.Path('/var/mail/alice')
    return box.exists() and f'X-Lab-Tag: {tag}\n' in box.read_text()


def check(lab, name):
    domain = stranger(lab)
    tag = 'in-' + domain
    mark = lab.now()
    replies = receive(lab, domain, tag)
    if not tap.same(replies.get('data'), 250, f'{name}: accepted'):
        tap.diag(replies)
    tap.ok(tap.until(lambda: in_mailbox(tag), 10), f'{name}: in the mailbox')
    tap.same(lab.txt_queries(domain, mark), 0,
             f'{name}: the sender made no query')


def verifying(text):
    """That the configuration verifies senders at all."""
    assert re.search(r'verify\s*=\s*sender', text)
    return text


def without_option(text):
    changed, count = re.subn(r'^\s*no_verify_sender\n', '', text, flags=re.M)
    assert count >= 3, count
    return changed


for flavour in ('single', 'debian'):
    macros = {'CHECK_RCPT_VERIFY_SENDER': 'true'} \
        if flavour == 'debian' else {}
    lab = Lab(Exim(flavour))
    lab.macros, lab.edit = macros, verifying
    lab.reconfigure()
    lab.mta.start()
    check(lab, f'{flavour}, no fault')
    replies = receive(lab, 'no-such-domain.test', 'in-none')
    tap.ok(replies['rcpt'] in (550, 451),
           f'{flavour}: an unroutable sender is refused, as ever')
    for name in faults.FAULTS:
        with faults.fault(lab, name):
            check(lab, f'{flavour}, {name}')
    tap.same([line for line in lab.mta.panics().splitlines()
              if ' dlopen "/' not in line and ' dlsym "' not in line], [],
             f'{flavour}: no panic but of the objects that cannot be loaded')
    lab.edit = without_option
    lab.reconfigure()
    with faults.fault(lab, 'object-missing'):
        domain = stranger(lab)
        replies = receive(lab, domain, 'in-' + domain)
        tap.same(replies['rcpt'], 451,
                 f'{flavour}, no_verify_sender removed: a fault refuses mail')
    lab.mta.stop()
tap.done()
