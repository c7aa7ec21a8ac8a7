# SPDX-License-Identifier: ISC
"""`mta-sts enable exim` with files of the kind that Hestia, cPanel and DirectAdmin
write."""
import os
import pathlib

from labkit import enabling, paths, tap
from labkit.exim import SINGLE, Exim
from labkit.lab import Lab

lab = Lab(Exim('debian'))
lab.domain('good.test', 'enforce', mx=['mx1.good.test'])
lab.dns.commit()
lab.mta.configure(fragments=False)

for path in ('/etc/exim4/domains', '/etc/virtual'):
    os.makedirs(path, exist_ok=True)
for path in ('/etc/exim.pl', '/etc/exim.pl.local'):
    pathlib.Path(path).write_text(
        ''.join(f'sub {name} {{ return "{value}"; }}\n' for name, value in (
            ('sender_domain_can_dkim_sign', 'no'), ('mailtrapheaders', ''),
            ('get_dkim_domain', ''), ('check_limits', 'yes'),
            ('check_mail_permissions', 'no'), ('check_forward_only', 'no'),
            ('check_mail_permissions_results', ':unknown:'))) + '1;\n')
for name in ('localdomains', 'secondarymx', 'relayhosts', 'mailips',
             'demouids', 'virtual/domains', 'virtual/pophosts',
             'exim4/white-blocks.conf', 'exim4/mailhelo.conf'):
    pathlib.Path('/etc', name).write_text('x.invalid: y\n')
for name in ('hestia', 'cpanel', 'directadmin'):
    SINGLE.write_text(f'MTA_STS_SO = {paths.OBJECT}\n' +
                      (enabling.PANELS / f'{name}.conf').read_text())
    before = enabling.picture()
    result = enabling.enable()
    tap.diag(result[1])
    enabling.succeeded(result, f'{name}: enable')
    tap.like(result[1], 'no daemon of Exim was found by its file, "/run/exim',
             f'{name}: a daemon that is not found is the operator\'s')
    tap.like(lab.mta.run('-bt', 'bob@good.test'),
             'router = mta_sts_enforce, transport = remote_smtp_mta_sts\n',
             f'{name}: an enforcing domain goes the new way')
    enabling.succeeded(enabling.disable(), f'{name}: disable')
    enabling.same(before, f'{name}: every file is as before')
tap.done()
