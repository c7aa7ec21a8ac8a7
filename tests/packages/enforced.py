# SPDX-License-Identifier: ISC
"""What the installed packages do, in a world: `mta-sts enable`, five messages that
are delivered or wait as they should, `mta-sts disable`, and all is as before.

enforced.py exim|opensmtpd, called with LAB_PACKAGED by `tests/lab/enter`."""
