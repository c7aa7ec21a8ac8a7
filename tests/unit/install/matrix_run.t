#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/matrix/run and the scripts of .ci that call it: which cells there are, and
# the exit status.  No tree is made and nothing is built: the programs that would
# are stand-ins.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0 failed=0

# report STATUS NAME
report() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		sed 's/^/# /' "$work/said"
	fi
}

# run COMMAND...: what it says is in $work/said, its exit status in $status.
run() {
	PATH=$work/bin:$PATH MATRIX_CACHE=$work/cache B=$work/b "$@" \
	    >"$work/said" 2>&1
	status=$?
}

# said STATUS TEXT...: it ended so, and said each of these.
said() {
	[ "$status" -eq "$1" ] || return 1
	shift
	for text; do
		grep -qF -e "$text" "$work/said" || return 1
	done
}

# stand_in PROGRAM LINE...
stand_in() {
	name=$1
	shift
	{ echo '#!/bin/sh' && printf '%s\n' "$@"; } >"$work/bin/$name"
	chmod 755 "$work/bin/$name"
}

# tree CELL ARCHITECTURE: one that is there already.
tree() {
	mkdir -p "$work/cache/$1"
	# shellcheck disable=SC2046,SC2086
	(top=$PWD . tests/matrix/trees.sh
	echo "${1%-i386} $2" $(readme_packages) $CHECK_PACKAGES) \
	    >"$work/cache/$1/complete"
}

mkdir "$work/bin" "$work/cache"
run tests/matrix/run -h
said 0 bookworm trixie sid bookworm-i386 musl 77
report $? '-h names the cells and the exit statuses'
run tests/matrix/run --help
said 0 'usage: tests/matrix/run'
report $? 'so does --help'
run tests/matrix/run trixie jessie
said 2 'no cell is called jessie' 'bookworm trixie sid bookworm-i386 musl'
report $? 'a cell that there is not: exit status 2, and the names of those there are'
run tests/matrix/run bookworm/tcc
said 2 'no compiler tcc' 'gcc clang'
report $? 'nor such a compiler'
run tests/matrix/run musl/clang
said 2 'no compiler clang' musl-gcc
report $? 'musl has a compiler of its own'
run tests/matrix/run --no-such-option
said 2 '--no-such-option'
report $? 'an option that there is not'
stand_in id 'echo 1000'
run tests/matrix/run sid
said 2 'needs root'
report $? 'not root: exit status 2'

# From here on: root, whose packages are all installed, without a mirror.
stand_in id 'echo 0'
stand_in dpkg 'echo amd64'
stand_in dpkg-query 'echo install ok installed'
stand_in apt-get 'exit 100'
stand_in git 'exit 0'
stand_in tar 'exit 0'
stand_in flock 'exit 0'
stand_in setpriv 'exit $(cat "$MATRIX_CACHE/status")'
tree bookworm amd64
tree bookworm-i386 i386

echo 0 >"$work/cache/status"
run .ci/debian-12
said 0 'bookworm ' ' ok, ' && [ "$(grep -c '^bookworm ' "$work/said")" -eq 2 ]
report $? 'tests that pass, with both compilers: exit status 0'
run .ci/debian-12 clang
said 0 'bookworm ' && [ "$(grep -c '^bookworm ' "$work/said")" -eq 1 ]
report $? 'or with the one that is named'
run .ci/debian-i386 gcc
said 0 'bookworm-i386 '
report $? 'in 32 bits'
for script in debian-13 debian-sid musl; do
	run ".ci/$script"
	said 77 'NOT RUN: its tree could not be made'
	report $? "$script, without a mirror: exit status 77"
done
run tests/matrix/run trixie bookworm
said 77 'trixie ' 'NOT RUN' 'bookworm '
report $? 'a cell that could not be run, and one that passed: 77, not 0'

echo 2 >"$work/cache/status"
run tests/matrix/run bookworm/gcc
said 1 'FAILED (2)'
report $? 'tests that fail: exit status 1'
run tests/matrix/run bookworm/gcc trixie
said 1 'FAILED (2)' 'NOT RUN'
report $? 'one that failed, and one that could not be run: 1'
echo 137 >"$work/cache/status"
run tests/matrix/run bookworm/gcc
said 1 'FAILED: not done after 900 s'
report $? 'tests that do not end: 1'
stand_in setpriv 'echo "x.c:1: warning: unused"'
run tests/matrix/run bookworm/gcc
said 1 'FAILED: warnings'
report $? 'a warning: 1'
stand_in setpriv "echo 'tests/unit/net_dns.t .... skipped: no python3'"
run tests/matrix/run bookworm/gcc
said 0 'skipped: net_dns.t: no python3'
report $? 'the tests that were skipped, and why'

# As make passes on what a terminal has sent to both of them.
mkdir "$work/tmp"
stand_in setpriv 'touch "$MATRIX_CACHE/begun"; trap "" TERM; sleep 0.3'
PATH=$work/bin:$PATH MATRIX_CACHE=$work/cache B=$work/b TMPDIR=$work/tmp \
    tests/matrix/run bookworm/gcc >"$work/said" 2>&1 &
until [ -e "$work/cache/begun" ]; do
	sleep 0.1
done
while kill -s TERM $! 2>/dev/null; do
	:
done
wait $!
[ $? -eq 143 ] && ls -A "$work/tmp" >"$work/said" && [ ! -s "$work/said" ]
report $? 'ended by signals, it leaves no file behind'
echo "1..$n"
exit "$failed"
