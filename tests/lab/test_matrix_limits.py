# SPDX-License-Identifier: ISC
"""Nothing fails open: trust roots that cannot be read, no descriptors, and
the limits of a calling user."""
from labkit.matrix import Row, everything, run

# Without one descriptor neither the store nor the configuration is read.
NOTHING = {**everything('waits: no_descriptors'),
           'lax-cold': 'waits: no_descriptors',
           'lax-free': 'waits: no_descriptors',
           'lax-bad': 'waits: no_descriptors'}

run('limits', [
    Row('ca-missing', 'ca_unusable'),
    Row('ca-unreadable', 'ca_unusable'),
    Row('ca-garbage', 'ca_unusable'),
    Row('descriptors-5', 'no_descriptors'),
    Row('descriptors-3', 'no_descriptors'),
    Row('descriptors-0-loaded', 'no_descriptors', NOTHING),
    Row('descriptors-0', 'no_descriptors', NOTHING),
])
