# SPDX-License-Identifier: ISC
"""Dead MX addresses in front of one that works, on OpenSMTPD 6.8."""
from labkit import smtpd_dead

smtpd_dead.run('6.8')
