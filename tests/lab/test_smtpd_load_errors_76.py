# SPDX-License-Identifier: ISC
"""What 10,000 error answers of the table leave in OpenSMTPD 7.6."""
from labkit import smtpd_memory

smtpd_memory.error_answers('7.6')
