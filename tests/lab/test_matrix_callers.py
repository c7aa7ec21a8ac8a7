# SPDX-License-Identifier: ISC
"""Nothing fails open, and nothing fails: what a local user can do before he
runs sendmail reaches a delivery that runs as root: "ulimit -f 4 -n 20" and
"umask 0" (poor-user), and other things."""
from labkit import sabotage, tap
from labkit.matrix import NO_TLS, PLAIN, Row, run

# Nothing is wrong on this machine: all is looked up.
FINE = {'cold': NO_TLS, 'cold-free': PLAIN, 'lax-cold': NO_TLS,
        'lax-free': PLAIN}

run('callers', [Row(caller, 'none', FINE) for caller in sabotage.CALLERS])
tap.done()
