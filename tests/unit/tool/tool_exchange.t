#!/bin/sh
# SPDX-License-Identifier: ISC
# `mta-sts cache export` and `cache import` between two machines, and inputs
# that were made to do harm.

B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
tool=$B/mta-sts
one=$("$B/tests/help_world" none) || exit 1
two=$("$B/tests/help_world" none) || exit 1
trap 'rm -rf "$one" "$two"' EXIT
count=0
limit=

ok() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$two/out" "$two/err" 2>/dev/null | cut -c 1-200
	fi
}

run() { # EXPECTED-STATUS NAME WORLD ARGUMENTS...; input: $one/in
	expected=$1 name=$2 world=$3
	shift 3
	# shellcheck disable=SC2086 # words, or none
	timeout 60 $limit "$tool" -f "$world/mta-sts.conf" "$@" >"$two/out" \
	    2>"$two/err" <"$one/in"
	status=$?
	[ $status -eq "$expected" ]
	ok $? "$name: exit status $expected (is $status)"
}

out() { # PATTERN NAME
	grep -q -e "$1" "$two/out"
	ok $? "$2"
}

err() { # PATTERN NAME
	grep -q -e "$1" "$two/err"
	ok $? "$2"
}

drop() { # DOMAIN...
	for domain; do
		"$tool" -f "$two/mta-sts.conf" cache drop "$domain"
	done
}

now=$(date +%s)
line() { # DOMAIN FETCHED MODE MAX_AGE MX
	echo "$1 id=1 fetched=$2.000000 mode=$3 max_age=$4 mx=$5"
}

: >"$one/in"
run 1 'export' "$one" cache export
out '^# mta-sts cache 1$' 'has a title'
err 'corrupt.example: .*left out' 'a damaged policy is left out, and named'
cp "$two/out" "$one/export"
[ "$(grep -c ' mode=' "$one/export")" -eq 5 ]
ok $? 'a line for each policy in force'
grep -v '^#' "$one/export" | sort -c
ok $? 'sorted'
! grep -q absent "$one/export"
ok $? 'nothing of domains without a policy'

drop fresh.example many.example corrupt.example
cp "$one/export" "$one/in"
run 0 'import into another store' "$two" cache import
# Both worlds were made within a second or two.
out '^taken [2-5], .* ill-formed 0$' 'takes what is newer or missing'
run 0 'the same once more' "$two" cache import
out '^taken 0, not newer 5, weaker 0, expired 0, no room 0, ill-formed 0$' \
    'takes nothing twice'
run 0 'from a file' "$two" cache import "$one/export"
run 3 'from no file' "$two" cache import /nonexistent
run 0 'what came' "$two" cache export
grep '^many' "$one/export" >"$one/want"
grep '^many' "$two/out" | cmp -s - "$one/want"
ok $? 'is what was exported: id, time, patterns in their order'
[ "$(find "$two/state/policies" -type f ! -user "$(stat -c %u "$two/state")" |
    wc -l)" -eq 0 ]
ok $? "each file is the owner's"

# Ill-formed, one after the other: a good line in the end is still taken.
{
	printf 'nul.example id=1 fetched=%s.000000 mode=enforce max_age=9\0 mx=a.b\n' "$now"
	line ../../etc/passwd "$now" enforce 86400 mx.example
	line UPPER.example "$now" enforce 86400 mx.example
	line 192.0.2.1/x "$now" enforce 86400 mx.example
	line mode.example "$now" strict 86400 mx.example
	line mx.example "$now" enforce 86400 '*.*.example'
	line nomx.example "$now" enforce 86400 ''
	line age.example "$now" enforce 99999999999 mx.example
	line time.example x enforce 86400 mx.example
	line twice.example "$now" enforce 86400 'a.b c.example id=1'
	line old.example 1000000000 enforce 86400 mx.example
	line far.example 999999999999 enforce 604800 mx.example
	line good.example "$((now - 10))" enforce 604800 'mx.example,*.mx.example'
	echo '# mta-sts cache 2'
	echo '# a comment'
	echo
	line cut.example "$now" enforce 604800 mx.exam | tr -d '\n'
} >"$one/in"
run 1 'an input that was made to do harm' "$two" cache import
out '^taken 2, not newer 0, weaker 0, expired 1, no room 0, ill-formed 12$' \
    'takes what is sound'
for n in 1 2 3 4 5 6 7 8 9 10 14 17; do
	err "^-:$n: .*; skipped$" "names line $n"
done
! grep -q passwd "$two/err"
ok $? 'and prints nothing of the input'
[ "$(find "$two" -name '*passwd*' | wc -l)" -eq 0 ]
ok $? 'writes nothing elsewhere'
run 0 'one from the future' "$two" cache show far.example
out '^expires: .*(in [67] days)' 'ends a max_age from now'
run 1 'a line that was cut' "$two" cache show cut.example

# 1 GiB without a line feed, then one good line.
truncate -s 1G "$one/big"
{
	echo
	line after.example "$now" enforce 604800 mx.example
} >>"$one/big"
mv "$one/big" "$one/in"
# A sanitizer takes more for itself alone.
grep -q -a __asan_init "$tool" || limit='prlimit --as=200000000'
run 1 'a line of 1 GiB, in less than 200 MB of memory' "$two" cache import
limit=
err '^-:1: too long; skipped$' 'is named'
out '^taken 1, ' 'and what follows is taken'

# A newer fetch that is weaker, and an older one.
{
	line good.example "$(date +%s)" testing 604800 evil.example
	line good.example "$((now - 60))" enforce 31557600 evil.example
} >"$one/in"
run 0 'a weaker and an older policy' "$two" cache import
out '^taken 0, not newer 1, weaker 1, ' 'are not taken'
run 0 'the policy' "$two" cache show good.example
! grep -q evil "$two/out"
ok $? 'is as it was'

# A damaged one here.
policy=$(find "$two/state/policies" -name good.example)
echo x >>"$policy"
line good.example "$(date +%s)" enforce 604800 mx.example >"$one/in"
run 1 'a damaged policy' "$two" cache import
err 'good.example: the policy here is damaged and stays' 'stays, and is named'
run 2 'two files' "$two" cache import a b

echo "1..$count"
