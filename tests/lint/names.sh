#!/bin/sh
# SPDX-License-Identifier: ISC
#
# names.sh [DIRECTORY]: no two source files of the programs have one base name,
# so that a name in a message, a log or a debugger says which file is meant.  Nor
# have two files of the unit tests, whose programs are built into one folder; and
# each is in a folder of tests/unit, as make looks for them nowhere else.
# One line a fault; exit status 1 where there is one.
set -u
cd "${1:-.}" || exit 2
bad=0

# check FIND-ARGUMENT...: no two of the files have one base name.
check() {
	files=$(find "$@") || exit 2
	[ -n "$files" ] || { echo "no files found: find $*"; exit 2; }
	twice=$(printf '%s\n' "$files" | sed 's,.*/,,' | sort | uniq -d)
	for name in $twice; do
		printf '%s: ' "$name"
		printf '%s\n' "$files" | grep "/$name\$" | sort | tr '\n' ' '
		echo
		bad=1
	done
}

check common exim opensmtpd -name '*.[ch]'
check tests/unit -type f ! -path 'tests/unit/data/*' ! -path '*/__pycache__/*'
for file in tests/unit/*; do
	[ -d "$file" ] || { echo "$file: in no folder of tests/unit"; bad=1; }
done
exit $bad
