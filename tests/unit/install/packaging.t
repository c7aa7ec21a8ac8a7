#!/bin/sh
# SPDX-License-Identifier: ISC
#
# docs/packaging: the packages of Debian, Alpine and OpenBSD have between them each
# file that make install installs, once.  Nothing is compiled, and none of the
# systems' own tools is needed.

top=$(mktemp -d /tmp/mta-sts-packaging.XXXXXX) || exit 1
trap 'rm -rf "$top"' EXIT
count=0 failed=0
packaging=docs/packaging
. tests/unit/lib/pretend_build.sh

ok() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		failed=$((failed + 1))
		sed 's/^/# /' "$top/out"
	fi
}

# files DIRECTORY: below it, as they are called when installed.
files() {
	(cd "$1" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort)
}

# Debian.
version=$(sed -n 's/^VERSION := //p' GNUmakefile)
paths=$(sed -n '/^PATHS = /,/[^\\]$/p' $packaging/debian/rules |
    sed 's/^PATHS = //; s/\\$//')
# shellcheck disable=SC2086
pretend $paths DESTDIR="$top/debian" install install-systemd install-cron
ok $? 'Debian: installed as debian/rules does it'
# debian/rules has debhelper install the units.
files "$top/debian" | grep -v '^usr/lib/systemd/system/' >"$top/installed"
for list in $packaging/debian/*.install $packaging/debian/not-installed; do
	while read -r pattern; do
		(cd "$top/debian" && for path in $pattern; do
			find "$path" -type f
		done) 2>&1
	done <"$list"
done | LC_ALL=C sort >"$top/packaged"
diff "$top/installed" "$top/packaged" >"$top/out"
ok $? 'Debian: each file is in one package, and in no other'
files "$top/debian" | sed -n 's,^usr/lib/systemd/system/\(mta-sts-[a-z]*\).*,\1,p' |
    sort -u | while read -r unit; do
	grep -q "^TIMERS = .*\\b$unit\\b\|--name=$unit " \
	    $packaging/debian/rules || echo "$unit"
done >"$top/out"
[ ! -s "$top/out" ]
ok $? 'Debian: debian/rules knows each unit'
for script in $packaging/debian/*.p[or]* $packaging/debian/tests/[!c]*; do
	case $script in
	*.install | *.NEWS) continue ;;
	esac
	sh -n "$script" || echo "$script"
done >"$top/out" 2>&1
[ ! -s "$top/out" ]
ok $? 'Debian: the scripts are scripts'
grep -q "^mta-sts ($version-" $packaging/debian/changelog
ok $? 'Debian: the version'

# Alpine: its APKBUILD is a script, of which abuild calls the functions.
cat >"$top/abuild" <<'END'
set -e
pkgdir=$1
make() {
	command make -s B="$top/b" CC="$top/cc" AR="$top/ar" \
	    PKG_CONFIG="$top/pkg-config" "$@"
}
amove() {
	for path; do
		mkdir -p "$subpkgdir/$(dirname "$path")"
		mv "$pkgdir/$path" "$subpkgdir/$path"
	done
}
. ./docs/packaging/alpine/APKBUILD
build
package
for sub in $subpackages; do
	case $sub in
	*:*) subpkgdir=$1-${sub%:*} && "${sub#*:}" ;;
	esac
done
echo "$pkgver"
END
export top
sh "$top/abuild" "$top/alpine" >"$top/out" 2>&1 &&
    tail -n 1 "$top/out" | grep -qx "$version"
ok $? 'Alpine: APKBUILD builds and packages'
(cd "$top/alpine" && find usr/bin usr/lib* usr/libexec etc ! -type d) \
    >"$top/out" 2>&1
! grep -q 'mta-sts.so\|filter-mta-sts\|table-mta-sts' "$top/out" &&
    grep -q '^usr/libexec/mta-sts-resolver$' "$top/out"
ok $? 'Alpine: the plugins are not in the common package'
files "$top/alpine-exim-mta-sts" >"$top/out"
grep -q '^usr/lib/exim/mta-sts.so$' "$top/out" &&
    grep -q '^usr/share/mta-sts/exim/' "$top/out"
ok $? "Alpine: Exim's is in its own"
files "$top/alpine-opensmtpd-filter-mta-sts" >"$top/out"
grep -q '^usr/lib/opensmtpd/table-mta-sts$' "$top/out" &&
    grep -q '^usr/share/mta-sts/opensmtpd/' "$top/out"
ok $? "Alpine: OpenSMTPD's in its own"
for job in hourly 15min; do
	sh -n "$top/alpine/etc/periodic/$job/mta-sts" &&
	    grep -c '/usr/bin/mta-sts [cr]' "$top/alpine/etc/periodic/$job/mta-sts"
done >"$top/out" 2>&1
[ "$(paste -s -d+ "$top/out")" = 1+1 ]
ok $? 'Alpine: cron refreshes and reports'

# OpenBSD: the arguments that its port has for make.
pretend PREFIX=/usr/local LOCALSTATEDIR=/var MANDIR=/usr/local/man \
    FILTERDIR=/usr/local/libexec/smtpd DESTDIR="$top/openbsd" \
    install-common install-opensmtpd
files "$top/openbsd/usr/local" >"$top/installed"
sed -n 's/^@bin //; s/^@man //; /^[^@].*[^/]$/p' \
    $packaging/openbsd/pkg/PLIST | LC_ALL=C sort >"$top/packaged"
diff "$top/installed" "$top/packaged" >"$top/out"
ok $? 'OpenBSD: docs/packaging/openbsd/pkg/PLIST has each file, and no other'
grep -q 'FILTERDIR="${PREFIX}/libexec/smtpd"' $packaging/openbsd/Makefile &&
    grep -q "^V =.*[^0-9]$version\$" $packaging/openbsd/Makefile
ok $? 'OpenBSD: the version, and where smtpd looks for filters'

echo "1..$count"
[ "$failed" -eq 0 ]
