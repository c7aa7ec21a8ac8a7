# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Other releases of Exim for the lab, as Debian has them: 4.98 (backports of
# Debian 12) and 4.100 (backports of Debian 13), beside the 4.96 that
# packages.sh unpacks.  Sourced by run-exims, after packages.sh.
#
# Each is a tree with Exim's own packages (root), which world.py lays over
# /usr, and the shared libraries below them down to the C library (lib), which
# are for this one program.

LAB_EXIMS='4.98 4.100'
EXIM_TOOLS='patchelf binutils'

# exim_suite VERSION: the release of Debian, and its backports.
exim_suite() {
	case $1 in
	4.98) echo bookworm ;;
	4.100) echo trixie ;;
	*) echo "$0: no Exim $1 here" >&2; return 1 ;;
	esac
}

# unpack_exim VERSION: fills $LAB_CACHE/exim/VERSION unless it is complete.
unpack_exim() {
	exim_version=$1
	exim_tree=$LAB_CACHE/exim/$1
	exim_debian=$(exim_suite "$1") || return 1
	exim_want="$(dpkg --print-architecture) $exim_debian 2"
	if [ "$(cat "$exim_tree/complete" 2>/dev/null)" = "$exim_want" ]; then
		return 0
	fi
	exim_mirror=$(lab_mirror)
	if [ -z "$exim_mirror" ]; then
		apt-get -q update >/dev/null 2>&1
		exim_mirror=$(lab_mirror)
	fi
	echo "downloading: Exim $1" >&2
	mkdir -p "$LAB_CACHE/exim" &&
	    exim_new=$(mktemp -d "$LAB_CACHE/exim/new.XXXXXX") || return 1
	if ! fill_exim "$exim_new" "$exim_debian" >"$exim_new/log" 2>&1; then
		cat "$exim_new/log" >&2
		rm -rf "$exim_new"
		return 1
	fi
	echo "$exim_want" >"$exim_new/complete"
	rm -rf "$exim_new/apt" "$exim_tree"
	mv "$exim_new" "$exim_tree" && chmod 755 "$exim_tree"
}

# fill_exim DIRECTORY SUITE: an apt of its own, to which nothing is installed.
fill_exim() {
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	apt=$1/apt
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" \
	    "$1/lib" && : >"$apt/status" || return 1
	if [ -e "$key" ]; then key="[signed-by=$key]"; else key=; fi
	printf 'deb %s %s %s main\n' "$key" "$exim_mirror" "$2" \
	    "$key" "$exim_mirror" "$2-backports" >"$apt/sources.list"
	exim_top=$1
	set -- "$2" -q -y -o Dir::State="$apt/state" \
	    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
	    -o Dir::Etc::sourcelist="$apt/sources.list" \
	    -o Dir::Etc::sourceparts=- -o Acquire::Languages=none \
	    -o APT::Sandbox::User=root
	exim_suite=$1
	shift
	apt-get "$@" update && apt-get "$@" --no-install-recommends \
	    --download-only -t "$exim_suite-backports" install \
	    exim4-daemon-heavy exim4-base exim4-config || return 1
	for deb in "$apt"/cache/archives/*.deb; do
		case ${deb##*/} in
		exim4*) dpkg-deb -x "$deb" "$exim_top/root" || return 1 ;;
		lib*) take_libraries "$deb" || return 1 ;;
		esac
	done
	# A setuid program takes no LD_LIBRARY_PATH.
	exim_lib=/run/lab/exims/$exim_version/lib
	chmod 755 "$exim_top" "$exim_top/lib" && patchelf --force-rpath \
	    --set-rpath "$exim_lib" \
	    --set-interpreter "$exim_lib/$(ld_name)" \
	    "$exim_top/root/usr/sbin/exim4" &&
	    chmod 4755 "$exim_top/root/usr/sbin/exim4"
}

# ld_name: the dynamic loader, by the name that this machine's programs use.
ld_name() {
	basename "$(readelf -l /bin/sh |
	    sed -n 's/.*interpreter: \(.*\)]/\1/p')"
}

# take_libraries DEB: its shared objects, into one directory.
take_libraries() {
	dpkg-deb -x "$1" "$exim_top/deb" && mkdir -p "$exim_top/lib" &&
	    find "$exim_top/deb" -path '*/lib/*.so*' ! -type d \
		! -path '*/perl*' -exec cp -a -t "$exim_top/lib" '{}' +
	status=$?
	rm -rf "$exim_top/deb"
	return $status
}
