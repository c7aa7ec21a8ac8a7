# SPDX-License-Identifier: ISC
"""On OpenSMTPD 6.8 unverified sessions of another action to the same host
carry none of our mail; shown beside a configuration without the name "ca" of
our own."""
from labkit import smtpd_verify, tap

smtpd_verify.no_verify('6.8', leaks=False)
tap.done()
