# SPDX-License-Identifier: ISC
"""Each fault of the network and of the fetcher, on OpenSMTPD 7.6.  Arguments
choose among the faults."""
import sys

from labkit import smtpd_matrix

smtpd_matrix.run('7.6', *sys.argv[1:])
