#!/bin/sh
# SPDX-License-Identifier: ISC
#
# peers.sh NAME: programs of others that benches are compared with, from
# Debian's archive, unpacked below a cache with all that they need and not
# installed.  Prints the directory, or says on standard error why there is none
# and ends with 1.
#
#	resolver	postfix-mta-sts-resolver, of this machine's release
#	tlspol		postfix-tlspol, of sid
#	dkimsign	opensmtpd-filter-dkimsign, of this machine's release
#	sqlite-imsg	table-sqlite for smtpd 6.8 to 7.5, of bookworm
#	sqlite-text	table-sqlite for smtpd 7.6 and later, of sid
#	dig, curl	of this machine's release
#
# BENCH_OFFLINE=1: nothing is downloaded.
cd "$(dirname "$0")/../.." || exit 1
# Users of no rights run what is in it, so it is not the lab's.
LAB_CACHE=${BENCH_CACHE:-${XDG_CACHE_HOME:-/var/cache}/mta-sts-bench}
. tests/lab/packages.sh

case $1 in
resolver) suite=$(lab_suite) package=postfix-mta-sts-resolver ;;
tlspol) suite=sid package=postfix-tlspol ;;
dkimsign) suite=$(lab_suite) package=opensmtpd-filter-dkimsign ;;
sqlite-imsg) suite=bookworm package=opensmtpd-extras ;;
sqlite-text) suite=sid package=opensmtpd-table-sqlite ;;
dig) suite=$(lab_suite) package=bind9-dnsutils ;;
curl) suite=$(lab_suite) package=curl ;;
*) echo "$0: no peer $1" >&2; exit 2 ;;
esac
if [ ! -e "$LAB_CACHE/$1/complete" ]; then
	if [ -n "${BENCH_OFFLINE:-}" ]; then
		echo "$package is not unpacked here" >&2
		exit 1
	fi
	unpack_tree "$1" "$suite" "$package" >/dev/null 2>&1 || {
		echo "Debian $suite has no $package for this machine, or could not be reached" >&2
		exit 1
	}
fi
echo "$LAB_CACHE/$1"
