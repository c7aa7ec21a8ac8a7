#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Stands in for mta-sts-resolver and behaves as the name says under which it
# was copied.  Beside it: "ran" gets a line for each run, "prepared" is a state
# directory's content to be put into "state".
here=${0%/*}
for domain; do :; done
echo "$@" >>"$here/ran"

ok() { echo "done lookup $domain ok"; }
fault() { echo "done lookup $domain fault $1"; }
store() { cp -R "$here/prepared/." "$here/state/"; }

case ${0##*/} in
ok) ok ;;
stores) store; ok ;;
stores_late) sleep 3; store; ok ;;
stores_then_faults) store; fault internal; exit 3 ;;
fault) fault ca_unusable; exit 3 ;;
fault_network) fault dns_timeout; exit 3 ;;
fault_unknown) fault no_such_token; exit 3 ;;
fault_ok) fault ok; exit 3 ;;
hangs) trap '' TERM HUP; sleep 100; ok ;;
hangs_alone) exec sleep 100 ;;
late_fault) sleep 20; fault ca_unusable; exit 3 ;;
crashes) kill -SEGV $$ ;;
killed) kill -KILL $$ ;;
garbage) head -c 300 /dev/urandom; echo ;;
megabyte) head -c 1000000 /dev/zero; ok ;;
closes) exec >&-; sleep 100 ;;
silent) exit 0 ;;
silent3) exit 3 ;;
other_domain) echo "done lookup other.example ok" ;;
other_prefix) echo "done lookup ${domain}x ok" ;;
other_line) echo "done routes $domain ok" ;;
cut) printf 'done lookup %s ok' "$domain" ;;
blanks) echo "done lookup $domain ok " ;;
two_lines) store; ok; fault internal ;;
echoes) echo "$@" ;;
whoami) echo "$(id -u) $(id -g) $(id -G)" >"$here/whoami.out"; ok ;;
lingers) store; ok; sleep 100 ;;
ok_then_fails) ok; exit 1 ;;
ok_then_crashes) ok; kill -SEGV $$ ;;
nameservers) cat "$here/says" ;;
*) exit 9 ;;
esac
