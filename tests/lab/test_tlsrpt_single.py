# SPDX-License-Identifier: ISC
"""Sessions that TLS reports count, with the single-file example configuration:
what was written down is, one to one, what the MX hosts saw."""
from labkit import tap, tlsrpt_exim

tlsrpt_exim.check('single')
tap.done()
