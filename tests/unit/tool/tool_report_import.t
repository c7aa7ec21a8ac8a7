#!/bin/sh
# SPDX-License-Identifier: ISC
# `mta-sts report import`: one report about the sessions of two machines, each
# session once, however often and under whatever name it is imported.

B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
tool=$B/mta-sts
set -- none 'organization Ex' 'contact tlsrpt@ex.example' \
    'report-sendmail /bin/true'
one=$("$B/tests/help_world" "$@") || exit 1
two=$("$B/tests/help_world" "$@" 'report-elsewhere yes') || exit 1
trap 'rm -rf "$one" "$two"' EXIT
count=0
printf '#!/bin/sh\ncat >/dev/null\n' >"$one/sendmail"
chmod 755 "$one/sendmail"
echo "report-sendmail $one/sendmail" >>"$one/mta-sts.conf"
cp "$B/tests/help_outcomes" "$one/" && chmod 755 "$one/help_outcomes"
as=
[ "$(id -u)" -ne 0 ] || as='setpriv --reuid 65534 --regid 65534 --clear-groups'
day=$(date -u -d yesterday +%Y-%m-%d)

ok() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$two/out"
	fi
}

run() { # EXPECTED-STATUS NAME WORLD ARGUMENTS...
	expected=$1 name=$2 world=$3
	shift 3
	"$tool" -f "$world/mta-sts.conf" "$@" >"$two/out" 2>&1
	status=$?
	[ $status -eq "$expected" ]
	ok $? "$name: exit status $expected (is $status)"
}

out() { # PATTERN NAME
	grep -q -e "$1" "$two/out"
	ok $? "$2"
}

sum() { # NAME: sessions of all domains, as report show has them
	"$tool" -f "$one/mta-sts.conf" report show >"$two/out" 2>&1
	grep -q "^all  *$wanted  *$wanted_failed " "$two/out"
	ok $? "$1: $wanted and $wanted_failed"
}

# shellcheck disable=SC2086 # words, or none
$as "$one/help_outcomes" "$one/state" 3 >"$one/sessions"
# shellcheck disable=SC2086
$as "$one/help_outcomes" "$two/state" 5 >"$two/sessions"
wanted=$(awk '{n += $2} END {print n}' "$one/sessions")
wanted_failed=$(awk '{n += $3} END {print n}' "$one/sessions")
sum 'this machine alone'
run 0 'import' "$one" report import two.example "$two/state/outcomes"
out '^taken 1, unchanged 0, left out 0, ill-formed lines 0$' 'takes a day'
wanted=$(cat "$one/sessions" "$two/sessions" | awk '{n += $2} END {print n}')
wanted_failed=$(cat "$one/sessions" "$two/sessions" |
    awk '{n += $3} END {print n}')
sum 'both machines'
run 0 'once more' "$one" report import two.example "$two/state/outcomes"
out '^taken 0, unchanged 1, ' 'takes nothing'
sum 'nothing counts twice'
run 1 'under another name' "$one" report import three "$two/state/outcomes"
out "^$day: the same as $day.two.example, " 'is left out, and said'
run 1 'its own' "$one" report import four "$one/state/outcomes"
sum 'and counts once'

# Bytes that are no lines, of another day, of no end; a link; a pipe.
mkdir "$two/bad"
{
	cat "$two/state/outcomes/$day"
	head -c 300000 /dev/zero
	printf '\n1 1 a.example sts 0 none - - - - - - .\n'
	printf '\n1 %s ../../x sts 0 none - - - - - - .\n' "$(date +%s)"
} >"$two/bad/$day"
ln -s /etc/passwd "$two/bad/$(date -u +%Y-%m-%d)"
mkfifo "$two/bad/$(date -u -d '2 days ago' +%Y-%m-%d)"
run 1 'an input that was made to do harm' "$one" report import two.example \
    "$two/bad"
out '^taken 0, unchanged 1, left out 0, ill-formed lines [1-9]' \
    'has the same sessions as before'
sum 'no other session'
[ "$(find "$one/state/outcomes" -type f | wc -l)" -eq 2 ]
ok $? 'a file for each machine, and nothing else'
run 3 'no folder' "$one" report import two.example /nonexistent
run 2 'no name' "$one" report import ../x "$two/state/outcomes"
[ -z "$as" ] || [ "$(stat -c %u "$one/state/outcomes/$day.two.example")" -eq 65534 ]
ok $? "the file is the owner's"

# The machine that only records; and the one that sends.
run 0 'report send where another machine does' "$two" report send
out 'another machine sends' 'says so'
run 0 'report send' "$one" report send --now
out '^sent 3, ' 'has reports about those whose record is known here'
run 1 'a day whose reports are made' "$one" report import late \
    "$two/state/outcomes"
# shellcheck disable=SC2086
$as "$one/help_outcomes" "$two/state" 7 >"$two/sessions"
run 1 'with new sessions' "$one" report import two.example \
    "$two/state/outcomes"
out 'have been made without this' 'comes too late, and is told so'
echo "1..$count"
