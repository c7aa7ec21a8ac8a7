# SPDX-License-Identifier: ISC
"""A policy changes while mail is in the queue of OpenSMTPD 6.8."""
from labkit import smtpd_changes

smtpd_changes.run('6.8')
