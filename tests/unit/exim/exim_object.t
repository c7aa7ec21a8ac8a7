#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The object that Exim loads: what it needs, what it exports, how long it
# takes to load beside an empty one.
B=${B:-build}
object=$B/mta-sts.so
work=$(mktemp -d /tmp/mta-sts-object.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
run=0
failed=0

ok() { # NAME, after a command
	status=$?
	run=$((run + 1))
	if [ $status -eq 0 ]; then
		echo "ok $run - $1"
	else
		echo "not ok $run - $1"
		failed=1
	fi
}

skip() { # NAME, REASON
	run=$((run + 1))
	echo "ok $run - # SKIP $1: $2"
}

if command -v readelf >/dev/null && command -v nm >/dev/null; then
	readelf -d "$object" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' \
		>"$work/needed"
	sed 's/^/# needs /' "$work/needed"
	grep -q '^libc\.' "$work/needed"
	ok 'the list of needed libraries can be read'
	for library in curl cares ssl crypto bsd; do
		! grep -q "^lib${library}[.-]" "$work/needed"
		ok "it does not need lib$library"
	done
	nm -D --defined-only "$object" | awk '{ print $3 }' |
		grep -v -e '^_init$' -e '^_fini$' -e '^__asan' -e '^__odr_asan' \
		>"$work/exported"
	[ "$(sort "$work/exported" | tr '\n' ' ')" = \
		'mta_sts_bounce mta_sts_event mta_sts_no_mx mta_sts_query mta_sts_tls_failed ' ]
	ok 'it exports its five functions, nothing else'
else
	skip 'needed libraries and exports' 'no readelf or nm'
fi

# Exim binds lazily, so a symbol that nobody has would be found too late.
LD_BIND_NOW=1 "$B/tests/help_exim_host" "$object" /nonexistent '[::1]' \
	>"$work/bound"
ok 'every symbol it needs is found in its libraries'

if ${CC:-cc} -shared -fPIC -x c -o "$work/empty.so" /dev/null 2>/dev/null; then
	empty=$("$B/tests/help_exim_load" "$work/empty.so")
	ok 'an empty object loads'
	ours=$("$B/tests/help_exim_load" "$object")
	ok 'ours loads'
	echo "# dlopen, median of 200: an empty object $empty us, ours $ours us"
else
	skip 'load time' 'no compiler'
fi
echo "1..$run"
exit $failed
