#!/bin/sh
# SPDX-License-Identifier: ISC
# The test is the Python program of the same name.
for need in python3 openssl; do
	command -v $need >/dev/null ||
	    { echo "1..0 # SKIP $need is missing"; exit 0; }
done
exec python3 "${0%.t}.py"
