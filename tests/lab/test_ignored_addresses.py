# SPDX-License-Identifier: ISC
"""An operator's list of addresses that no MX host may have can hold a name,
and Exim stops reading a host list where a lookup fails.  The policy holds all
the same."""
from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

LISTS = (
    ('a name whose lookup fails', '<; 127.0.0.0/8 ; broken.test'),
    ('a list that does not exist', '<; +missing'),
    ('addresses alone', '<; 127.0.0.0/8'),
)
MACROS = {'single': 'IGNORED_ADDRESSES',
          'debian': 'ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS'}

lab = Lab()
lab.domain('spoofed.test', 'enforce', ['mx.spoofed.test'],
           mx=['mx.attacker.test'])
lab.domain('deep.test', 'enforce', ['*.deep.test'], mx=['a.b.deep.test'])
lab.domain('good.test', 'enforce', mx=['mx.good.test'])
lab.domain('wild.test', 'enforce', ['*.wild.test'], mx=['MX1.Wild.test'])
lab.dns.behave('broken.test', 'servfail')
lab.dns.commit()
lab.configure()

for flavour, macro in MACROS.items():
    lab.mta = Exim(flavour)
    lab.mta.configure()
    lab.mta.start()
    for what, value in LISTS:
        lab.reconfigure(**{macro: value})
        lab.mta.empty_queue()
        lab.mta.forget_retries()
        what = f'{flavour}: {what}'
        for domain in ('spoofed.test', 'deep.test'):
            lab.expect_deferred(lab.send(f'bob@{domain}'), 'no MX host',
                                f'{what}: {domain} stays here')
        for domain in ('good.test', 'wild.test'):
            lab.expect_delivered(lab.send(f'bob@{domain}'),
                                 f'{what}: {domain} goes out', tls=True)
    lab.mta.stop()
tap.same(lab.mta.bounces(), [], 'nothing bounced')
tap.done()
