# SPDX-License-Identifier: ISC
"""What was wrong is put right while mail waits, on OpenSMTPD 7.6."""
from labkit import smtpd_repair

smtpd_repair.run('7.6')
