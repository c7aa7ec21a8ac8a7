#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make test-slow: make check again and again at a part of one core, as on a slow
# build machine, from a clone, as nobody, with no network but loopback.  Builds
# at full speed first.  Root and Linux; a line for each run, the failed tests'
# names in it; ends with "N of N passed", exit status 0 where all did.  Logs lie
# in $B/slow.
#
# usage: tests/slow.sh [RUNS [PERCENT [MAKE-ARGUMENT...]]]    (default: 20 25)
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tests/lab/packages.sh
need_root
# What is started here is no part of the make that started us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
runs=${1:-20} percent=${2:-25}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] && shift

logs=$top/${B:-build}/slow
case ${B:-build} in /*) logs=$B/slow ;; esac
scratch=$(mktemp -d) && mkdir -p "$logs" || exit 1
group=
trap 'rm -rf "$scratch"; [ -z "$group" ] || rmdir "$group" 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A group of processes that has so much of one core: of either version.
for root in /sys/fs/cgroup /sys/fs/cgroup/cpu; do
	group=$root/mta-sts-slow.$$
	mkdir "$group" 2>/dev/null || { group=; continue; }
	if [ -e "$group/cpu.max" ]; then
		echo "$((percent * 1000)) 100000" >"$group/cpu.max" && break
	elif [ -e "$group/cpu.cfs_quota_us" ]; then
		echo 100000 >"$group/cpu.cfs_period_us" &&
		    echo "$((percent * 1000))" >"$group/cpu.cfs_quota_us" && break
	fi
	rmdir "$group"
	group=
done
if [ -z "$group" ]; then
	echo "$0: no cgroup can be made that limits the processor" >&2
	exit 1
fi

# as_nobody COMMAND...
as_nobody() {
	setpriv --reuid nobody --regid nogroup --clear-groups \
	    env -i PATH="$PATH" HOME="$scratch/home" "$@"
}

# check ARGUMENT...: make check in the group.
check() (
	# shellcheck disable=SC2016
	exec unshare --net sh -c 'echo $$ >"$1/cgroup.procs" || exit 1
		shift; ip link set lo up; exec "$@"' sh "$group" \
	    setpriv --reuid nobody --regid nogroup --clear-groups \
	    env -i PATH="$PATH" HOME="$scratch/home" \
	    make -s -C "$scratch/clone" "$@" check
)

git -c safe.directory="$top/.git" clone -q --no-hardlinks "$top" \
    "$scratch/clone" || exit 1
commit=$(git -C "$scratch/clone" log -1 --format=%h)
mkdir "$scratch/home"
chmod 755 "$scratch"
chown -R nobody "$scratch/clone" "$scratch/home"
as_nobody make -s -j"$(nproc)" -C "$scratch/clone" "$@" all check-bin \
    >"$logs/build.log" 2>&1 || { cat "$logs/build.log"; exit 1; }

passed=0 run=0
while [ "$run" -lt "$runs" ]; do
	run=$((run + 1))
	start=$(date +%s)
	if check "$@" >"$logs/$run.log" 2>&1; then
		passed=$((passed + 1)) result=passed
	else
		result="FAILED: $(awk '/\(Wstat|^  Failed test/ { print $1 }' \
		    "$logs/$run.log" | sort -u | tr '\n' ' ')"
	fi
	echo "$commit, run $run of $runs at $percent %:" \
	    "$(($(date +%s) - start)) s, $result"
done
echo "$passed of $runs passed"
[ "$passed" -eq "$runs" ]
