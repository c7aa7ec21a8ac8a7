# SPDX-License-Identifier: ISC
"""Every row of scenarios.tsv, as scenarios-opensmtpd.tsv has it for
OpenSMTPD 6.8, with the example configuration."""
from labkit import opensmtpd_lab, scenarios, tap

VERSION = '6.8'

lab = opensmtpd_lab.SmtpdLab(VERSION)
lab.mta.configure()
lab.mta.start()
rows = opensmtpd_lab.load(VERSION)
opensmtpd_lab.run(lab, rows, tap.diag)
scenarios.check(lab, rows)
tap.ok(lab.mta.is_running(), 'smtpd is still running')
tap.same(lab.mta.panics(), '', 'and no process of it has died')
tap.done()
