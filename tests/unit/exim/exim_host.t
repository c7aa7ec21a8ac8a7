#!/bin/sh
# SPDX-License-Identifier: ISC
#
# mta-sts.so in a host as Exim is one: whatever a calling user did to the
# process, every call is answered, and nothing is left behind.
B=${B:-build}
host=$B/tests/help_exim_host
object=$B/mta-sts.so
out=$(mktemp /tmp/mta-sts-host.XXXXXX) || exit 1
worlds=
trap 'rm -rf "$out" $worlds' EXIT
run=0
failed=0

ok() { # NAME, after a command
	status=$?
	run=$((run + 1))
	if [ $status -eq 0 ]; then
		echo "ok $run - $1"
	else
		echo "not ok $run - $1"
		cut -c 1-200 "$out" | sed 's/^/# /'
		failed=1
	fi
}

world() { # FAKE [LINE...]: sets $world
	world=$("$B/tests/help_world" "$@") || exit 1
	worlds="$worlds $world"
}

ask() { # [OPTION...] DOMAIN...: what is said goes to $out
	options=
	while :; do
		case $1 in
		-[nNFxU]) options="$options $1 $2" && shift 2 ;;
		-*) options="$options $1" && shift ;;
		*) break ;;
		esac
	done
	# shellcheck disable=SC2086
	"$host" $options "$object" "$world/mta-sts.conf" "$@" >"$out" 2>&1
	ok "the host survives$options $*"
}

said() { # LINE, NAME
	grep -q -x -F -e "$1" "$out"
	ok "$2"
}

clean() { # NAME
	said 'not-ok: 0' "$1: every call returns OK"
	said 'descriptors-left: 0' "$1: no descriptor is left"
	said 'children-left: 0' "$1: no child is left"
}

enforce='mode=enforce ign=!^([^.]+[.]mx[.]example|mx1[.]example)$:*'

# What is known and what is not, with a resolver that has a fault to report.
everything() { # NAME [OPTION...]
	name=$1
	shift
	ask "$@" fresh.example testing.example absent.example stale.example \
		due.example corrupt.example new.example '[192.0.2.1]'
	said "fresh.example: $enforce" "$name: a fresh policy is enforced"
	said 'testing.example: mode=testing' "$name: testing"
	said 'absent.example: mode=none' "$name: no policy"
	said "stale.example: $enforce" "$name: a policy not checked for long"
	said "due.example: $enforce" "$name: one that is to be fetched again"
	said 'corrupt.example: mode=defer why=entry_corrupt' \
		"$name: a file that cannot be believed"
	said 'new.example: mode=defer why=ca_unusable' \
		"$name: an unknown domain, with the resolver's reason"
	said '[192.0.2.1]: mode=none' "$name: an address literal"
	clean "$name"
}

world fault
everything 'a plain host'
everything 'ulimit -n 20' -N 60 -x 9
everything 'ulimit -f 4' -F 2048
everything 'umask 0' -u
everything 'SIGCHLD ignored' -c
everything 'every signal blocked' -s
everything 'descriptors 0 to 2 closed' -C
everything 'all at once' -u -c -s -F 2048 -N 60 -x 9 -C
if [ "$(id -u)" -eq 0 ]; then
	everything 'the owner of the state directory' -U 65534
	ask -U 65533 fresh.example
	said 'fresh.example: mode=defer why=state_unreadable' \
		'somebody who may not even read the store'
else
	run=$((run + 1))
	echo "ok $run - # SKIP other users: not run by root"
fi

# So few descriptors that not even the configuration can be read.
ask -N 60 -x 0 fresh.example
said 'fresh.example: mode=defer why=no_descriptors' 'no descriptor left'
clean 'no descriptor left'
# Enough for the store, not for a child.
ask -N 60 -x 3 fresh.example absent.example stale.example new.example
said "fresh.example: $enforce" 'three descriptors: a fresh policy'
said 'absent.example: mode=none' 'three descriptors: no policy'
said "stale.example: $enforce" 'three descriptors: a stale policy'
said 'new.example: mode=defer why=no_descriptors' 'three descriptors: unknown'
clean 'three descriptors'
ask -N 60 -x 3 due.example
said "due.example: $enforce" 'three descriptors: a policy that is due'
clean 'three descriptors'

# Without a cache of its own libc can say to the byte what is allocated.
export GLIBC_TUNABLES=glibc.malloc.tcache_count=0

leaks_nothing() { # NAME
	clean "$1"
	! grep -q 'answers differ' "$out"
	ok "$1: always the same answers"
	if grep -q -a __asan_init "$host"; then
		run=$((run + 1))
		echo "ok $run - # SKIP memory: a sanitizer is in the way"
	else
		said 'bytes-left: 0' "$1: no byte is left"
		grown=$(sed -n 's/^kib-grown: //p' "$out")
		[ "${grown:-999}" -le 256 ]
		ok "$1: $grown KiB more are resident"
	fi
	echo "# $1: $(sed -n 's/^us-per-call: //p' "$out") us a call"
}
ask -n 1000 fresh.example
leaks_nothing '1,000 fresh policies'
ask -n 1000 absent.example
leaks_nothing '1,000 times no policy'
ask -n 1000 many.example
leaks_nothing '1,000 policies of 300 names'
ask -n 1000 due.example
leaks_nothing '1,000 policies that are due'
ask -n 1000 stale.example
leaks_nothing '1,000 runs of a resolver'
world ''
ask -n 1000 new.example corrupt.example
leaks_nothing '2,000 resolvers that are missing'

# shellcheck disable=SC2086
if ! command -v valgrind >/dev/null; then
	run=$((run + 1))
	echo "ok $run - # SKIP memcheck: no valgrind"
elif grep -q -a __asan_init "$host"; then
	run=$((run + 1))
	echo "ok $run - # SKIP memcheck: built with another sanitizer"
else
	world fault
	valgrind -q --leak-check=full --child-silent-after-fork=yes \
		--errors-for-leak-kinds=definite,indirect,possible \
		--error-exitcode=9 "$host" -n 10 "$object" \
		"$world/mta-sts.conf" fresh.example testing.example \
		absent.example stale.example due.example corrupt.example \
		new.example many.example '[192.0.2.1]' "$(printf '\303\274.example')" \
		>"$out" 2>&1
	ok 'memcheck finds nothing'
	clean 'memcheck'
fi
echo "1..$run"
exit $failed
