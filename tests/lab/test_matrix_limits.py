# SPDX-License-Identifier: ISC
"""Nothing fails open: trust roots that cannot be read, no descriptors, and
the limits of a calling user."""
from labkit import tap
from labkit.matrix import KINDS, LAX, NO_TLS, PLAIN, Row, run

# Whether there is a record is known without trust roots.
FREE = {'cold-free': PLAIN}

# Without one descriptor neither the store nor the configuration is read.
NOTHING = {kind: 'waits: no_descriptors' for kind in KINDS + LAX}

# Nothing is wrong on this machine: the limits are the caller's alone.
POOR = {'cold': NO_TLS, 'cold-free': PLAIN, 'lax-cold': NO_TLS,
        'lax-free': PLAIN}

run('limits', [
    Row('ca-missing', 'ca_unusable', FREE),
    Row('ca-unreadable', 'ca_unusable', FREE),
    Row('ca-garbage', 'ca_unusable', FREE),
    Row('descriptors-3', 'no_descriptors'),
    Row('descriptors-0', 'no_descriptors', NOTHING),
    Row('poor-user', 'none', POOR, poor=True),
])
tap.done()
