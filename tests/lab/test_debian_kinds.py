# SPDX-License-Identifier: ISC
"""Debian's other kinds of configuration: the fragments are inert behind a
smart host, defer where Exim has no dlfunc, and leave literals, hubbed hosts
and backup MX service to the routers that come before or after them."""
import pathlib
import re

from labkit import tap
from labkit.exim import Exim
from labkit.lab import Lab

OURS = ('mta_sts_query', 'mta_sts_enforce', 'mta_sts_no_mx',
        'mta_sts_not_required', 'mta_sts_report')

lab = Lab(Exim('debian'))
lab.domain('enforced.test', 'enforce', mx=['mx1.enforced.test'],
           patterns=['other.enforced.test'])
lab.mx.add('smart.test')
lab.mx.add('plainsmart.test', 'nostarttls')
lab.mx.add('literal.test', 'nostarttls')
lab.dns.commit()


def routers():
    return re.findall(r'^(\w+)$', lab.mta.run('-bP', 'router_list'), re.M)


def with_plugin_gone(text):
    return text.replace('_HAVE_DLFUNC', '_HAVE_NO_SUCH_THING')


lab.mta.configure()
lab.mta.start()
names = routers()
at = names.index('mta_sts_query')
tap.same(names[at - 1:at + 7],
         ['hubbed_hosts', *OURS, 'dnslookup_relay_to_domains', 'dnslookup'],
         'internet site: ours come after hubbed_hosts, before dnslookup')
lab.expect_deferred(lab.send('bob@enforced.test'), 'no MX host',
                    'internet site: enforced')

for kind in ('smarthost', 'satellite'):
    lab.mta.stop()
    lab.mta.configure(kind=kind, smarthost='smart.test::25')
    lab.mta.start()
    tap.same([name for name in routers() if name in OURS], [],
             f'{kind}: no router of ours')
    tap.ok('mta_sts' not in lab.mta.run('-bP', 'transport_list'),
           f'{kind}: no transport of ours')
    mark = lab.now()
    lab.expect_delivered(lab.send('bob@enforced.test'),
                         f'{kind}: goes to the smart host', tls=True,
                         host='smart.test')
    tap.same(lab.txt_queries('enforced.test', mark), 0,
             f'{kind}: nothing is asked')

lab.mta.stop()
lab.mta.configure(kind='smarthost', smarthost='plainsmart.test::25', macros={
    'REMOTE_SMTP_SMARTHOST_HOSTS_REQUIRE_TLS': '*'})
lab.mta.start()
lab.expect_deferred(lab.send('bob@enforced.test'), 'TLS',
                    "smarthost: the guide's macro insists on TLS")

lab.macros = {'MAIN_ALLOW_DOMAIN_LITERALS': 'true'}
lab.reconfigure()
address = lab.mx.addresses['literal.test']
mark = lab.now()
message = lab.send(f'bob@[{address}]')
lab.settle([message])
tap.same(len(lab.mx.messages(message.tag)), 1,
         'an address literal goes to the router before ours')
tap.same([entry for entry in lab.dns.queries(f'_mta-sts.[{address}]',
                                             since=mark)], [],
         'and nothing is asked')

pathlib.Path('/etc/exim4/hubbed_hosts').write_text(
    f'enforced.test: {address}\n')
lab.expect_delivered(lab.send('bob@enforced.test'),
                     'hubbed_hosts is an exception, as the guide says')
pathlib.Path('/etc/exim4/hubbed_hosts').unlink()

lab.macros = {}
lab.edit = with_plugin_gone
lab.domain('anything.test', mx=['mx.anything.test'])
lab.dns.commit()
lab.reconfigure()
tap.same([name for name in routers() if name.startswith('mta_sts')],
         ['mta_sts_no_dlfunc'], 'without dlfunc: one router')
lab.expect_deferred(lab.send('bob@anything.test'),
                    'this Exim binary has no dlfunc', 'which defers')

lab.edit = None
lab.mta.stop()
lab.mta.configure(fragments=False)
lab.mta.start()
lab.mta.forget_retries()
lab.expect_delivered(lab.send('bob@anything.test'),
                     'without the fragments mail flows as before')
tap.done()
