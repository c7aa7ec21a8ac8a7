# SPDX-License-Identifier: ISC
"""The network and the fetcher: where this machine cannot reach a name server
or a policy host, or the fetcher does wrong, what was never looked up waits,
what is known goes on, and mail to domains without a policy flows where that
can be known."""
import os

from labkit import tap
from labkit.matrix import NO_TLS, PLAIN, Row, run

# Without a record there is nothing to be fetched.
FREE = {'cold-free': PLAIN}
# A fault that is none: as without it.
WELL = {'cold': NO_TLS, 'cold-free': PLAIN, 'lax-cold': NO_TLS}

rows = [
    Row('dns-refused', 'no_nameserver'),
    Row('dns-unreachable', 'no_nameserver'),
    Row('dns-silent', 'no_nameserver'),
    Row('dns-forbidden', 'no_nameserver'),
    Row('dns-refuses-all', 'no_nameserver'),
    Row('https-forbidden', 'network', FREE),
    Row('fetcher-missing', 'fetcher_missing', FREE),
    Row('fetcher-hangs', 'fetcher_timeout', FREE),
    Row('fetcher-killed', 'fetcher_died', FREE),
    Row('fetcher-nonsense', 'fetcher_reply', FREE),
    Row('fetcher-flood', 'fetcher_reply', FREE),
    Row('fetcher-huge', 'fetcher_reply', FREE),
]
if os.path.isdir('/proc/sys/net/ipv6'):
    rows.append(Row('dns-link-local', '-', WELL))
run('network', rows)
tap.done()
