# SPDX-License-Identifier: ISC
"""A policy that permits none of the MX hosts is fetched again, whatever its
id: publishers correct the file and forget the id.  And `domain NAME enforce`
in mta-sts.conf.  Where a permitted host has
no usable address that is said, and nothing is fetched."""
from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

lab = Lab()
for flavour in ('single', 'debian'):
    for name in ('mended', 'wrong'):
        domain = f'{name}-{flavour}.test'
        lab.mx.add(f'mx.{domain}')
        lab.dns.set(domain, 'MX', f'10 mx.{domain}.')
        lab.policies.publish(domain, 'enforce', [f'old.{domain}'])
lab.domain('testing.test', 'testing', ['mx.testing.test'],
           mx=[('mx.other.test', 'good')])
lab.dns.set('mx.private.test', 'A', '10.1.2.3')
lab.dns.set('private.test', 'MX', '10 mx.private.test.')
lab.policies.publish('private.test', 'enforce', ['mx.private.test'])
lab.dns.commit()

for flavour in ('single', 'debian'):
    lab.configure()
    lab.mta = Exim(flavour)
    lab.mta.configure()
    lab.mta.start()
    domain = f'mended-{flavour}.test'
    wrong = f'wrong-{flavour}.test'
    reason = f'no MX host of {domain} is permitted'
    message = lab.send(f'bob@{domain}')
    lab.expect_deferred(message, reason, f'{flavour}: no MX host is permitted')
    tap.until(lambda: lab.policy_requests(domain) >= 2, 10)
    tap.same(lab.policy_requests(domain), 2,
             f'{flavour}: the policy is fetched again at once')
    lab.expect_deferred(lab.send(f'bob@{wrong}'), 'is permitted',
                        f'{flavour}: another such domain')
    tap.until(lambda: lab.policy_requests(wrong) >= 2, 10)
    # The file is corrected, its id is not; ten minutes pass.
    lab.policies.serve(domain, lab.policies.text('enforce', [f'mx.{domain}']))
    lab.mta.run_queue()
    lab.expect_deferred(message, reason, f'{flavour}: within ten minutes')
    tap.same(lab.policy_requests(domain), 2, f'{flavour}: it is not fetched '
             'a third time')
    lab.age(domain, 601)
    lab.mta.run_queue()
    tap.until(lambda: lab.policy_requests(domain) >= 3, 10)
    tap.same(lab.policy_requests(domain), 3,
             f'{flavour}: after ten minutes it is')
    tap.until(lambda: lab.mta.run_queue() is not None and
              not lab.mta.queue().get(message.id), 10)
    lab.expect_delivered(message, f'{flavour}: the next queue run delivers',
                         tls=True)
    lab.expect_deferred(lab.send('bob@' + wrong), 'is permitted',
                        f'{flavour}: what was not corrected waits')
    lab.expect_delivered(lab.send('bob@testing.test'),
                         f'{flavour}: a testing policy holds nothing back')
    with open('/etc/mta-sts.conf', 'a', encoding='ascii') as file:
        file.write('domain testing.test enforce\n')
    lab.expect_deferred(lab.send('bob@testing.test'),
                        'no MX host of testing.test is permitted',
                        f'{flavour}: "domain testing.test enforce"')
    mark = lab.now()
    lab.forget('private.test')
    lab.expect_deferred(
        lab.send('bob@private.test'), 'no permitted MX host of private.test '
        'has a usable address', f'{flavour}: a private address is called so')
    tap.same(lab.policy_requests('private.test', mark), 1,
             f'{flavour}: and its policy is not fetched again')
    lab.mta.stop()
    lab.mta.empty_queue()
    lab.mta.forget_retries()
tap.done()
