#!/bin/sh
# SPDX-License-Identifier: ISC
# Routes and probes of the resolver against a DNS and MX hosts on loopback.
for need in python3 openssl; do
	command -v $need >/dev/null ||
	    { echo "1..0 # SKIP $need is missing"; exit 0; }
done
exec python3 "$(dirname "$0")/inject_smtp_routes.py"
