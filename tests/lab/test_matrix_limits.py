# SPDX-License-Identifier: ISC
"""Nothing fails open: trust roots or configuration that cannot be read, no
descriptors."""
from labkit import tap
from labkit.matrix import KINDS, LAX, PLAIN, Row, run

# Whether there is a record is known without trust roots.
FREE = {'cold-free': PLAIN}

# Without one descriptor neither the store nor the configuration is read.
NOTHING = {kind: 'waits: no_descriptors' for kind in KINDS + LAX}

run('limits', [
    Row('ca-missing', 'ca_unusable', FREE),
    Row('ca-unreadable', 'ca_unusable', FREE),
    Row('ca-garbage', 'ca_unusable', FREE),
    Row('descriptors-3', 'no_descriptors'),
    Row('descriptors-0', 'no_descriptors', NOTHING),
    Row('config-unreadable', 'config'),
    Row('resolv-unreadable', 'config'),
])
tap.done()
