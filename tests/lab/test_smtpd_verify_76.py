# SPDX-License-Identifier: ISC
"""On OpenSMTPD 7.6 unverified sessions of another action to the same host
carry none of our mail; shown beside a configuration without the name "ca" of
our own."""
from labkit import smtpd_verify, tap

smtpd_verify.no_verify('7.6', leaks=True)
tap.done()
