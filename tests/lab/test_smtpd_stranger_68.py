# SPDX-License-Identifier: ISC
"""On OpenSMTPD 6.8 a stranger whose MX host is at somebody else's address
holds up the other's mail for a bounded time, and does nothing else to it."""
from labkit import smtpd_stranger

smtpd_stranger.run('6.8')
