# SPDX-License-Identifier: ISC
"""What was wrong is put right while mail waits, on OpenSMTPD 6.8."""
from labkit import smtpd_repair

smtpd_repair.run('6.8')
