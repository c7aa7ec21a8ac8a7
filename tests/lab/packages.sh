# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# What the lab and the build need, sourced by run, demo.sh and run-all.sh.
#
# Build tools are installed, where missing.  Servers (Exim, knot, nginx) are
# only downloaded and unpacked below a cache, with those of their dependencies
# that are missing, so that this machine gets no mail server of ours.  So is
# OpenSMTPD, of two releases of Debian, each with all that it needs.  What runs
# beside it is compiled for that release, by its own compiler.

LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-/var/cache}/mta-sts-lab}
LAB_SERVERS='exim4-daemon-heavy exim4-base exim4-config knot nginx'
LAB_SMTPD="opensmtpd dash coreutils libcurl4 libc-ares2 libbsd0 libidn2-0 \
libssl3 libjansson4 zlib1g openssl"
LAB_SMTPD_SUITES='bookworm trixie'
# Resolvers as machines have them, each with all that it needs.
LAB_RESOLVERS='unbound systemd-resolved'
# Web servers that policies are published on, likewise.
LAB_WEB='nginx apache2-bin media-types caddy'
LAB_TOOLS='python3 openssl iproute2 perl util-linux mount'
BUILD_TOOLS='gcc make pkg-config libc6-dev libcurl4-openssl-dev libc-ares-dev
	libssl-dev libbsd-dev libidn2-dev libjansson-dev zlib1g-dev'
# What compiles in a tree of another release.
LAB_SMTPD_BUILD="dash coreutils diffutils findutils sed grep mawk $BUILD_TOOLS"

export DEBIAN_FRONTEND=noninteractive

lab_apt() {
	apt-get -y -q --no-install-recommends "$@" >"$lab_apt_log" 2>&1
}

# Runs apt-get; with lists that are missing or old, once more after an update.
lab_apt_retry() {
	lab_apt_log=$(mktemp) || return 1
	if ! lab_apt "$@"; then
		apt-get -q update >"$lab_apt_log" 2>&1
		if ! lab_apt "$@"; then
			cat "$lab_apt_log" >&2
			rm -f "$lab_apt_log"
			return 1
		fi
	fi
	rm -f "$lab_apt_log"
}

# install_packages NAME...: installs those that are not.
install_packages() {
	missing=
	for package in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*' installed') ;;
		*) missing="$missing $package" ;;
		esac
	done
	[ -z "$missing" ] && return 0
	echo "installing:$missing" >&2
	# shellcheck disable=SC2086
	lab_apt_retry install $missing
}

# unpack_servers: fills the cache unless it is complete already.  The
# directory is root's alone: it holds a setuid program.
unpack_servers() {
	mkdir -p "${LAB_CACHE%/*}" &&
	    exec 9>"$LAB_CACHE.lock" && flock 9 || return 1
	unpack_all
	status=$?
	exec 9>&-
	return $status
}

unpack_all() {
	unpack_root || return 1
	unpack_tree resolvers "$(lab_suite)" "$LAB_RESOLVERS" || return 1
	unpack_tree web "$(lab_suite)" "$LAB_WEB" || return 1
	for suite in $LAB_SMTPD_SUITES; do
		unpack_tree "smtpd/$suite" "$suite" "$LAB_SMTPD" || return 1
		[ "$suite" = "$(lab_suite)" ] ||
		    unpack_tree "build/$suite" "$suite" "$LAB_SMTPD_BUILD" ||
		    return 1
	done
}

# unpack_root: $LAB_CACHE/root, which is laid over this machine's own /usr.
unpack_root() {
	lab_want="$(dpkg --print-architecture) $(cat /etc/debian_version) \
$LAB_SERVERS"
	if [ "$(cat "$LAB_CACHE/complete" 2>/dev/null)" = "$lab_want" ]; then
		return 0
	fi
	echo "downloading: $LAB_SERVERS" >&2
	rm -rf "${LAB_CACHE:?}"/* # itself it may be a mount
	mkdir -p "$LAB_CACHE/debs/partial" "$LAB_CACHE/root" &&
	    chmod 700 "$LAB_CACHE" || return 1
	# What is installed already must be downloaded too: a mail server of
	# this machine has another configuration.
	# shellcheck disable=SC2086
	lab_apt_retry install --download-only --reinstall \
	    -o Dir::Cache::archives="$LAB_CACHE/debs" $LAB_SERVERS || return 1
	for deb in "$LAB_CACHE"/debs/*.deb; do
		dpkg -x "$deb" "$LAB_CACHE/root" || return 1
	done
	rm -rf "$LAB_CACHE/debs"
	echo "$lab_want" >"$LAB_CACHE/complete"
}

# lab_suite: the release of this machine.
lab_suite() {
	(. /etc/os-release && echo "$VERSION_CODENAME")
}

# lab_mirror: the archive that this machine's own packages come from.
lab_mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' \
	    'Created-By: Packages' 'Component: main' 2>/dev/null |
	    awk -v own="$(lab_suite)" '$1 == own { print $2; exit }'
}

# unpack_tree NAME SUITE PACKAGES: fills $LAB_CACHE/NAME with these packages as
# that release of Debian has them, and everything below them down to the C
# library.
unpack_tree() {
	lab_tree=$LAB_CACHE/$1
	lab_want="$(dpkg --print-architecture) $3"
	if [ "$(cat "$lab_tree/complete" 2>/dev/null)" = "$lab_want" ]; then
		return 0
	fi
	lab_archive=$(lab_mirror)
	if [ -z "$lab_archive" ]; then
		apt-get -q update >/dev/null 2>&1
		lab_archive=$(lab_mirror)
	fi
	echo "downloading: $1" >&2
	mkdir -p "${lab_tree%/*}" &&
	    lab_new=$(mktemp -d "${lab_tree%/*}/new.XXXXXX") || return 1
	if ! fill_tree "$lab_new" "$2" "$3" >"$lab_new/log" 2>&1; then
		cat "$lab_new/log" >&2
		rm -rf "$lab_new"
		return 1
	fi
	echo "$lab_want" >"$lab_new/complete"
	rm -rf "$lab_new/apt" "$lab_tree"
	mv "$lab_new" "$lab_tree" && chmod 755 "$lab_tree"
}

# fill_tree DIRECTORY SUITE PACKAGES: an apt of its own, to which nothing is
# installed.
fill_tree() {
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	apt=$1/apt
	lab_packages=$3
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" \
	    "$1/dev" "$1/proc" "$1/src" "$1/out" "$1/tmp" &&
	    : >"$apt/status" || return 1
	if [ -e "$key" ]; then key="[signed-by=$key]"; else key=; fi
	echo "deb $key $lab_archive $2 main" >"$apt/sources.list"
	set -- "$1" -q -y -o Dir::State="$apt/state" \
	    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
	    -o Dir::Etc::sourcelist="$apt/sources.list" \
	    -o Dir::Etc::sourceparts=- -o Acquire::Languages=none \
	    -o APT::Sandbox::User=root
	lab_top=$1
	shift
	# shellcheck disable=SC2086
	apt-get "$@" update && apt-get "$@" --no-install-recommends \
	    --download-only install $lab_packages || return 1
	for directory in bin sbin lib lib64; do
		mkdir -p "$lab_top/usr/$directory" &&
		    ln -s "usr/$directory" "$lab_top/$directory" || return 1
	done
	for deb in "$apt"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
		    tar -x --keep-directory-symlink -C "$lab_top" ||
		    return 1
	done
	[ -e "$lab_top/usr/bin/sh" ] || ln -s dash "$lab_top/usr/bin/sh"
}

# build_smtpd SOURCES BUILD: builds OpenSMTPD's half for each release that is
# not this machine's, in a tree of that release, below BUILD/debian/SUITE.  The
# time of the file "complete" there says when it was last as new as the sources.
build_smtpd() {
	mkdir -p "$2/debian" && exec 9>"$2/debian/lock" && flock 9 || return 1
	build_status=0
	for suite in $LAB_SMTPD_SUITES; do
		[ "$suite" != "$(lab_suite)" ] || continue
		mkdir -p "$2/debian/$suite"
		# shellcheck disable=SC2016
		unshare --mount --propagation private sh -ec '
			mount --bind "$2" "$1/src"
			mount --bind "$3" "$1/out"
			mount --bind /dev "$1/dev"
			exec chroot "$1" /usr/bin/env -i PATH=/usr/bin \
			    make -s -C /src -j"$(nproc)" CC=gcc B=/out \
			    all-opensmtpd' \
		    sh "$LAB_CACHE/build/$suite" "$1" "$2/debian/$suite" &&
		    touch "$2/debian/$suite/complete" || build_status=1
	done
	exec 9>&-
	return $build_status
}

need_root() {
	if [ "$(id -u)" -ne 0 ]; then
		echo "$0: the lab needs root, for namespaces and mounts" >&2
		exit 1
	fi
}
