# SPDX-License-Identifier: ISC
"""Memory, with Debian's split configuration."""
from labkit import exim_memory

exim_memory.run('debian')
