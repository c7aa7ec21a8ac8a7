# SPDX-License-Identifier: ISC
"""Aliases and .forward files at domains never seen, on OpenSMTPD 7.6."""
from labkit import smtpd_local

smtpd_local.run('7.6')
