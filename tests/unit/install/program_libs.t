#!/bin/sh
# SPDX-License-Identifier: ISC
#
# One process a privilege domain: each program needs the libraries of what it
# parses, and no other.  The resolver, which writes the store, speaks DNS and
# never TLS; the fetcher never speaks DNS; plugins inside the MTA neither.
B=${B:-build}
if ! command -v readelf >/dev/null; then
	echo '1..0 # SKIP readelf is not installed'
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

check() { # PROGRAM LIBRARY...: the program does not need these
	program=$1
	shift
	needed=$(readelf -d "$B/$program" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
	[ -n "$needed" ]
	report $? "$program: its libraries can be told"
	for library; do
		case $needed in *$library*) false ;; *) true ;; esac
		report $? "$program does not need $library"
	done
}

for program in filter-mta-sts table-mta-sts mta-sts.so mta-sts; do
	check $program libcurl libcares libssl libcrypto
done
# Reports are read and written by the command alone.
for program in filter-mta-sts table-mta-sts mta-sts.so mta-sts-resolver \
    mta-sts-fetcher; do
	check $program libjansson libz.so
done
# And of names that come converted, in a process that a delivery waits for.
check mta-sts-resolver libcurl libssl libcrypto libidn2 libbsd
check mta-sts-fetcher libcares

# What is linked in says as much: no code of another room.
symbols() {
	nm "$B/$1" 2>/dev/null | sed -n 's/.* [tT] \(sts_[a-z_]*\)$/\1/p'
}

# A file, and one whose function or table it uses, a line each.
calls() {
	find "$B/obj/common" "$B/obj/exim" "$B/obj/opensmtpd" -name '*.o' \
	    -exec nm -A {} + 2>/dev/null | awk -F '[: ]+' '
		$NF !~ /^(mta_)?sts_/ { next }
		$(NF - 1) == "U" { user[++n] = $1; used[n] = $NF; next }
		$(NF - 1) ~ /^[TDRBC]$/ { owner[$NF] = $1 }
		END {
			for (i = 1; i <= n; i++)
				if (used[i] in owner && owner[used[i]] != user[i])
					print user[i], owner[used[i]]
		}'
}

if command -v nm >/dev/null; then
	! symbols mta-sts-fetcher | grep -Eq '^sts_(store|dns|config|child|channel)_'
	report $? 'mta-sts-fetcher has no store, DNS, configuration or children'
	! symbols mta-sts-resolver |
		grep -Eq '^sts_(transfer|multi|verify|trust|probe_tls)_'
	report $? 'mta-sts-resolver has no HTTPS and no TLS'
	[ "$(calls | wc -l)" -gt 500 ]
	report $? 'calls from file to file can be told'
	loops=$(calls | tsort 2>&1 >/dev/null)
	[ -z "$loops" ]
	report $? 'no two files call each other, not even in a circle'
	[ -z "$loops" ] || echo "$loops" | sed 's/^/# /'
	! { calls; echo b a; echo a b; } | tsort >/dev/null 2>&1
	report $? 'a circle would have been seen'
fi
echo "1..$n"
exit $failed
