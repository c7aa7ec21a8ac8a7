# SPDX-License-Identifier: ISC
"""Nothing fails open: a resolver that hangs, or is stopped."""
from labkit import tap
from labkit.matrix import Row, run

run('hanging', [
    Row('resolver-hangs', 'resolver_timeout'),
    Row('resolver-stops', 'resolver_timeout', local=True),
])
tap.done()
