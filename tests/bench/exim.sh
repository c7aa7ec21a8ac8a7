#!/bin/sh
# SPDX-License-Identifier: ISC
#
# More of what mta-sts.so costs a delivery, beside rows 1 and 4: a policy of many
# patterns, a session for TLS reports, a child, and a cold lookup whose name
# server (on loopback) refuses.  Each row stands beside the first one of its
# group.
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
here=$(dirname "$0")
object=$B/mta-sts.so
host=$B/tests/help_exim_host
world=$("$B/tests/help_world" '') || exit 1
trap 'rm -rf "$world"' EXIT
conf=$world/mta-sts.conf
calls=2000 sessions=20000 children=300 lookups=30 turns=5
if [ -n "${BENCH_SHORT:-}" ]; then
	calls=20 sessions=50 children=5 lookups=3 turns=1
fi

bad=0
first='' against=''
show() { # WHAT, MICROSECONDS, GOAL; "-" ends a group
	[ "$1" = - ] && { first='' against=''; return; }
	[ -n "$2" ] || { echo "exim.sh: no figure: $1" >&2; bad=1; return; }
	python3 "$here/benchlib.py" 1 "$1" "$2" "${first:--}" us "${3:--}" \
		"${against:--}" || bad=1
	if [ -z "$first" ]; then first=$2 against=$1; fi
}

per_call() { # ARGUMENTS of the host
	"$host" "$@" | sed -n 's/^us-per-call: //p'
}

# Median of turns of many sessions, of five calls each, after the answer to the
# router.  Without reports Exim makes none of these calls.
session() { # COMMAND
	for turn in 1 2 3 4 5; do
		[ "$turn" -gt "$turns" ] ||
			"$@" "$object" "$conf" testing.example "$sessions"
	done | sort -n | sed -n "$((turns / 2 + 1))p"
}

# Runs a command with a /dev of its own: of the machine's syslog it is no part.
in_own_dev() {
	unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' sh "$@"
}

show 'answer: a fresh policy' \
	"$(per_call -n $calls "$object" "$conf" fresh.example)"
show 'answer: no policy' \
	"$(per_call -n $calls "$object" "$conf" absent.example)"
show 'answer: a policy of 302 patterns' \
	"$(per_call -n $calls "$object" "$conf" many.example)"
show -
show 'answer: a testing policy' \
	"$(per_call -n $calls "$object" "$conf" testing.example)"
printf 'organization Example\ncontact p@example.net\nlog-level error\n' \
	>>"$conf"
show 'answer: the same where reports are wanted' \
	"$(per_call -n $calls "$object" "$conf" testing.example)"
show -
show 'session: its calls, not counted' \
	"$(session "$B/bench/session" -s)"
show 'session: recorded' "$(session "$B/bench/session")" 'ours <= 15'
echo 'log-level info' >>"$conf"
if [ "$(id -u)" = 0 ]; then
	show 'session: recorded, and a line in syslog' \
		"$(session in_own_dev "$B/bench/session" -l)" 'ours <= 15'
fi
show -
show 'child: fork, and a program that is missing' \
	"$(per_call -n $children "$object" "$conf" new.example)"
echo 'resolver /bin/true' >>"$conf"
# A domain is asked about once a minute, so each call has one of its own.
# shellcheck disable=SC2046
show 'child: fork, exec and end of /bin/true' \
	"$(per_call "$object" "$conf" $(seq -f 'e%g.example' $children))"
# As in an installation, where the MTA's user may reach it.
cp "$B/mta-sts-resolver" "$world/resolver" && chmod 755 "$world/resolver"
printf 'resolver %s\nnameserver 127.0.0.1:9\n' "$world/resolver" >>"$conf"
# shellcheck disable=SC2046
show 'cold lookup: the name server refuses' \
	"$(per_call "$object" "$conf" $(seq -f 'd%g.example' $lookups))"
exit $bad
