# SPDX-License-Identifier: ISC
"""1,000 sessions of OpenSMTPD 7.6 wait for 1,000 domains that nothing is
known of, while others go on."""
from labkit import smtpd_load

smtpd_load.held_sessions('7.6')
