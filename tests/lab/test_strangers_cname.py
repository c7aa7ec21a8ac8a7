# SPDX-License-Identifier: ISC
"""An untrusted domain's MX host is a CNAME to a host of others."""
from labkit import exim_cname

exim_cname.run('single', 'debian')
