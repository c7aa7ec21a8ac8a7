# SPDX-License-Identifier: ISC
"""Sessions that TLS reports count, on OpenSMTPD 6.8: what was written down is,
one to one, what the MX hosts saw."""
from labkit import tap, tlsrpt_smtpd

tlsrpt_smtpd.check('6.8')
tap.done()
