# SPDX-License-Identifier: ISC
"""Every row of scenarios.tsv, with the single-file example configuration."""
from labkit import scenarios, tap
from labkit.exim import Exim
from labkit.lab import Lab

lab = Lab(Exim('single'))
lab.mta.configure()
lab.mta.start()
rows = scenarios.load(lab.mta.tls_library())
scenarios.run(lab, rows, tap.diag)
scenarios.check(lab, rows)
tap.done()
