# SPDX-License-Identifier: ISC
"""Where things are inside a world."""
import os
import pathlib

LAB = pathlib.Path('/run/lab')
INSIDE = LAB / 'inside'  # the words that run a command on the internet's side

CERTS = LAB / 'certs'
CA = CERTS / 'ca.pem'
WWW = LAB / 'www'    # HOST/mta-sts.txt
CONF = LAB / 'conf'  # what the injectors do; read anew whenever it changes
LOG = LAB / 'log'
MAIL = LAB / 'mail'  # every message that an MX host accepted

DNS = '198.51.100.53'     # the site's resolver: front of the name server
KNOT = '198.51.100.54'    # authoritative for test.
NGINX = [f'198.51.100.{number}' for number in range(101, 201)]
                          # well-behaved policy hosts, one address each
HTTPS = '198.51.100.81'   # injector, behaves as the server name says
HTTPS_SILENT = '198.51.100.82'  # accepts, then nothing
HTTPS_CLOSE = '198.51.100.83'   # accepts, then closes
REFUSED = '203.0.113.252'       # every connection
BLACKHOLE = '203.0.113.253'     # packets vanish
UNREACHABLE = '203.0.113.254'
MX_NET = '203.0.113.'

STATE = '/var/lib/mta-sts-sender'
CONFIG = '/etc/mta-sts.conf'

# What is tried is what Debian's packages installed on this machine, mail server
# included; else what was built, where an installation would put it.
PACKAGED = bool(os.environ.get('LAB_PACKAGED'))
PREFIX = '/usr' if PACKAGED else '/usr/local'
OBJECT = f'{PREFIX}/lib/exim4/mta-sts.so'
RESOLVER = f'{PREFIX}/libexec/mta-sts-resolver'
FETCHER = f'{PREFIX}/libexec/mta-sts-fetcher'
COMMAND = f'{PREFIX}/bin/mta-sts'
SHARED = f'{PREFIX}/share/mta-sts'
