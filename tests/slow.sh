#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make test-slow: make check again and again, each time at a part of one core, as
# on a slow build machine, from a clone, as nobody, with no network but loopback.
# As many runs at once as JOBS, each with its share of its own.  Builds at full
# speed first.  Root and Debian; a line for each run, the failed tests' names in
# it; ends with "N of N passed", exit status 0 where all did.  Logs lie in
# $B/slow.
#
# usage: tests/slow.sh [RUNS [PERCENT [JOBS [MAKE-ARGUMENT...]]]]
#        (default: 20 25, and two jobs for each processor)
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tests/lab/packages.sh
need_root
# What is started here is no part of the make that started us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
runs=${1:-20} percent=${2:-25} jobs=${3:-$((2 * $(nproc)))}
[ $# -gt 3 ] && shift 3 || shift $#

logs=$top/${B:-build}/slow
case ${B:-build} in /*) logs=$B/slow ;; esac
scratch=$(mktemp -d) && mkdir -p "$logs" || exit 1
groups=
# However this ends, what it started ends with it.
slow_end() {
	for group in $groups; do
		xargs -r kill -s KILL <"$group/cgroup.procs" 2>/dev/null
	done
	wait
	for group in $groups; do
		rmdir "$group" 2>/dev/null
	done
	rm -rf "$scratch"
}
trap slow_end EXIT
# Once: make passes on what a terminal has sent to both.
trap 'trap "" INT TERM HUP; exit 130' INT
trap 'trap "" INT TERM HUP; exit 143' TERM HUP

# make_group NAME: $group, a group of processes that has so much of one core: of
# either version of cgroups.
make_group() {
	for root in /sys/fs/cgroup /sys/fs/cgroup/cpu; do
		group=$root/mta-sts-slow.$$.$1
		mkdir "$group" 2>/dev/null || continue
		if [ -e "$group/cpu.max" ]; then
			echo "$((percent * 1000)) 100000" >"$group/cpu.max" &&
			    return
		elif [ -e "$group/cpu.cfs_quota_us" ]; then
			echo 100000 >"$group/cpu.cfs_period_us" &&
			    echo "$((percent * 1000))" \
				>"$group/cpu.cfs_quota_us" && return
		fi
		rmdir "$group"
	done
	echo "$0: no cgroup can be made that limits the processor" >&2
	exit 1
}

# as_nobody COMMAND...
as_nobody() {
	setpriv --reuid nobody --regid nogroup --clear-groups \
	    env -i PATH="$PATH" HOME="$scratch/home" "$@"
}

# check GROUP COPY ARGUMENT...: make check in this group, in this copy, which it
# sees at the place where it was built.
check() (
	group=$1 copy=$2
	shift 2
	# shellcheck disable=SC2016
	exec unshare --net --mount sh -c 'echo $$ >"$1/cgroup.procs" &&
		mount --bind "$2" "$3" || exit 1
		shift 3; ip link set lo up; exec "$@"' \
	    sh "$group" "$copy" "$scratch/clone" \
	    setpriv --reuid nobody --regid nogroup --clear-groups \
	    env -i PATH="$PATH" HOME="$scratch/home" \
	    make -s -C "$scratch/clone" "$@" check
)

# one_run NUMBER GROUP COPY ARGUMENT...
one_run() {
	run=$1 start=$(date +%s)
	shift
	if check "$@" >"$logs/$run.log" 2>&1; then
		result=passed
		: >"$scratch/passed.$run"
	else
		result="FAILED: $(awk '/\(Wstat|^  Failed test/ { print $1 }' \
		    "$logs/$run.log" | sort -u | tr '\n' ' ')"
	fi
	echo "$commit, run $run of $runs at $percent %:" \
	    "$(($(date +%s) - start)) s, $result"
}

# one_job NUMBER GROUP COPY ARGUMENT...: each run that is this job's.
one_job() (
	trap - EXIT
	run=$1
	shift
	while [ "$run" -le "$runs" ]; do
		one_run "$run" "$@"
		run=$((run + jobs))
	done
)

# shellcheck disable=SC2086
install_packages git util-linux iproute2 perl python3 openssl $BUILD_TOOLS ||
    exit 1
git -c safe.directory="$top/.git" clone -q --no-hardlinks "$top" \
    "$scratch/clone" || exit 1
commit=$(git -C "$scratch/clone" log -1 --format=%h)
mkdir "$scratch/home"
chmod 755 "$scratch"
chown -R nobody "$scratch/clone" "$scratch/home"
as_nobody make -s -j"$(nproc)" -C "$scratch/clone" "$@" all check-bin \
    >"$logs/build.log" 2>&1 || { cat "$logs/build.log"; exit 1; }

job=0
while [ "$job" -lt "$jobs" ]; do
	job=$((job + 1))
	make_group "$job"
	groups="$groups $group"
	cp -a "$scratch/clone" "$scratch/$job"
	one_job "$job" "$group" "$scratch/$job" "$@" &
done
# In the background: a shell heeds no signal until what it waits for has ended.
wait
passed=$(find "$scratch" -maxdepth 1 -name 'passed.*' | wc -l)
echo "$passed of $runs passed"
[ "$passed" -eq "$runs" ]
