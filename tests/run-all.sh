#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make test: everything, in stages, with the seconds of each.  Needs root and
# Debian.  Ends with "N passed, N failed", assertions counted, and exit status
# 0 only where none failed.  Logs stay in $B/logs.
#
# usage: tests/run-all.sh [STAGE...]    (default: all, in the order below)
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tests/lab/packages.sh
need_root
# What is started here is no part of the make that started us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

B=${B:-build}
jobs=$(nproc)
# Most of what they do is to wait.
proveflags="-j$((4 * jobs)) --failures --comments"
export B
passed=0 failed=0 failures='' beside=''
mkdir -p "$B/logs"
scratch=$(mktemp -d) || exit 1
trap '[ -z "$beside" ] || kill -s TERM -- "-$beside" 2>/dev/null
	rm -rf "$scratch"' EXIT
# Once: make passes on what a terminal has sent to both.
trap 'trap "" INT TERM HUP; exit 130' INT
trap 'trap "" INT TERM HUP; exit 143' TERM HUP

# Adds up what prove says: "Files=1, Tests=9, ..." and "Failed: 2)".
count_tests() {
	awk '/^Files=[0-9]+, Tests=[0-9]+/ {
		split($2, pair, "="); tests += pair[2] }
	match($0, /Failed: [0-9]+\)/) {
		failed += substr($0, RSTART + 8, RLENGTH - 9) }
	END { print tests + 0, failed + 0 }' "$1"
}

# stage NAME COMMAND...: runs it, shows what it prints, counts.
stage() {
	name=$1
	shift
	log=$B/logs/$name.log
	printf '== %s\n' "$name"
	start=$(date +%s)
	{ "$@" 2>&1; echo $? >"$scratch/status"; } | tee "$log"
	status=$(cat "$scratch/status")
	# shellcheck disable=SC2046
	set -- $(count_tests "$log")
	tests=$1 bad=$2
	# A stage without assertions of its own is one; so is a failure that
	# no assertion tells of.
	[ "$tests" -eq 0 ] && tests=1
	[ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
	[ "$bad" -gt "$tests" ] && tests=$bad
	[ "$bad" -gt 0 ] && failures="$failures $name"
	passed=$((passed + tests - bad))
	failed=$((failed + bad))
	printf -- '-- %s: %s, %d passed, %d failed, %d s\n\n' "$name" \
	    "$([ "$status" -eq 0 ] && [ "$bad" -eq 0 ] && echo ok || echo FAILED)" \
	    $((tests - bad)) "$bad" $(($(date +%s) - start))
}

packages() {
	# shellcheck disable=SC2086
	install_packages $BUILD_TOOLS $LAB_TOOLS clang valgrind mandoc git \
	    clang-format cppcheck shellcheck &&
	    install_packages "libclang-rt-$(clang -dumpversion |
		cut -d. -f1)-dev" &&
	    unpack_servers
}

# quiet_build COMMAND...: has make build all, tests too; a warning is an error.
quiet_build() {
	"$@" all check-bin >"$scratch/build" 2>&1
	status=$?
	cat "$scratch/build"
	if grep -q 'warning:' "$scratch/build"; then
		echo 'there are warnings'
		return 1
	fi
	return $status
}

with_gcc() {
	make -s -j"$jobs" CC=gcc B="$B" "$@"
}

# With sanitizers; leaks are looked for where a process is to end by itself.
with_clang() {
	make -s -j"$jobs" CC=clang B="$B/san" CFLAGS='-O1 -g' \
	    SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' "$@"
}

unit() {
	make -s B="$B" PROVEFLAGS="$proveflags" check
}

# The code with one fault each.  Where fuzz or lab come first, this runs beside
# it, and is shown in its own turn.
mutants() {
	if [ -n "$beside" ]; then
		cat "$scratch/mutants"
		return "$(cat "$scratch/mutants.status")"
	fi
	prove -v -e python3 tests/mutants/run
}

# In a process group of its own, so that it ends with us.
begin_mutants() {
	# shellcheck disable=SC2016
	setsid nice sh -c 'prove -v -e python3 tests/mutants/run
		echo $? >"$1"' sh "$scratch/mutants.status" \
	    >"$scratch/mutants" 2>&1 &
	beside=$!
}

sanitizers() {
	with_clang PROVEFLAGS="$proveflags" check
}

# Files of the store, damaged 10,000 times, under the same sanitizers.
corruptions() {
	with_clang "$B/san/tests/test_corrupt" &&
	    STS_CORRUPTIONS=10000 prove -v "$B/san/tests/test_corrupt"
}

memcheck() {
	for program in test_exim_query test_ask; do
		echo "memcheck: $program"
		valgrind -q --error-exitcode=99 --leak-check=full \
		    --child-silent-after-fork=yes \
		    "$B/tests/$program" || return 1
	done
}

fuzz() {
	make -s -j"$jobs" B="$B" fuzz FUZZ_SECONDS=10 2>&1 |
	    grep -v '^INFO\|^stat::'
	make -s B="$B" PROVEFLAGS="$proveflags" fuzz-opensmtpd || return 1
	[ -z "$(find "$B/fuzz" -maxdepth 1 -name '*-crash-*' -o \
	    -maxdepth 1 -name '*-timeout-*' -o -maxdepth 1 -name '*-leak-*')" ]
}

# From a clone of its own, as nobody, with no network but loopback.
unprivileged() {
	if [ -d .git ]; then
		git -c safe.directory="$top/.git" clone -q --no-hardlinks \
		    "$top" "$scratch/clone" || return 1
	else
		mkdir "$scratch/clone"
		tar --exclude="./$B" -cf - . | tar -C "$scratch/clone" -xf -
	fi
	chmod 755 "$scratch"
	mkdir "$scratch/home"
	chown -R nobody "$scratch/clone" "$scratch/home"
	# shellcheck disable=SC2016
	unshare --net sh -c 'ip link set lo up; exec "$@"' sh \
	    setpriv --reuid nobody --regid nogroup --clear-groups \
	    env -i PATH="$PATH" HOME="$scratch/home" make -s -C \
	    "$scratch/clone" -j"$jobs" "$@"
}

distcheck() {
	unprivileged PROVEFLAGS="$proveflags" distcheck || return 1
	make -s -C "$scratch/clone" B=build clean
}

lab() {
	rm -f "$B"/lab/matrix-*.txt
	tests/lab/run
	status=$?
	printf '\nWhat becomes of mail, fault by fault:\n'
	cat "$B"/lab/matrix-*.txt
	return $status
}

# What a world must leave alone: mounts, interfaces, files, processes.  The
# world's own /tmp is a tmpfs, and other programs use this machine's; the mutants
# that run beside it build in a directory of their own.
host_state() {
	cat /proc/self/mounts
	ip -o link | cut -d: -f2
	find /etc /run /var /usr -xdev -newer "$scratch/mark" ! -type d \
	    ! -path '/run/systemd/*' ! -path '/var/log/journal/*' \
	    ! -path '/var/lib/systemd/*' ! -path "$top/*" \
	    ! -path '/var/tmp/mta-sts-mutants.*' 2>/dev/null | sort
	grep -l "LAB_MARK=$$" /proc/[0-9]*/environ 2>/dev/null
}

as_before() {
	host_state >"$scratch/after"
	cmp -s "$scratch/before" "$scratch/after"
}

# within SECONDS COMMAND...: waits until it succeeds.
within() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 0.5
	done
}

# A world that is ended by a signal to the whole group, as Ctrl-C does it, or
# to the process that was started, and once by its time limit.
left_behind() {
	touch "$scratch/mark"
	sleep 1
	host_state >"$scratch/before"
	export LAB_MARK=$$
	mail=tests/lab/test_reuse.py # a program that has Exim's daemons
	for signal in INT TERM HUP KILL; do
		setsid tests/lab/enter "$mail" >"$B/logs/world" 2>&1 &
		within 60 grep -q '^ok 1 ' "$B/logs/world" || return 1
		case $signal in
		INT | TERM) kill -s "$signal" -- -$! ;;
		*) kill -s "$signal" $! ;;
		esac
		wait $! 2>/dev/null
		echo "world ended by SIG$signal"
	done
	LAB_LIMIT=3 tests/lab/enter /bin/sleep 60
	[ $? -eq 124 ] || return 1
	within 30 as_before || {
		diff "$scratch/before" "$scratch/after"
		return 1
	}
	echo 'nothing is left behind'
}

lint() {
	LINT_ALL=1 make -s lint
}

demo() {
	tests/demo.sh
}

# Each row runs; nothing here can fail for being slow.
bench() {
	BENCH_SHORT=1 make -s B="$B" bench
}

began=$(date +%s)
stage packages packages
counted=$(date +%s)
if [ $# -eq 0 ]; then
	set -- lint gcc unit bench clang sanitizers corruptions memcheck fuzz \
	    distcheck lab left_behind demo mutants
fi
for name in "$@"; do
	case "$name $*" in
	"fuzz "*mutants* | "lab "*mutants*)
		[ -n "$beside" ] || begin_mutants ;;
	esac
	case $name in
	gcc) stage gcc quiet_build with_gcc ;;
	clang) stage clang quiet_build with_clang ;;
	mutants)
		[ -z "$beside" ] || wait "$beside"
		stage mutants mutants
		beside= ;;
	unit | bench | sanitizers | corruptions | memcheck | fuzz | \
	    distcheck | lab | left_behind | demo | lint)
		stage "$name" "$name" ;;
	*)
		echo "$0: no stage $name" >&2
		exit 2 ;;
	esac
done
printf 'packages: %d s; all else: %d s\n' $((counted - began)) \
    $(($(date +%s) - counted))
[ -n "$failures" ] && echo "failed:$failures"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
