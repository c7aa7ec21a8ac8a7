# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# A Debian tree for musl, and the libraries that README.md names, for musl: Debian
# has them for glibc alone, so they are built from the sources in its archive.
# Sourced after tests/matrix/trees.sh.

MUSL_SUITE=bookworm
MUSL_PACKAGES='build-essential pkg-config musl-tools autoconf automake libtool
	perl python3 openssl ca-certificates iproute2'
# In the order in which musl-libs builds them.
MUSL_SOURCES='zlib libmd libbsd jansson libidn2 c-ares nghttp2 openssl curl'
MUSL_DAYS=30 # after which they are built anew
MUSL_LIMIT=3600 # seconds for that
musl_libs=$MATRIX_CACHE/musl-libs

# musl_make: the tree $MATRIX_CACHE/musl and $musl_libs/libs.tar, unless they are
# there.
musl_make() {
	# shellcheck disable=SC2086
	tree_make "$MUSL_SUITE" "$(dpkg --print-architecture)" musl \
	    $MUSL_PACKAGES || return 1
	exec 9>"$musl_libs.lock" && flock 9 || return 1
	musl_ready || musl_anew
	musl_status=$?
	exec 9>&-
	return $musl_status
}

# musl_want: what the libraries are made of.
musl_want() {
	echo "$MUSL_SUITE $(dpkg --print-architecture) $MUSL_SOURCES"
	cksum <tests/matrix/musl-libs
}

musl_ready() {
	[ "$(cat "$musl_libs/complete" 2>/dev/null)" = "$(musl_want)" ] &&
	    [ -n "$(find "$musl_libs/complete" -mtime "-$MUSL_DAYS")" ]
}

musl_anew() {
	echo "building libraries for musl: $MUSL_SOURCES" >&2
	rm -rf "$musl_libs"
	mkdir -p "$scratch/sources" "$scratch/libs"
	if musl_build >"$musl_libs.log" 2>&1; then
		mkdir -p "$musl_libs" &&
		    cp "$scratch/libs/libs.tar" "$musl_libs/" &&
		    musl_want >"$musl_libs/complete"
		musl_built=$?
	else
		tail -n 20 "$musl_libs.log" >&2
		echo "musl: no libraries, see $musl_libs.log" >&2
		musl_built=1
	fi
	rm -rf "$scratch/sources" "$scratch/libs"
	return $musl_built
}

# musl_build: apt checks the sources' signatures; the build has no network.
musl_build() {
	# shellcheck disable=SC2016,SC2086
	tree_run_as host "$scratch/sources" "$TREE_LIMIT" musl \
	    "$MATRIX_CACHE/empty" sh -ec '
		sed "s/^deb /deb-src /" /etc/apt/sources.list \
		    >/etc/apt/sources.list.d/sources.list
		apt-get -q update
		cd /out
		apt-get -q -o APT::Sandbox::User=root source --download-only "$@"' \
	    sh $MUSL_SOURCES || return 1
	cp tests/matrix/musl-libs "$scratch/sources/"
	tree_run_as '' "$scratch/libs" "$MUSL_LIMIT" musl "$scratch/sources" \
	    sh /src/musl-libs
}
