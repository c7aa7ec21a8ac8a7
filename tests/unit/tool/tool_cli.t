#!/bin/sh
# SPDX-License-Identifier: ISC
# The mta-sts command from outside: usage, exit statuses, configuration checks,
# an Exim that is asked, and that its manual pages name everything there is.

B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
unset MTA_STS_CONFIG
tool=$B/mta-sts
top=$(mktemp -d /tmp/mta-sts-cli.XXXXXX) || exit 1
chmod 755 "$top"
trap 'rm -rf "$top"' EXIT
count=0
failed=0

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

run() { # EXPECTED-STATUS NAME ARGUMENTS...
	expected=$1 name=$2
	shift 2
	"$tool" "$@" >"$top/out" 2>"$top/err" </dev/null
	status=$?
	[ $status -eq "$expected" ]
	ok $? "$name: exit status $expected (is $status)"
}

out() { # PATTERN NAME
	grep -q -e "$1" "$top/out"
	ok $? "$2"
}

err() { # PATTERN NAME
	grep -q -e "$1" "$top/err"
	ok $? "$2"
}

empty() { # out|err NAME
	[ ! -s "$top/$1" ]
	ok $? "$2"
}

# Usage
for command in query 'lint policy' 'lint sts' 'lint tlsrpt' match 'cache list' \
    'cache show' 'cache drop' 'cache refresh' 'cache export' 'cache import' setup status 'config check' \
    'config show' 'report check' 'report import' 'report read' 'report send' 'report stop' \
    'report show'; do
	run 0 "$command --help" $command --help
	out "^usage: mta-sts $command" "help for $command"
	run 0 "help $command" help $command
	out "^usage: mta-sts $command" "and by its other name"
	"$tool" --help | grep -q "^    mta-sts $command"
	ok $? "$command is listed"
done
run 0 'help' help
run 0 '--help' --help
out '^usage: mta-sts' 'the overview'
run 0 'help for a group' help cache
out 'cache refresh' 'lists all of it'
run 0 '--version' --version
out '^mta-sts [0-9]' 'prints the version'
run 2 'no command'
empty out 'usage goes to standard error'
run 2 'an unknown command' frobnicate
err '^mta-sts: no command is called "frobnicate"$' 'is named'
err '^"mta-sts help" lists' 'and where the others are'
run 2 'a mistyped command' qurey d.test
err 'called "qurey"$' 'is named alone'
err '^was "query" meant?$' 'is guessed'
run 2 'a group without its second word' cache
err '^usage: mta-sts cache list' 'shows its commands'
run 2 'an unknown second word' lint spf
err '^mta-sts: no command is called "lint spf"$' 'is named'
err '^       mta-sts lint sts' 'beside those that there are'
[ "$(wc -l <"$top/err")" -eq 4 ]
ok $? 'and no others'
run 2 'a terminal sequence' "$(printf '\033[2J')"
err 'called ".x1b.2J"' 'is escaped'
run 2 'a missing argument' query
run 2 'too many arguments' query a.example b.example
run 2 'far too many arguments' query a b c d e f g h i j
run 2 'an unknown option' query --frobnicate a.example
err 'frobnicate' 'is named'
run 2 'an option of another command' match --json a b
run 2 'an option without its value' query a.example -f
run 2 'help for an unknown command' help frobnicate
for word in check report; do
	run 2 "$word is not there yet" $word
done

# Where output cannot be written
if [ -c /dev/full ]; then
	"$tool" --help >/dev/full 2>"$top/err"
	[ $? -eq 3 ]
	ok $? 'a full disk is exit status 3'
fi

# Standard input
printf 'version: STSv1\nmode: none\nmax_age: 86400\n' |
    "$tool" lint policy >"$top/out" 2>"$top/err"
out '^mode=none$' 'lint without FILE reads standard input'
printf 'version: STSv1\nmode: none\n' |
    "$tool" lint policy - >"$top/out" 2>"$top/err"
err '^-:2: ' 'which is called "-"'

# Configuration
mkdir -m 750 "$top/state"
# It says of the name servers what stands in a file.
cat >"$top/resolver" <<'EOF'
#!/bin/sh
case $* in
*--check-nameservers*) cat "$0.says" ;;
*--check) echo 'fetcher 1 ok none ' ;;
esac
EOF
echo 'nameserver 127.0.0.1:53 answered' >"$top/resolver.says"
chmod 755 "$top/resolver"
chmod 750 "$top/state"
echo x >"$top/ca.pem"
cat >"$top/good.conf" <<EOF
state-dir $top/state
resolver $top/resolver
fetcher $top/resolver
ca-file $top/ca.pem
nameserver 127.0.0.1:53
recheck 60
domain example.com off
domain *.example.net testing
prefetch example.org
organization An Example Company
EOF
[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$top/state"
run 0 'a good configuration' config check -f "$top/good.conf"
out '^no problem found$' 'and says so'
run 0 'config show' -f "$top/good.conf" config show
out "^# read from $top/good.conf\$" 'names the file'
out '^recheck 60$' 'a value of the file'
out '^negative-ttl 3600$' 'a default'
cp "$top/out" "$top/shown.conf"
run 0 'what it shows' config check -f "$top/shown.conf"
"$tool" -f "$top/shown.conf" config show | sed 1d >"$top/again"
sed 1d "$top/shown.conf" | cmp -s - "$top/again"
ok $? 'read again it shows the same'

printf 'version: STSv1\nmode: enforce\nmax_age: 1\n' >"$top/policy"
cat >"$top/bad.conf" <<EOF
state-dir $top/nothing
resolver $top/nothing
fetcher $top/nothing
recheck soon
nameserver ns.example.com
ca-file $top/nothing
frobnicate yes
domain example.com policy $top/policy
domain example.org policy $top/nothing
domain example.net policy $top/link
EOF
ln -s policy "$top/link"
run 1 'a bad configuration' config check -f "$top/bad.conf"
out "^$top/bad.conf:4: " 'a bad number by its line'
out "^$top/bad.conf:5: " 'a nameserver that is no address'
out "^$top/bad.conf:7: " 'an unknown key'
out "^error: state-dir $top/nothing: " 'a missing state directory'
out '^  fix: mta-sts setup --user NAME' 'and how to make it'
out "^error: resolver $top/nothing: " 'a missing resolver'
out "^error: fetcher $top/nothing: " 'a missing fetcher'
out "^error: ca-file $top/nothing: " 'missing trust roots'
out "^error: $top/policy: .*policy_no_mx" 'a policy that is none'
out "^error: domain example.org policy" 'a policy that is missing'
out "^error: domain example.net policy" 'a policy behind a link'
run 3 'a configuration that is not there' config check -f "$top/nothing"
run 3 'the same for other commands' query -f "$top/nothing" a.example

# Name servers
while read -r said severity words; do
	echo "nameserver 192.0.2.1 $said" | tr , ' ' >"$top/resolver.says"
	[ "$severity" != warning ] ||
	    echo 'nameserver 192.0.2.2 answered' >>"$top/resolver.says"
	run 1 "a name server: $said" config check -f "$top/good.conf"
	out "^$severity: nameserver 192.0.2.1: $words" "$severity"
	out '^  fix: ' 'and what to do'
done <<EOF
refused error nothing listens there
no_interface error its zone is not a network interface
unusable error is not an address
silent error does not answer within 2 seconds
garbage error sends no valid DNS answer
failed,5 error answers with an error
unreachable,101 error Network.* unreachable
unreachable,13 error Permission denied
refused warning nothing listens there
EOF
printf 'implied\nnameserver 127.0.0.1 answered\n' >"$top/resolver.says"
run 0 'no name server is named' config check -f "$top/good.conf"
out '^note: /etc/resolv.conf names no name server.*127.0.0.1' 'is said'
printf 'nameserver ::1 refused\nnameserver ::2 silent\n' >"$top/resolver.says"
run 1 'no name server answers' config check -f "$top/good.conf"
out '^error: no name server answers: mail to domains never looked up waits' \
    'is said with what it means'
: >"$top/resolver.says"
run 1 'a resolver that says nothing' config check -f "$top/good.conf"
out 'name servers could not be queried' 'is an error'
echo 'fault no_memory' >"$top/resolver.says"
run 1 'a resolver with a fault' config check -f "$top/good.conf"
out 'name servers could not be queried' 'is an error'
echo 'nameserver 127.0.0.1:53 answered' >"$top/resolver.says"
mkdir "$top/empty"
printf 'state-dir %s\nresolver %s\nfetcher %s\nca-path %s\n' "$top/state" \
    "$top/resolver" "$top/resolver" "$top/empty" >"$top/path.conf"
run 1 'a directory without certificates' config check -f "$top/path.conf"
out 'no certificate in it' 'is named'
chmod 666 "$top/good.conf"
run 3 'a configuration for everybody' config check -f "$top/good.conf"
out 'can be written by other users' 'is named'
chmod 644 "$top/good.conf"
chmod 777 "$top/state"
run 1 'a state directory for everybody' config check -f "$top/good.conf"
out 'written by everybody' 'is named'
run 3 'and is not used' -f "$top/good.conf" cache list
chmod 750 "$top/state"

# Status.  What mail server is on this machine is not ours to say here.
"$tool" status -f "$top/good.conf" --smtpd opensmtpd/conf/example.conf \
    >"$top/out" 2>"$top/err"
[ $? -eq 1 ]
ok $? 'status: an example that is not installed: exit status 1'
out "^configuration:  $top/good.conf\$" 'status: the configuration'
out '^opensmtpd/conf/example.conf:[0-9]*: warning: table mta-sts uses' \
    'status: what is wrong'
"$tool" status --json -f "$top/good.conf" >"$top/out" 2>"$top/err"
out '"directory": "'"$top/state" 'status --json: the same'
python3 -c 'import json, sys; json.load(sys.stdin)' <"$top/out"
ok $? 'and it is JSON'
run 2 'status with an operand' status a.example

# Exim, as recorded; the whole way through a program that answers like it.
fake() { # SCENARIO: an executable "$top/exim"
	cat >"$top/exim" <<EOF
#!/bin/sh
d=$PWD/tests/unit/data/exim/$1
case "\$*" in
*-bV) cat "\$d/bV.txt" ;;
*"-bP exim_user"*) sed "s,Debian-exim,$(stat -c %U "$top/state")," \
    "\$d/main.txt" ;;
*"-bP routers") sed "s,/usr/lib/exim4/mta-sts.so,$top/mta-sts.so," \
    "\$d/routers.txt" ;;
*"-bP transports") cat "\$d/transports.txt" ;;
*_HAVE_DLFUNC) cat "\$d/dlfunc.txt" ;;
*'{[192.0.2.1]}}') echo mode=none ;;
*) exit 1 ;;
esac
EOF
	chmod 755 "$top/exim"
}
touch "$top/mta-sts.so"
fake debian-split
run 1 'Exim with another configuration than ours' config check --exim \
    --exim-binary "$top/exim" -f "$top/good.conf"
out 'uses the configuration' 'is told so'
sed "s,{mta_sts_query}{.domain},&{$(echo "$top/good.conf" |
    sed 's,/,\\/,g')}," tests/unit/data/exim/debian-split/routers.txt |
    sed "s,/usr/lib/exim4/mta-sts.so,$top/mta-sts.so," >"$top/routers"
sed "s,^\*\"-bP routers\".*,*\"-bP routers\") cat $top/routers ;;," \
    "$top/exim" | sed '/^    "$d\/routers.txt"/d' >"$top/exim2"
chmod 755 "$top/exim2"
run 0 'the same with ours' config check --exim --exim-binary "$top/exim2" \
    -f "$top/good.conf"
out '^note: router hubbed_hosts' 'exceptions are named'
run 0 'with -C' config check --exim --exim-binary "$top/exim2" \
    --exim-config /etc/x -f "$top/good.conf"
{
	grep -v '^organization' "$top/good.conf"
	echo 'organization Example'
	echo 'contact tls@example.com'
	echo 'report-sendmail /bin/true'
} >"$top/reports.conf"
run 1 'report check, an Exim that does not sign' report check \
    --exim-binary "$top/exim2" -f "$top/reports.conf"
out '^warning: no DKIM signature by transport remote_smtp' 'is told so'
! grep -q '^policies:' "$top/out"
ok $? 'and nothing of what status has beside'
fake debian-macros
run 1 'report check, an Exim that signs' report check \
    --exim-binary "$top/exim" -f "$top/reports.conf" --json
python3 -c 'import json, sys
print(json.load(sys.stdin)["reports"]["submitter"])' <"$top/out" >"$top/err"
err '^example.com$' 'as JSON'
! grep -q 'no DKIM signature' "$top/out"
ok $? 'has no such warning'
fake debian-light
run 1 'an Exim without dlfunc' config check --exim \
    --exim-binary "$top/exim" -f "$top/good.conf"
out 'exim4-daemon-heavy' 'what to install'
printf '#!/bin/sh\necho broken >&2; exit 1\n' >"$top/exim"
run 1 'an Exim that refuses its configuration' config check --exim \
    --exim-binary "$top/exim" -f "$top/good.conf"
out 'refuses its configuration' 'is named'
run 1 'no Exim' config check --exim --exim-binary "$top/nothing" \
    -f "$top/good.conf"

# Rights
if [ "$(id -u)" -eq 0 ]; then
	"$tool" -f "$top/good.conf" cache drop d.example 2>"$top/err"
	[ "$(stat -c %u "$top/state/lock")" = 65534 ]
	ok $? 'as root nothing is written as root'
	mkdir "$top/programs"
	cp "$tool" "$top/programs/"
	for command in 'cache list' 'cache drop d.example' 'cache refresh' \
	    'query d.example'; do
		setpriv --reuid 65533 --regid 65533 --clear-groups \
		    "$top/programs/mta-sts" -f "$top/good.conf" $command \
		    >"$top/out" 2>"$top/err"
		[ $? -eq 3 ]
		ok $? "a stranger's $command: exit status 3"
		err 'permission denied; run this as root or as' 'and says who may'
	done

	# Who could change, and who can reach, what the configuration names.
	chown 65534:65534 "$top/state"
	run 0 'all as it should be' config check -f "$top/good.conf"
	chmod 600 "$top/good.conf"
	run 1 'a configuration for root alone' config check -f "$top/good.conf"
	out "^error: $top/good.conf: the mail server's user cannot read it" \
	    'is found'
	out "^  fix: chmod 0644 '$top/good.conf'\$" 'with the fix'
	chmod 644 "$top/good.conf"
	chown 65534 "$top/good.conf"
	run 3 "a configuration of the mail server's user" \
	    -f "$top/good.conf" config show
	run 3 'the same' config check -f "$top/good.conf"
	out "good.conf belongs to user 65534; .* chown root '$top/good.conf'" \
	    'is refused, with the fix'
	chown root "$top/good.conf"
	mkdir "$top/group"
	chmod 775 "$top/group"
	cp "$top/good.conf" "$top/group/"
	run 3 'a directory that a group can write' \
	    -f "$top/group/good.conf" cache list
	chown 65534 "$top/resolver"
	chmod 664 "$top/ca.pem"
	run 1 'programs and roots of others' config check -f "$top/good.conf"
	out "^error: resolver $top/resolver is refused: .* user 65534" \
	    'a resolver'
	out "^error: ca-file $top/ca.pem is refused: .* by other users" 'roots'
	out "^  fix: chmod go-w '$top/ca.pem'" 'with the fix'
	chown root "$top/resolver"
	chmod 644 "$top/ca.pem"
	sed 's|^state-dir .*|state-dir '"$top"'/group/state|' \
	    "$top/good.conf" >"$top/moved.conf"
	mkdir -m 750 "$top/group/state"
	chown 65534:65534 "$top/group/state"
	run 1 'a state directory that a group can swap' \
	    config check -f "$top/moved.conf"
	out "^error: state-dir .* so another user can replace it" 'is found'
	chmod 700 "$top/group"
	run 1 'a state directory that its owner cannot reach' \
	    config check -f "$top/moved.conf"
	out "its owner cannot enter $top/group\$" 'is found'
	out "^  fix: chmod a+x '$top/group'\$" 'with the fix'
	run 3 'setup there' setup -f "$top/moved.conf" --user nobody
	err "cannot enter $top/group" 'is refused'
	cp "$top/good.conf" "$top/mine.conf"
	chmod 600 "$top/mine.conf"
	chown 65533 "$top/mine.conf"
	setpriv --reuid 65533 --regid 65533 --clear-groups \
	    "$top/programs/mta-sts" -f "$top/mine.conf" config show \
	    >"$top/out" 2>"$top/err"
	ok $? "a user's own configuration, for himself"

	printf 'state-dir %s/new/state\n' "$top" >"$top/new.conf"
	run 0 'setup' setup -f "$top/new.conf" --user nobody
	[ "$(stat -c '%U %a' "$top/new/state/policies")" = 'nobody 750' ]
	ok $? 'makes the state directory'
	run 0 'setup again' setup -f "$top/new.conf" --user nobody
	out 'nothing to do' 'has nothing to do'
	chown -R root "$top/new/state"
	run 1 'a state directory of root' config check -f "$top/new.conf"
	out 'belongs to root' 'is named'
	run 3 'and is not used' -f "$top/new.conf" cache drop a.example
	err 'mta-sts setup --user' 'but fixed with setup'
	run 0 'setup fixes it' setup -f "$top/new.conf" --user nobody
	[ "$(stat -c %U "$top/new/state/checks")" = nobody ]
	ok $? 'all of it'
	printf 'state-dir /var/lib\n' >"$top/new.conf"
	run 3 'setup in /var/lib' setup -f "$top/new.conf" --user nobody
else
	count=$((count + 1))
	echo "ok $count - # SKIP rights: needs root"
	run 3 'setup without root' setup -f "$top/good.conf" --user nobody
fi

printf 'state-dir %s\nstate-directory /elsewhere\n' "$top/absent" >"$top/typo.conf"
run 3 'setup with a bad line, where nothing is there yet' \
    setup -f "$top/typo.conf" --user nobody
err "$top/absent: not made, as lines of the configuration are bad" 'is refused'

# What the command must not load
if command -v readelf >/dev/null; then
	! readelf -d "$tool" | grep -E 'NEEDED.*lib(curl|cares|ssl|crypto)\.'
	ok $? 'it needs no network library'
fi

# The manual pages
tokens=$(sed -n 's/^	X(STS_[A-Z_]*, "\([a-z_]*\)".*/\1/p' common/base/status.h)
[ "$(echo "$tokens" | wc -w)" -gt 60 ]
ok $? 'status tokens are found in status.h'
for token in $tokens; do
	grep -q "^\.It Cm $token\$" docs/mta-sts.1 2>"$top/err"
	ok $? "mta-sts(1) explains $token"
done
# Those of the example, and no key that query does not print.
for key in domain verdict deliver reason reason_text record_id policy fetched \
    expires record_checked failed_fetch absence override mx_hosts now; do
	grep -q "\"$key\":" docs/mta-sts.1
	ok $? "mta-sts(1) shows the JSON key $key"
done
for key in $(sed -n 's/^    FIELD("\([a-z]*\)", "\([a-z_]*\)".*/\1 \2/p' \
    common/tool/overview_print.c | tr ' ' '\n' | sort -u) findings unseen ok; do
	grep -q "\"$key\":" docs/mta-sts.1
	ok $? "mta-sts(1) shows the key $key of status"
done
keys=$(sed -n 's/^    {"\([a-z-]*\)", set_.*/\1/p' common/base/config.c)
[ "$(echo "$keys" | wc -w)" -gt 15 ]
ok $? 'keys are found in config.c'
for key in $keys; do
	grep -q "^\.It Cm $key\b" docs/mta-sts.conf.5
	ok $? "mta-sts.conf(5) explains $key"
done
if command -v mandoc >/dev/null; then
	for page in docs/*.[1-9]; do
		mandoc -Tlint -Wwarning "$page" >"$top/out" 2>&1
		ok $? "$page is clean"
	done
else
	count=$((count + 1))
	echo "ok $count - # SKIP manual pages: mandoc is not installed"
fi

echo "1..$count"
[ $failed -eq 0 ]
