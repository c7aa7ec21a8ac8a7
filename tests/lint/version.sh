#!/bin/sh
# SPDX-License-Identifier: ISC
#
# version.sh [--release VERSION]: the version stands in GNUmakefile; NEWS.md and
# the packages in docs/packaging have the same.  With --release: is this tree
# ready to be tagged?  Then its news are dated, SOURCE_DATE_EPOCH is that day, as is
# the packages' changelog, and all is committed.  One line a fault; exit status 1
# where there is one.
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0

fault() {
	echo "$1"
	bad=1
}

version=$(sed -n 's/^VERSION := //p' GNUmakefile)

# same FILE VERSION
same() {
	[ "$2" = "$version" ] ||
	    fault "$1: version ${2:-none}, and GNUmakefile has $version"
}

heading=$(grep -m 1 '^## ' NEWS.md)
same NEWS.md "$(echo "$heading" | sed 's/^## \([^ ]*\).*/\1/')"
same docs/packaging/debian/changelog \
    "$(sed -n '1s/.*(\(.*\)-[^-]*).*/\1/p' docs/packaging/debian/changelog)"
same docs/packaging/alpine/APKBUILD \
    "$(sed -n 's/^pkgver=//p' docs/packaging/alpine/APKBUILD)"
same docs/packaging/openbsd/Makefile \
    "$(sed -n 's/^V *=[[:blank:]]*//p' docs/packaging/openbsd/Makefile)"
[ "${1:-}" = --release ] || exit $bad

day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)
[ "$heading" = "## $version ($day)" ] || fault "NEWS.md: its first heading is
not \"## $version ($day)\", of which the day is GNUmakefile's SOURCE_DATE_EPOCH"
# By which the packages take the clock to be wrong.
built=$(sed -n 's/^ -- .*>  //p; /^ --/q' docs/packaging/debian/changelog)
[ "$(date -u -d "$built" +%Y-%m-%d)" = "$day" ] ||
    fault "docs/packaging/debian/changelog: of $built, and not of $day"
[ "$(git describe --exact-match HEAD 2>/dev/null)" = "v$version" ] ||
    [ -z "$(git tag -l "v$version")" ] ||
    fault "git: the tag v$version is there already, at another commit"
[ -z "$(git status --porcelain --untracked-files=no)" ] ||
    fault 'git: changes are not committed'
[ "$bad" -ne 0 ] ||
    echo "ready: git tag -a v$version -m 'mta-sts $version'; make dist"
exit $bad
