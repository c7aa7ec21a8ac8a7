# SPDX-License-Identifier: ISC
"""Each line of the configuration that enforces is needed: with it removed,
a row of scenarios.tsv that has to be deferred is delivered.  So the rows can
fail, and no line is there for show."""
import re

from labkit import scenarios, tap
from labkit.exim import Exim
from labkit.lab import Lab

# What is removed or changed, and which row then leaks.
MUTANTS = (
    ('no host list', r'^  ignore_target_hosts = .*r_mta_sts_ign.*\n', '',
     'not-in-policy'),
    ('no host list', r'^  ignore_target_hosts = .*r_mta_sts_ign.*\n', '',
     'wildcard-two-labels'),
    ('TLS not required', r'^  hosts_require_tls = \*\n', '', 'no-starttls'),
    ('TLS not required, clear text after a temporary failure',
     r'^  (hosts_require_tls = \*|tls_tempfail_tryclear = false)\n', '',
     'starttls-454'),
    ('certificate not required', r'^  tls_verify_hosts = \*\n', '',
     'self-signed'),
    ('names not checked', r'^  tls_verify_cert_hostnames = \*\n',
     '  tls_verify_cert_hostnames =\n', 'wrong-name'),
    ('common name not refused', r'^  event_action = .*\n', '',
     'common-name-only'),
    ('partial wildcard not refused', r'^  event_action = .*\n', '',
     'partial-wildcard'),
    ('versions not bounded', r'^  tls_require_ciphers = .*\n',
     '  tls_require_ciphers = OLD_CIPHERS\n', 'tls11'),
    ('nothing where no host is left',
     r'^mta_sts_no_mx:\n(.+\n)+', '', 'not-in-policy'),
    ('the usual transport', r'transport = remote_smtp_mta_sts\n',
     'transport = remote_smtp\n', 'expired'),
    # Two lines see to it.
    ('the query fails open',
     r'^  (data) = \$\{if !inlist.*\n|^  (condition) = \$\{if inlist.*\n',
     lambda found: '  data =\n' if found[1] else '  condition = false\n',
     'resolver-missing'),
)

# TLS before 1.2 is taken.
OLD_CIPHERS = {'GnuTLS': 'NORMAL:+VERS-TLS1.1', 'OpenSSL': 'ALL:@SECLEVEL=0'}
# What a library refuses by itself, whatever the configuration says.
SPARED = {'OpenSSL': ('partial wildcard not refused',)}

lab = Lab(Exim('debian'))
library = lab.mta.tls_library()
lab.macros = {'OLD_CIPHERS': OLD_CIPHERS[library]}
rows = {row.name: row for row in scenarios.load(library)}
wanted = {mutant[3]: rows[mutant[3]] for mutant in MUTANTS}
for row in wanted.values():
    scenarios.arrange(lab, row)
lab.dns.commit()
lab.configure()


def send(row):
    """The verdict of one message now, with what the row needs."""
    lab.mta.forget_retries()
    with scenarios.setup(lab, row.setup):
        scenarios.send(lab, [row])
        scenarios.judge(lab, [row])
    return row.outcome.verdict


lab.mta.configure()
lab.mta.start()
for row in wanted.values():
    tap.same(send(row), 'deferred', f'{row.name}: deferred as shipped')

for what, pattern, replacement, name in MUTANTS:
    def mutate(text, pattern=pattern, replacement=replacement):
        changed, count = re.subn(pattern, replacement, text, flags=re.M)
        assert count, pattern
        return changed
    lab.edit = mutate
    lab.reconfigure()
    lab.mta.empty_queue()
    row = rows[name]
    verdict = send(row)
    if what in SPARED.get(library, ()):
        good = tap.ok(row.good, f'{what}: {library} refuses {name}')
    else:
        good = tap.ok(verdict == 'delivered', f'{what}: {name} leaks')
    if not good:
        tap.diag(f'{verdict}: {row.outcome.reason}')
tap.done()
