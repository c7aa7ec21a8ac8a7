# SPDX-License-Identifier: ISC
"""Aliases and .forward files at domains never seen, on OpenSMTPD 6.8."""
from labkit import smtpd_local

smtpd_local.run('6.8')
