# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# make install without a compiler, for tests of what is installed where.  Sourced
# with $top, a directory of the test's; $top/out is what make says.

. tests/unit/lib/no_make.sh
cat >"$top/cc" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
	[ "$1" != -o ] || echo "$2" >"$2"
	shift
done
END
cat >"$top/ar" <<'END'
#!/bin/sh
: >"$2"
END
printf '#!/bin/sh\n' >"$top/pkg-config"
chmod 755 "$top/cc" "$top/ar" "$top/pkg-config"

# pretend ARGUMENT...: make, whose programs are files of one line.
pretend() {
	make -s B="$top/b" CC="$top/cc" AR="$top/ar" \
	    PKG_CONFIG="$top/pkg-config" "$@" >"$top/out" 2>&1
}
