#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make demo: builds, makes private worlds of name servers, policy hosts, MX hosts
# and a mail server (Exim, OpenSMTPD 6.8 and 7.6), sends one message a scenario,
# and prints what became of it, in 80 columns.  Needs root and Debian; nothing outside the build
# directory and the lab's cache is changed, except that missing build tools are
# installed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
. tests/lab/packages.sh
need_root
cat <<'END'
Real mail servers with this suite, in private worlds on this machine: each sends
a message to domains that are in order, broken or under attack. In a few minutes
a table shows what became of each message, and why.

END
# What is started here is no part of the make that started us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
# shellcheck disable=SC2086
install_packages $BUILD_TOOLS $LAB_TOOLS
unpack_servers
export B="${B:-build}"
make -s -j"$(nproc)" B="$B" all
case $B in
/*) LAB_BUILD=$B ;;
*) LAB_BUILD=$top/$B ;;
esac
export LAB_BUILD
build_smtpd "$top" "$LAB_BUILD"
began=$(date +%s)
mtas=exim
if [ -x "$LAB_BUILD/filter-mta-sts" ] && [ -x "$LAB_BUILD/table-mta-sts" ]; then
	mtas='exim 6.8 7.6'
fi

# One world a mail server, all at once.
rm -f "$LAB_BUILD"/lab/demo-*.json
worlds=
for mta in $mtas; do
	tests/lab/enter -t 160 tests/lab/demo.py "$mta" &
	worlds="$worlds $!"
done
status=0
for world in $worlds; do
	wait "$world" || status=1
done
PYTHONPATH=tests/lab python3 -B tests/lab/demo.py --table || status=1
echo "$(($(date +%s) - began)) s"
exit $status
