#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What README.md's own build line makes is hardened: nothing has to be passed.
B=${B:-build}
if ! command -v readelf >/dev/null; then
	echo '1..0 # SKIP readelf is not installed'
	exit 0
fi
if ! grep -q 'FORTIFY_SOURCE=2.*-z,now' "$B/flags"; then
	echo '1..0 # SKIP built with flags of its own'
	exit 0
fi
n=0 failed=0

report() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
	fi
}

# has PROGRAM OPTION EXPRESSION: what readelf prints of it.
has() {
	readelf -W "$2" "$B/$1" 2>/dev/null | grep -Eq -e "$3"
}

musl=no
if has mta-sts -l 'interpreter: .*musl'; then musl=yes; fi
for program in mta-sts mta-sts-resolver mta-sts-fetcher mta-sts.so \
    filter-mta-sts table-mta-sts; do
	has $program -h 'Type: *DYN'
	report $? "$program can be loaded anywhere"
	has $program -l GNU_RELRO && has $program -d 'BIND_NOW|Flags:.* NOW'
	report $? "$program: what the loader wrote cannot be written again"
	has $program -l 'GNU_STACK .* RW ' && ! has $program -l 'LOAD .* RWE '
	report $? "$program: nothing is both written and executed"
	has $program --dyn-syms __stack_chk_fail
	report $? "$program: a stack that was overrun is noticed"
	[ $musl = yes ] || has $program --dyn-syms '__[a-z]+_chk'
	report $? "$program: so are buffers, by libc"
	! has $program -d 'R(UN)?PATH|TEXTREL'
	report $? "$program: libraries come from the system"
done
echo "1..$n"
exit $failed
