#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Neither program of the OpenSMTPD half needs a library that touches the
# network: none of what a stranger sends is ever parsed beside smtpd.
B=${B:-build}
if ! command -v readelf >/dev/null; then
	echo '1..0 # SKIP readelf is not installed'
	exit 0
fi
n=0 failed=0
for program in filter-mta-sts table-mta-sts; do
	needed=$(readelf -d "$B/$program" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
	n=$((n + 1))
	if [ -n "$needed" ]; then
		echo "ok $n - $program: its libraries can be told"
	else
		failed=1
		echo "not ok $n - $program: its libraries can be told"
	fi
	for library in libcurl libcares libssl libcrypto; do
		n=$((n + 1))
		case $needed in
		*$library*)
			failed=1
			echo "not ok $n - $program does not need $library"
			;;
		*) echo "ok $n - $program does not need $library" ;;
		esac
	done
done
echo "1..$n"
exit $failed
