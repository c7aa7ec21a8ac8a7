#!/bin/sh
# SPDX-License-Identifier: ISC
#
# opensmtpd/conf/enable beside commands that only say yes or no: what becomes of
# the operator's smtpd.conf.

top=$(mktemp -d /tmp/mta-sts-enable.XXXXXX) || exit 1
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

has() { # FILE TEXT
	[ "$(cat "$top/$1" 2>/dev/null)" = "$2" ]
}

switch() { # ARGUMENT...
	sh "$top/enable" "$@" >"$top/out" 2>&1
}

mkdir "$top/bin" "$top/share"
for name in id smtpd mta-sts systemctl rcctl service ps; do
	printf '#!/bin/sh\n' >"$top/bin/$name"
done
echo 'echo 0' >>"$top/bin/id"
echo 'echo filter-mta-sts' >>"$top/bin/ps"
# A restart fails while there is a file "broken".
for name in systemctl rcctl service; do
	echo "[ ! -e '$top/broken' ]" >>"$top/bin/$name"
done
chmod +x "$top"/bin/*
sed -e "s,^PATH=.*,PATH=$top/bin:/usr/bin:/bin," \
    -e "s,/usr/bin/mta-sts,$top/bin/mta-sts," \
    -e "s,/etc/smtpd.conf,$top/smtpd.conf," \
    opensmtpd/conf/enable >"$top/enable"

echo mine >"$top/smtpd.conf"
echo first >"$top/first"
echo second >"$top/second"
switch "$top/first" && has smtpd.conf first && has smtpd.conf.before-mta-sts mine
ok $? 'the file that was there is kept'
switch "$top/second" && has smtpd.conf second &&
    has smtpd.conf.before-mta-sts mine
ok $? 'switched on once more, what was there before MTA-STS is still kept'
: >"$top/broken"
! switch "$top/first" && has smtpd.conf second &&
    has smtpd.conf.before-mta-sts mine
ok $? 'where smtpd does not start, the file in use is back, and the kept one stays'
rm "$top/broken"
switch --undo && has smtpd.conf mine
ok $? '--undo gives back what was there before MTA-STS'
! switch --undo && has smtpd.conf mine
ok $? 'once'
[ -z "$(find "$top" -name 'smtpd.conf?*')" ]
ok $? 'nothing is left beside it'
echo "1..$count"
[ "$failed" -eq 0 ]
