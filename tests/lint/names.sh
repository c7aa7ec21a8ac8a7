#!/bin/sh
# SPDX-License-Identifier: ISC
#
# names.sh [DIRECTORY]: no two source files of the programs have one base name,
# so that a name in a message, a log or a debugger says which file is meant.
# One line a fault; exit status 1 where there is one.
set -u
cd "${1:-.}" || exit 2
files=$(find common exim opensmtpd -name '*.[ch]') || exit 2
[ -n "$files" ] || { echo "no source files found"; exit 2; }
twice=$(printf '%s\n' "$files" | sed 's,.*/,,' | sort | uniq -d)
for name in $twice; do
	printf '%s: ' "$name"
	printf '%s\n' "$files" | grep "/$name\$" | sort | tr '\n' ' '
	echo
done
[ -z "$twice" ]
