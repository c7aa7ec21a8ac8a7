# SPDX-License-Identifier: ISC
"""Nothing fails open: a state directory that is missing, full, cannot be
written, or is another's."""
from labkit import tap
from labkit.matrix import PLAIN, Row, everything, run

MISSING = {**everything('waits: state_missing'),
           # What the operator asked for: there is no entry.
           'lax-bad': PLAIN}

run('state', [
    Row('state-missing', 'state_missing', MISSING),
    Row('state-unwritable', 'state_unwritable'),
    Row('state-read-only', 'state_unwritable'),
    Row('state-full', 'state_full'),
    Row('state-without-inodes', 'state_full'),
    Row('state-of-root', 'state_owner'),
    Row('state-top-of-root', 'state_owner'),
])
tap.done()
