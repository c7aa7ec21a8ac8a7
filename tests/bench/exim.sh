#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What mta-sts.so costs a delivery: loading it, an answer from the store, a
# session for TLS reports, a child, and a cold lookup whose name server (on
# loopback) refuses.  Each row stands beside the first one of its group, as a
# multiple of it.
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
object=$B/mta-sts.so
host=$B/tests/help_exim_host
world=
empty=$(mktemp -d /tmp/mta-sts-bench.XXXXXX) || exit 1
trap 'rm -rf "$empty" $world' EXIT

first=
show() { # WHAT, MICROSECONDS; "-" ends a group
	[ "$1" = - ] && { first=; return; }
	first=${first:-$2}
	printf '%-52s %9s us  x %s\n' "$1" "$2" \
		"$(awk -v a="$2" -v b="$first" 'BEGIN { printf "%.1f", a / b }')"
}

per_call() { # ARGUMENTS of the host
	"$host" "$@" | sed -n 's/^us-per-call: //p'
}

# Median of 5 turns with 20,000 sessions each, of five calls, after the answer to
# the router.  Without reports Exim makes none of these calls.
session() { # COMMAND
	for _ in 1 2 3 4 5; do
		"$@" "$object" "$conf" testing.example 20000
	done | sort -n | sed -n 3p
}

# Runs a command with a /dev of its own: of the machine's syslog it is no part.
in_own_dev() {
	unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' sh "$@"
}

world=$("$B/tests/help_world" '') || exit 1
conf=$world/mta-sts.conf
if ${CC:-cc} -shared -fPIC -x c -o "$empty/empty.so" /dev/null; then
	show 'dlopen, an empty object' "$("$B/tests/help_exim_load" "$empty/empty.so")"
fi
show 'dlopen, mta-sts.so' "$("$B/tests/help_exim_load" "$object")"
show -
show 'answer: a fresh policy' \
	"$(per_call -n 2000 "$object" "$conf" fresh.example)"
show 'answer: no policy' \
	"$(per_call -n 2000 "$object" "$conf" absent.example)"
show 'answer: a policy of 302 patterns' \
	"$(per_call -n 500 "$object" "$conf" many.example)"
show -
show 'answer: a testing policy' \
	"$(per_call -n 2000 "$object" "$conf" testing.example)"
printf 'organization Example\ncontact p@example.net\nlog-level error\n' \
	>>"$conf"
show 'answer: the same where reports are wanted' \
	"$(per_call -n 2000 "$object" "$conf" testing.example)"
show -
show 'session: its calls, not counted' \
	"$(session "$B/bench/session" -s)"
show 'session: recorded (goal 15)' "$(session "$B/bench/session")"
echo 'log-level info' >>"$conf"
if [ "$(id -u)" = 0 ]; then
	show 'session: recorded, and a line in syslog (goal 15)' \
		"$(session in_own_dev "$B/bench/session" -l)"
fi
show -
show 'child: fork, and a program that is missing' \
	"$(per_call -n 300 "$object" "$conf" new.example)"
echo 'resolver /bin/true' >>"$conf"
# A domain is asked about once a minute, so each call has one of its own.
# shellcheck disable=SC2046
show 'child: fork, exec and end of /bin/true' \
	"$(per_call "$object" "$conf" $(seq -f 'e%g.example' 300))"
# As in an installation, where the MTA's user may reach it.
cp "$B/mta-sts-resolver" "$world/resolver" && chmod 755 "$world/resolver"
printf 'resolver %s\nnameserver 127.0.0.1:9\n' "$world/resolver" >>"$conf"
# shellcheck disable=SC2046
show 'cold lookup: mta-sts-resolver, name server refuses' \
	"$(per_call "$object" "$conf" $(seq -f 'd%g.example' 100))"
