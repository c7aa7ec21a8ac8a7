# SPDX-License-Identifier: ISC
"""Faults of the network and of the fetcher, on OpenSMTPD 6.8."""
import sys

from labkit import smtpd_matrix

FEW = ('dns-silent', 'dns-forbidden', 'https-forbidden', 'fetcher-killed')

smtpd_matrix.run('6.8', *sys.argv[1:] or FEW)
