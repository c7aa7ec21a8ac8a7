# SPDX-License-Identifier: ISC
"""Dead MX addresses in front of one that works, on OpenSMTPD 7.6."""
from labkit import smtpd_dead

smtpd_dead.run('7.6')
