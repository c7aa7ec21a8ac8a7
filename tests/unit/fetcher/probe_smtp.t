#!/bin/sh
# SPDX-License-Identifier: ISC
# The STARTTLS probe against MX hosts on loopback that misbehave.
for need in python3 openssl; do
	command -v $need >/dev/null ||
	    { echo "1..0 # SKIP $need is missing"; exit 0; }
done
exec python3 "$(dirname "$0")/inject_smtp_run.py"
