#!/bin/sh
# SPDX-License-Identifier: ISC
# What the fetcher says of a policy host that is examined.
for need in python3 openssl; do
	command -v $need >/dev/null ||
	    { echo "1..0 # SKIP $need is missing"; exit 0; }
done
exec python3 "$(dirname "$0")/fetcher_examine.py"
