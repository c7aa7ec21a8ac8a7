# SPDX-License-Identifier: ISC
"""What 10,000 error answers of the table leave in OpenSMTPD 6.8."""
from labkit import smtpd_memory

smtpd_memory.error_answers('6.8')
