#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What is installed names the paths that it was installed with, and a package
# that is missing for the build is named in one line.

B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
. tests/unit/lib/no_make.sh
top=$(mktemp -d /tmp/mta-sts-install.XXXXXX) || exit 1
trap 'rm -rf "$top"' EXIT
count=0 failed=0

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

skip() { # NAME
	count=$((count + 1))
	echo "ok $count # SKIP $1"
}

install() { # VARIABLE=VALUE...
	rm -rf "$top/root"
	make -s install-texts install-systemd install-cron \
	    DESTDIR="$top/root" "$@" >"$top/out" 2>&1
}

# absent EXPRESSION: no installed text has it.  README.md and NEWS.md are about
# PREFIX=/usr,
# the guide names other systems' directories, cron has the usual PATH, and a policy
# host's folder, which mta-sts publish takes, is the web server's.
absent() {
	! grep -rE --exclude=README.md --exclude=NEWS.md "$1" "$top/root" | grep -v 'Alpine\|OpenBSD\|:PATH=\|/var/www/mta-sts[.]' \
	    >"$top/out"
}

install PREFIX=/usr
ok $? 'install-texts with PREFIX=/usr'
absent /usr/local
ok $? 'PREFIX=/usr: no text names /usr/local'

# A macro without a definition is text to Exim, and refuses sessions; an upgrade
# may leave an old main/04_mta-sts.
for f in router/190_mta-sts transport/31_mta-sts; do
	awk '/^\.ifndef MTA_STS_EVENT$/ { having = 1 }
	    /^MTA_STS_EVENT =$/ && having { defined = 1 }
	    !/^[.#]/ && /[^ ].*MTA_STS_EVENT/ { used = 1; bad += !defined }
	    END { exit !used || bad }' \
	    "exim/conf/debian/$f" >"$top/out"
	ok $? "$f does without the macro of main/04_mta-sts"
done

install PREFIX=/usr/local
ok $? 'install-texts with PREFIX=/usr/local'
absent '/usr/(bin|lib|libexec|share)/[^ ]*mta-sts'
ok $? 'PREFIX=/usr/local: no text names a path of PREFIX=/usr'

install PREFIX=/opt/m SYSCONFDIR=/opt/etc LOCALSTATEDIR=/opt/var \
    LIBEXECDIR=/opt/le EXIMPLUGINDIR=/opt/exim FILTERDIR=/opt/filter \
    EXAMPLEDIR=/opt/examples DOCDIR=/opt/doc MANDIR=/opt/man \
    SYSTEMDUNITDIR=/opt/units CRONDIR=/opt/cron
ok $? 'install-texts with every directory moved'
absent '(^|[^/t])/(usr|etc|var)/[^ ]*mta-sts'
ok $? 'every directory moved: no text names an old one'
for pair in 'man1/mta-sts.1 /opt/etc/mta-sts.conf' \
    'man5/mta-sts.conf.5 /opt/le/mta-sts-resolver' \
    'man7/mta-sts-exim.7 /opt/exim/mta-sts.so' \
    'man8/filter-mta-sts.8 /opt/filter/filter-mta-sts'; do
	grep -q "${pair#* }" "$top/root/opt/man/${pair% *}" 2>"$top/out"
	ok $? "${pair% *} names ${pair#* }"
done
grep -q '^MTA_STS_SO = /opt/exim/mta-sts.so$' \
    "$top/root/opt/examples/exim/example.conf" 2>"$top/out"
ok $? 'the Exim example loads the plugin that was installed'
grep -q 'mta-sts:/opt/etc/mta-sts.conf' \
    "$top/root/opt/examples/opensmtpd/example.conf" 2>"$top/out"
ok $? 'the OpenSMTPD example names the configuration'
grep -q '^ExecStart=/opt/m/bin/mta-sts cache refresh$' \
    "$top/root/opt/units/mta-sts-refresh.service" 2>"$top/out"
ok $? 'the service runs the command that was installed'
grep -q '^ReadWritePaths=-/opt/var/lib/mta-sts-sender' \
    "$top/root/opt/units/mta-sts-refresh.service" 2>"$top/out"
ok $? 'and may write to the state directory'
grep -q '/opt/m/bin/mta-sts cache refresh' "$top/root/opt/cron/mta-sts" \
    2>"$top/out"
ok $? 'so does the cron file'
grep -q '`/opt/etc/mta-sts.conf`' "$top/root/opt/doc/tlsrpt.md" 2>"$top/out"
ok $? 'the guide for TLS reports names the configuration'
grep -q '^ExecStart=/opt/m/bin/mta-sts report send$' \
    "$top/root/opt/units/mta-sts-report.service" 2>"$top/out"
ok $? 'the service of the reports runs it, too'
grep -q '^ReadWritePaths=-/opt/var/lib/mta-sts-sender' \
    "$top/root/opt/units/mta-sts-report.service" 2>"$top/out"
ok $? 'and may write to the state directory'
[ "$(grep -c "$(printf '\troot\t').*/opt/m/bin/mta-sts " "$top/root/opt/cron/mta-sts")" -eq 2 ] &&
    grep -q '/opt/m/bin/mta-sts report send' "$top/root/opt/cron/mta-sts" \
	2>"$top/out"
ok $? 'the cron file runs both'

# The units, as systemd sees them.
if command -v systemd-analyze >/dev/null; then
	install BINDIR="$B" SYSTEMDUNITDIR=/units MANDIR=/man
	units=$top/root/units
	for unit in refresh report; do
		systemd-analyze verify --man=no "$units/mta-sts-$unit.service" \
		    "$units/mta-sts-$unit.timer" >"$top/out" 2>&1 &&
		    ! grep "mta-sts-$unit" "$top/out"
		ok $? "systemd-analyze verifies the units of $unit"
	done
	systemd-analyze security --offline=true --threshold=25 --no-pager \
	    "$units/mta-sts-refresh.service" >"$top/out" 2>&1
	ok $? 'the service is exposed to 2.5 of 10 at most'
	systemd-analyze security --offline=true --threshold=30 --no-pager \
	    "$units/mta-sts-report.service" >"$top/out" 2>&1
	ok $? 'that of the reports, which runs sendmail, to 3.0'
	grep -q '^NoNewPrivileges=no$' "$units/mta-sts-report.service" &&
	    grep -q '^KillMode=process$' "$units/mta-sts-report.service"
	ok $? 'a sendmail that is set-user-id works, and may go on to deliver'
else
	skip 'systemd-analyze is not installed'
	skip 'systemd-analyze is not installed'
	skip 'systemd-analyze is not installed'
	skip 'systemd-analyze is not installed'
	skip 'systemd-analyze is not installed'
fi

# A pkg-config to which something is missing.
cat >"$top/pkg-config" <<'END'
#!/bin/sh
case $* in
--exists\ libcares | --exists\ libssl | --exists\ libcrypto) exit 1 ;;
esac
exit 0
END
chmod 755 "$top/pkg-config"
make -n PKG_CONFIG="$top/pkg-config" B="$top/b" all >"$top/out" 2>&1
[ $? -eq 2 ] && [ "$(wc -l <"$top/out")" -eq 1 ]
ok $? 'a missing .pc file stops the build with one line'
grep -q 'libcares libssl libcrypto.*apt-get install libc-ares-dev libssl-dev)' \
    "$top/out"
ok $? 'which names what is missing, and what to install'
for library in $(sed -n 's/^DEBIAN_\([^ ]*\) :=.*/\1/p' GNUmakefile); do
	[ "$library" != libbsd-overlay ] || continue # not needed everywhere
	printf '#!/bin/sh\n[ "$*" != "--exists %s" ]\n' "$library" \
	    >"$top/pkg-config"
	package=$(sed -n "s/^DEBIAN_$library := //p" GNUmakefile)
	make -n PKG_CONFIG="$top/pkg-config" B="$top/b" all >"$top/out" 2>&1
	[ $? -eq 2 ] && [ "$(wc -l <"$top/out")" -eq 1 ] &&
	    grep -q "find $library: .*apt-get install $package)" "$top/out"
	ok $? "one line for $library: install $package"
done
make -n PKG_CONFIG="$top/none" B="$top/b" all >"$top/out" 2>&1
[ $? -eq 2 ] && [ "$(wc -l <"$top/out")" -eq 1 ] &&
    grep -q 'apt-get install pkg-config' "$top/out"
ok $? 'a missing pkg-config too'
make -n PKG_CONFIG="$top/none" B="$top/b" clean install-texts \
    >"$top/out" 2>&1
ok $? 'what compiles nothing needs none of them'

# Compilers whose libc has strlcpy, as glibc since 2.38 and musl, and of which
# one has no sys/queue.h, as musl; libbsd is missing.
mkdir -p "$top/lists/sys" "$top/none/sys"
: >"$top/lists/sys/queue.h"
echo '#error' >"$top/none/sys/queue.h"
cat >"$top/strlcpy.h" <<'END'
#include <stddef.h>
static inline size_t strlcpy(char *to, const char *from, size_t size)
{ (void)to; (void)from; return size; }
END
cat >"$top/cc-glibc" <<END
#!/bin/sh
exec ${CC:-cc} -I$top/lists -include $top/strlcpy.h "\$@"
END
sed "s,$top/lists,$top/none," "$top/cc-glibc" >"$top/cc-musl"
cat >"$top/pkg-config" <<'END'
#!/bin/sh
[ "$*" != '--exists libbsd-overlay' ]
END
chmod 755 "$top/cc-glibc" "$top/cc-musl"
make -n CC="$top/cc-glibc" PKG_CONFIG="$top/pkg-config" B="$top/b" all \
    >"$top/out" 2>&1
ok $? 'a libc with strlcpy and sys/queue.h needs no libbsd'
make -n CC="$top/cc-musl" PKG_CONFIG="$top/pkg-config" B="$top/b" all \
    >"$top/out" 2>&1
[ $? -eq 2 ] && grep -q 'apt-get install libbsd-dev' "$top/out"
ok $? 'one without sys/queue.h does'

echo "1..$count"
[ "$failed" -eq 0 ]
