# SPDX-License-Identifier: ISC
"""Nothing fails open: a resolver that is missing, breaks down, lies, or is
killed in the middle of a write."""
from labkit import tap
from labkit.matrix import PLAIN, Row, run

run('resolver', [
    Row('resolver-missing', 'resolver_missing'),
    Row('resolver-not-executable', 'resolver_missing'),
    Row('resolver-crashes', 'resolver_died'),
    Row('resolver-aborts', 'resolver_died'),
    Row('resolver-lies', 'internal'),
    Row('resolver-babbles', 'resolver_died'),
    Row('resolver-closes', 'resolver_died'),
    Row('killed-create', 'resolver_died'),
    Row('killed-write', 'resolver_died'),
    # "No policy" is written in place: there is nothing to rename.
    Row('killed-rename', 'resolver_died', {'cold-free': PLAIN}),
])
tap.done()
