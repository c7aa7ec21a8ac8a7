# SPDX-License-Identifier: ISC
"""Nothing fails open with Debian's split configuration either: one fault of
each kind."""
from labkit import tap
from labkit.matrix import Row, run

run('debian', [
    Row('resolver-missing', 'resolver_missing'),
    Row('killed-write', 'resolver_died'),
    Row('state-full', 'state_full'),
    Row('ca-unreadable', 'ca_unusable', {'cold-free': 'sent, plain'}),
], flavour='debian')
tap.done()
