#!/bin/sh
# SPDX-License-Identifier: ISC
# Connections that this machine forbids, in a network of the test's own.
for need in python3 openssl ip unshare; do
	command -v $need >/dev/null ||
	    { echo "1..0 # SKIP $need is missing"; exit 0; }
done
unshare -n true 2>/dev/null ||
    { echo '1..0 # SKIP no network namespace can be made'; exit 0; }
exec unshare -n python3 "$(dirname "$0")/net_forbidden.py"
