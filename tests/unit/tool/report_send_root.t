#!/bin/sh
# SPDX-License-Identifier: ISC
# The test is the Python program of the same name.
for need in python3 openssl; do
	command -v $need >/dev/null ||
	    { echo "1..0 # SKIP $need is missing"; exit 0; }
done
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP this user is not root"; exit 0; }
exec python3 "${0%.t}.py"
