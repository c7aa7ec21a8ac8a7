# SPDX-License-Identifier: ISC
"""Memory, with the single-file example."""
from labkit import exim_memory

exim_memory.run('single')
