# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# What the lab and the build need, sourced by run, demo.sh and run-all.sh.
#
# Build tools are installed, where missing.  Servers (Exim, knot, nginx) are
# only downloaded and unpacked below a cache, with those of their dependencies
# that are missing, so that this machine gets no mail server of ours.  So is
# OpenSMTPD, of two releases of Debian, each with all that it needs.

LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-/var/cache}/mta-sts-lab}
LAB_SERVERS='exim4-daemon-heavy exim4-base exim4-config knot nginx'
LAB_SMTPD="opensmtpd dash coreutils libcurl4 libc-ares2 libbsd0 libidn2-0 \
libssl3 libjansson4 zlib1g openssl"
LAB_SMTPD_SUITES='bookworm trixie'
LAB_TOOLS='python3 openssl iproute2 perl util-linux mount'
BUILD_TOOLS='gcc make pkg-config libc6-dev libcurl4-openssl-dev libc-ares-dev
	libssl-dev libbsd-dev libidn2-dev libjansson-dev zlib1g-dev'

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
	for suite in $LAB_SMTPD_SUITES; do
		unpack_smtpd "$suite" || return 1
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
	rm -rf "$LAB_CACHE"
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

# lab_mirror: the archive that this machine's own packages come from.
lab_mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' \
	    'Created-By: Packages' 'Component: main' 2>/dev/null |
	    awk -v own="$(. /etc/os-release && echo "$VERSION_CODENAME")" \
		'$1 == own { print $2; exit }'
}

# unpack_smtpd SUITE: fills $LAB_CACHE/smtpd/SUITE with OpenSMTPD as that
# release of Debian has it, and everything below it down to the C library.
unpack_smtpd() {
	smtpd_tree=$LAB_CACHE/smtpd/$1
	smtpd_want="$(dpkg --print-architecture) $LAB_SMTPD"
	if [ "$(cat "$smtpd_tree/complete" 2>/dev/null)" = "$smtpd_want" ]; then
		return 0
	fi
	smtpd_mirror=$(lab_mirror)
	if [ -z "$smtpd_mirror" ]; then
		apt-get -q update >/dev/null 2>&1
		smtpd_mirror=$(lab_mirror)
	fi
	echo "downloading: OpenSMTPD of $1" >&2
	mkdir -p "$LAB_CACHE/smtpd" &&
	    smtpd_new=$(mktemp -d "$LAB_CACHE/smtpd/new.XXXXXX") || return 1
	if ! fill_smtpd "$smtpd_new" "$1" >"$smtpd_new/log" 2>&1; then
		cat "$smtpd_new/log" >&2
		rm -rf "$smtpd_new"
		return 1
	fi
	echo "$smtpd_want" >"$smtpd_new/complete"
	rm -rf "$smtpd_new/apt" "$smtpd_tree"
	mv "$smtpd_new" "$smtpd_tree" && chmod 755 "$smtpd_tree"
}

# fill_smtpd DIRECTORY SUITE: an apt of its own, to which nothing is installed.
fill_smtpd() {
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	apt=$1/apt
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" &&
	    : >"$apt/status" || return 1
	if [ -e "$key" ]; then key="[signed-by=$key]"; else key=; fi
	echo "deb $key $smtpd_mirror $2 main" >"$apt/sources.list"
	set -- "$1" -q -y -o Dir::State="$apt/state" \
	    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
	    -o Dir::Etc::sourcelist="$apt/sources.list" \
	    -o Dir::Etc::sourceparts=- -o Acquire::Languages=none \
	    -o APT::Sandbox::User=root
	smtpd_top=$1
	shift
	# shellcheck disable=SC2086
	apt-get "$@" update && apt-get "$@" --no-install-recommends \
	    --download-only install $LAB_SMTPD || return 1
	for directory in bin sbin lib lib64; do
		mkdir -p "$smtpd_top/usr/$directory" &&
		    ln -s "usr/$directory" "$smtpd_top/$directory" || return 1
	done
	for deb in "$apt"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
		    tar -x --keep-directory-symlink -C "$smtpd_top" ||
		    return 1
	done
}

need_root() {
	if [ "$(id -u)" -ne 0 ]; then
		echo "$0: the lab needs root, for namespaces and mounts" >&2
		exit 1
	fi
}
