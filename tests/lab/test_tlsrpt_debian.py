# SPDX-License-Identifier: ISC
"""Sessions that TLS reports count, with Debian's split configuration and the
fragments: what was written down is, one to one, what the MX hosts saw."""
from labkit import tap, tlsrpt_exim

tlsrpt_exim.check('debian')
tap.done()
