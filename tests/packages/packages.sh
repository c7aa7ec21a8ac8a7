# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Debian's packages of this tree, as docs/packaging/debian describes them, built in
# Debian trees.  Sourced in the top directory, after tests/lab/packages.sh and
# tests/matrix/trees.sh, with $scratch made.

PACKAGES_VERSION=$(sed -n 's/^VERSION := //p' GNUmakefile)
PACKAGES_LIMIT=1500 # seconds for one build
# Beside what the packages need for their build: what the lab and lintian want.
PACKAGES_TOOLS='build-essential lintian fakeroot ca-certificates iproute2 knot
	nginx perl python3 openssl util-linux mount procps'

# packages_needed: the packages that debian/control names for the build.
packages_needed() {
	sed -n '/^Build-Depends:/,/^[A-Z][^:]*: /p' \
	    docs/packaging/debian/control | sed '$d; s/^Build-Depends://
	    s/debhelper-compat/debhelper/; s/([^)]*)//; s/<[^>]*>//; s/:any//
	    s/,//g'
}

# packages_source: $scratch/dist, the tarball as it would be released.
packages_source() {
	[ ! -d "$scratch/dist" ] || return 0
	mkdir "$scratch/dist" &&
	    make -s B="$scratch/dist" dist &&
	    mv "$scratch/dist/mta-sts-$PACKAGES_VERSION.tar.gz" \
		"$scratch/dist/mta-sts_$PACKAGES_VERSION.orig.tar.gz" &&
	    cp tests/packages/build "$scratch/dist/"
}

# packages_build SUITE: makes the tree SUITE-packages, and the packages in it,
# which lie in $scratch/SUITE then, with the tests that were compiled beside them
# in lab.tar.  With DEB_BUILD_OPTIONS, which is "nocheck" unless it is set.  Where
# PACKAGES_KEPT names a directory, what was built before is taken from there, however
# old it is, and what is built now is left there: for work at the tests.
packages_build() {
	[ ! -e "$scratch/$1/complete" ] || return 0
	if [ -e "${PACKAGES_KEPT:-}/$1/complete" ]; then
		cp -a "$PACKAGES_KEPT/$1" "$scratch/"
		return
	fi
	packages_source || return 1
	# shellcheck disable=SC2046,SC2086
	tree_make "$1" "$(dpkg --print-architecture)" "$1-packages" \
	    $PACKAGES_TOOLS $(packages_needed) || return 1
	mkdir -p "$scratch/$1"
	tree_run_as '' "$scratch/$1" "$PACKAGES_LIMIT" "$1-packages" \
	    "$scratch/dist" env DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS-nocheck}" \
	    sh /src/build && touch "$scratch/$1/complete" || return 1
	[ -z "${PACKAGES_KEPT:-}" ] || cp -a "$scratch/$1" "$PACKAGES_KEPT/"
}

# package_libraries FILE: what the package wants, whatever this release calls it.
package_libraries() {
	dpkg-deb -f "$1" Depends | tr ',' '\n' |
	    sed -n 's/^ *\(lib[^ ]*\).*/\1/p; s/^ *\(zlib1g\).*/\1/p'
}
