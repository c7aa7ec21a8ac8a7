# SPDX-License-Identifier: ISC
"""A policy changes while mail is in the queue of OpenSMTPD 7.6."""
from labkit import smtpd_changes

smtpd_changes.run('7.6')
