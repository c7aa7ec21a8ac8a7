#!/bin/sh
# SPDX-License-Identifier: ISC
#
# report read, started by root: what anybody may have sent is read by nobody,
# and root's own files can still be named.

B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
tool=$B/mta-sts
if [ "$(id -u)" -ne 0 ]; then
	echo '1..0 # SKIP this user is not root'
	exit 0
fi
top=$(mktemp -d /tmp/mta-sts-root.XXXXXX) || exit 1
trap 'rm -rf "$top"' EXIT
count=0 failed=0

ok() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		failed=$((failed + 1))
		sed 's/^/# /' "$top/out" "$top/err" 2>/dev/null
	fi
}

report() { # ID
	cat <<END
{"organization-name": "X", "report-id": "$1",
 "date-range": {"start-datetime": "2026-11-01T00:00:00Z",
  "end-datetime": "2026-11-01T23:59:59Z"},
 "policies": [{"policy": {"policy-type": "sts", "policy-domain": "a.example"},
  "summary": {"total-successful-session-count": 5,
   "total-failure-session-count": 0}}]}
END
}

is() { # PATTERN NAME
	grep -q -e "$1" "$top/out" "$top/err"
	ok $? "$2"
}

# What only root may read.
mkdir -m 700 "$top/mail" "$top/mail/new" "$top/mail/cur"
report 1 >"$top/mail/new/1"
report 2 >"$top/mail/new/2"
report 3 >"$top/file"
chmod 600 "$top/mail/new/"? "$top/file"
report 4 | "$tool" report read "$top/mail" - "$top/file" "$top/none" \
    >"$top/out" 2>"$top/err"
ok $? 'root names a Maildir, a file and standard input'
is '^reports: *4$' 'all are read'
is 'sessions: *20 successful' 'and added up'
is "^mta-sts: $top/none: No such file" 'a file that is missing is named'

# A file that has not ended yet: it is being read meanwhile.
mkfifo -m 600 "$top/mail/fifo"
"$tool" report read "$top/mail/fifo" >"$top/out" 2>"$top/err" &
pid=$!
exec 3>"$top/mail/fifo"
report 5 >&3
tries=0
while ! grep -q '^Uid:.[1-9]' "/proc/$pid/status" && [ $tries -lt 50 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
cp "/proc/$pid/status" "$top/status"
cp "$top/status" "$top/out"
nobody=$(id -u nobody)
is "^Uid:.$nobody.$nobody.$nobody.$nobody$" 'the reader is nobody'
group=$(id -g nobody)
is "^Gid:.$group.$group.$group.$group$" 'of no other group'
is "^Groups:.$group *$" 'nor a supplementary one'
is '^CapEff:.0*$' 'without a capability'
is '^CapPrm:.0*$' 'nor one that it could take'
exec 3>&-
wait "$pid"
ok $? 'and it reads the file'
is '^reports: *1$' 'with its report'

echo "1..$count"
[ "$failed" -eq 0 ]
