# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# What the lab and the build need, sourced by run, demo.sh and run-all.sh.
#
# Build tools are installed, where missing.  Servers (Exim, knot, nginx) are
# only downloaded and unpacked below a cache, with those of their dependencies
# that are missing, so that this machine gets no mail server of ours.

LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-/var/cache}/mta-sts-lab}
LAB_SERVERS='exim4-daemon-heavy exim4-base exim4-config knot nginx'
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

# unpack_servers: fills $LAB_CACHE/root unless it is complete already.  The
# directory is root's alone: it holds a setuid program.
unpack_servers() {
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

need_root() {
	if [ "$(id -u)" -ne 0 ]; then
		echo "$0: the lab needs root, for namespaces and mounts" >&2
		exit 1
	fi
}
