# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Debian trees, for what has to be seen on another release than this machine's.
# Sourced in the top directory, after tests/lab/packages.sh.  A tree is made once
# by debootstrap, below a cache, and is never written to again: what runs in it
# runs in a copy in memory, in namespaces of its own, and vanishes with them.
# However the script that sources this ends, what it started ends with it.

MATRIX_CACHE=${MATRIX_CACHE:-${XDG_CACHE_HOME:-/var/cache}/mta-sts-matrix}
# Beside those of README.md: what the tests want, and the second compiler.
CHECK_PACKAGES='perl python3 openssl ca-certificates iproute2 clang'
TREE_DAYS=7 # after which a tree is made anew: sid moves
TREE_LIMIT=900 # seconds for debootstrap, and for its packages
tree_job='' tree_new=''

# tree_begin: makes the directory $scratch, which goes when this script ends.
tree_begin() {
	scratch=$(mktemp -d) || exit 1
	trap tree_end EXIT
	# Once: make passes on what a terminal has sent to both.
	trap 'trap "" INT TERM HUP; exit 130' INT
	trap 'trap "" INT TERM HUP; exit 143' TERM HUP
}

# The job has a process group of its own; its first processes die with timeout,
# and the namespaces with them, a moment later.
tree_end() {
	if [ -n "$tree_job" ]; then
		kill -s KILL -- "-$tree_job" 2>/dev/null
		wait "$tree_job" 2>/dev/null
		tree_tries=50
		while kill -s 0 -- "-$tree_job" 2>/dev/null &&
		    [ "$tree_tries" -gt 0 ]; do
			sleep 0.1
			tree_tries=$((tree_tries - 1))
		done
	fi
	rm -rf "$scratch" ${tree_new:+"$tree_new"}
}

# tree_held SECONDS COMMAND...: runs the command in mount and PID namespaces of
# its own, at most so long (137).  In the background: a shell that waits for a
# command in the foreground heeds no signal until that has ended.
tree_held() {
	tree_limit=$1
	shift
	setpriv --pdeathsig KILL timeout -s KILL "$tree_limit" \
	    env --default-signal=INT,QUIT setpriv --pdeathsig KILL \
	    unshare --mount --pid --fork --kill-child --propagation private \
	    "$@" </dev/null &
	tree_job=$!
	wait "$tree_job"
	tree_status=$?
	tree_job=
	return $tree_status
}

# tree_make SUITE ARCHITECTURE NAME PACKAGE...: makes $MATRIX_CACHE/NAME, a
# minimal Debian with these packages, unless it is there.  With the progress
# and the errors of all of it in $MATRIX_CACHE/NAME.log.  What $tree_backports
# names, patterns with spaces between them, is that of the suite's backports.
tree_make() {
	tree_suite=$1 tree_arch=$2 tree_name=$3
	shift 3
	tree=$MATRIX_CACHE/$tree_name
	tree_want="$tree_suite $tree_arch $*"
	[ -z "${tree_backports:-}" ] ||
	    tree_want="$tree_want, backports: $tree_backports"
	mkdir -p "$MATRIX_CACHE/debs" && chmod 700 "$MATRIX_CACHE" || return 1
	exec 9>"$MATRIX_CACHE/$tree_name.lock" && flock 9 || return 1
	tree_ready || tree_anew "$@"
	tree_status=$?
	exec 9>&-
	return $tree_status
}

tree_ready() {
	[ "$(cat "$tree/complete" 2>/dev/null)" = "$tree_want" ] &&
	    [ -n "$(find "$tree/complete" -mtime "-$TREE_DAYS")" ]
}

tree_anew() {
	echo "making a Debian tree: $tree_name" >&2
	rm -rf "$tree" "$tree.new"
	tree_new=$tree.new
	if tree_fill "$tree.new" "$@" >"$tree.log" 2>&1; then
		echo "$tree_want" >"$tree.new/complete"
		mv "$tree.new" "$tree"
		tree_new=
		return 0
	fi
	tail -n 20 "$tree.log" >&2
	echo "$tree_name: no tree, see $tree.log" >&2
	rm -rf "$tree.new"
	tree_new=
	return 1
}

# tree_fill DIRECTORY PACKAGE...
tree_fill() {
	directory=$1
	shift
	install_packages debootstrap || return 1
	mirror=$(lab_mirror)
	if [ -z "$mirror" ]; then
		apt-get -q update >/dev/null 2>&1
		mirror=$(lab_mirror)
	fi
	if [ -z "$mirror" ]; then
		echo "$0: apt's sources name no mirror of Debian" >&2
		return 1
	fi
	tree_held "$TREE_LIMIT" debootstrap --variant=minbase \
	    --arch="$tree_arch" --cache-dir="$MATRIX_CACHE/debs" \
	    "$tree_suite" "$directory" \
	    "$mirror" || return 1
	# No package starts a daemon, or asks.
	printf '#!/bin/sh\nexit 101\n' >"$directory/usr/sbin/policy-rc.d"
	chmod 755 "$directory/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$directory/etc/resolv.conf"
	# Whether a mirror may be behind is this machine's to say.
	apt-config dump Acquire::Check-Valid-Until \
	    >"$directory/etc/apt/apt.conf.d/90machine"
	[ -z "${tree_backports:-}" ] || tree_add_backports "$directory"
	# Whatever a package starts nevertheless ends with the namespace.
	tree_held "$TREE_LIMIT" sh -c '
		mount -t proc proc "$1/proc" || exit 1
		root=$1
		shift
		chroot "$root" env -i PATH="$PATH" LC_ALL=C apt-get -q update &&
		    exec chroot "$root" env -i PATH="$PATH" LC_ALL=C \
		    DEBIAN_FRONTEND=noninteractive apt-get -y -q \
		    --no-install-recommends install "$@"' \
	    sh "$directory" "$@" || return 1
	rm -rf "$directory"/var/cache/apt/archives/*.deb
}

# tree_add_backports DIRECTORY
tree_add_backports() {
	echo "deb $mirror $tree_suite-backports main" \
	    >"$1/etc/apt/sources.list.d/backports.list"
	printf 'Package: %s\nPin: release n=%s\nPin-Priority: 990\n' \
	    "$tree_backports" "$tree_suite-backports" \
	    >"$1/etc/apt/preferences.d/backports"
}

# tree_debs NAME PACKAGE...: what a copy of the tree can then install without a
# network; the tree has none of it.
tree_debs() {
	tree_store=$MATRIX_CACHE/$1-debs
	tree_stamp=$tree_store/$(echo "$*" | tr ' ' +).complete
	# shellcheck disable=SC3013 # dash and all others know it
	[ "$tree_stamp" -nt "$MATRIX_CACHE/$1/complete" ] && return 0
	mkdir -p "$tree_store/partial" "$MATRIX_CACHE/empty"
	tree_log=$MATRIX_CACHE/$1-debs.log
	tree_name=$1
	shift
	if tree_run_as host "$MATRIX_CACHE/empty" "$TREE_LIMIT" "$tree_name" \
	    "$MATRIX_CACHE/empty" apt-get -q -y --no-install-recommends \
	    --download-only install "$@" >"$tree_log" 2>&1; then
		touch "$tree_stamp"
		return 0
	fi
	cat "$tree_log" >&2
	return 1
}

# tree_run SECONDS NAME SOURCES COMMAND...: runs the command as root in a copy
# of a tree that has a copy of the directory SOURCES as /src, with no network
# but loopback.  What it leaves in the directory /out of the copy is in
# $tree_out afterwards, which must exist.
tree_run() {
	tree_run_as "${tree_net:-}" "$tree_out" "$@"
}

# tree_run_as NETWORK OUT SECONDS NAME SOURCES COMMAND...: NETWORK is "host" or
# nothing; OUT stands for $tree_out.
tree_run_as() {
	tree_net_as=$1 tree_out_as=$2 tree_seconds=$3 tree=$MATRIX_CACHE/$4
	tree_src=$5
	shift 5
	tree_unshare='--mount-proc --uts --ipc'
	[ "$tree_net_as" = host ] || tree_unshare="$tree_unshare --net"
	mkdir -p "$scratch/mount"
	# shellcheck disable=SC2086
	tree_held "$tree_seconds" $tree_unshare env tree_debs="$tree-debs" \
	    tree_cache="${tree_cache:-}" tree_net="$tree_net_as" \
	    sh tests/matrix/inside "$scratch/mount" "$tree" "$tree_src" \
	    "$tree_out_as" "$@"
}

# tree_sources DIRECTORY: what git tracks, as it lies here; all but what was
# built where there is no git.
tree_sources() {
	if [ -e "$top/.git" ]; then
		git -C "$top" -c safe.directory='*' ls-files -z |
		    tar -C "$top" --null -T - -cf - | tar -C "$1" -xf -
	else
		tar -C "$top" --exclude="./${B:-build}" -cf - . |
		    tar -C "$1" -xf -
	fi
}

# readme_packages: the packages that README.md's "apt-get install" names.
readme_packages() {
	awk '/^    apt-get install/ { on = 1; sub(/.*install/, "") }
	on { more = /\\$/; sub(/\\$/, ""); print; if (!more) exit }' \
	    "$top/README.md"
}
