#!/bin/sh
# SPDX-License-Identifier: ISC
# Dashboard and alert rules use only metrics that exist, and each metric is in
# mta-sts(1); what writes the metrics does so by a rename; a failed service says
# so.

code=common/tool/overview_metrics.c
board=docs/monitoring/grafana.json
rules=docs/monitoring/alerts.yml
top=$(mktemp -d /tmp/mta-sts-monitoring.XXXXXX) || exit 1
trap 'rm -rf "$top"' EXIT
count=0

ok() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$top/out"
	fi
}

# Of a metric that is printed, and of one in the table of numbers.
tr '\n\t' '  ' <$code | grep -o \
    '\(head(out, \|print_results(out, \|print_counts(out, \|{\)"[a-z_]*", ' |
    sed 's/.*"\([a-z_]*\)".*/mta_sts_\1/' | sort -u >"$top/names"
[ "$(wc -l <"$top/names")" -ge 25 ]
ok $? 'the names of the metrics'
while read -r name; do
	grep -q "$name\\b" docs/mta-sts.1
	ok $? "mta-sts(1) has $name"
done <"$top/names"
grep -o 'mta_sts_[a-z_]*' docs/mta-sts.1 | grep -v '^mta_sts_query$' | sort -u |
    comm -13 "$top/names" - | grep -v \
    '^mta_sts_\(no_mx\|event\|report\|not_required\|no_dlfunc\)' >"$top/out"
[ ! -s "$top/out" ]
ok $? 'and no other'
python3 -c 'import json, sys
board = json.load(open(sys.argv[1]))
ids = [p["id"] for p in board["panels"]]
assert len(ids) == len(set(ids)) > 5
assert all(t["expr"] for p in board["panels"] for t in p["targets"])' \
    $board >"$top/out" 2>&1
ok $? 'the dashboard is valid JSON, with panels that ask for something'
for file in $board $rules; do
	grep -o 'mta_sts_[a-z_]*' "$file" | sort -u | comm -13 "$top/names" - \
	    >"$top/out"
	[ ! -s "$top/out" ]
	ok $? "$file uses only names that exist"
done
for alert in $(sed -n 's/.*- alert: //p' $rules); do
	grep -q "^| .$alert. |" docs/monitoring.md
	ok $? "the guide explains $alert"
done
grep -q 'mv -fT mta-sts.tmp mta-sts.prom' common/conf/mta-sts-status.service
ok $? 'the metrics are written by a rename'

# What the unit and the line for cron do, as root, in a directory where another
# user has put links.
unit=$(tr -d '\n' <common/conf/mta-sts-status.service |
    sed "s/.*ExecStart=\\([^']*'[^']*'\\).*/\\1/; s/\\\\//g")
cron=$(sed -n 's/^ *[*]\/10 [* ]*root  *//p' docs/monitoring.md)
printf '#!/bin/sh\necho metrics\n' >"$top/mta-sts"
chmod 755 "$top/mta-sts"
mkdir "$top/collected"
for writer in "$unit" "$cron"; do
	echo precious >"$top/precious"
	chmod 600 "$top/precious"
	ln -sf "$top/precious" "$top/collected/mta-sts.tmp"
	mkdir -p "$top/elsewhere"
	rm -f "$top/collected/mta-sts.prom"
	ln -s "$top/elsewhere" "$top/collected/mta-sts.prom"
	echo "$writer" | sed "s,/usr/bin/mta-sts,mta-sts,
	    s,/var/lib/prometheus/node-exporter,$top/collected," >"$top/writer"
	(umask 022 && cd "$top/collected" &&
	    PATH=$top:$PATH sh "$top/writer") >"$top/out" 2>&1
	ls -lR "$top/collected" "$top/elsewhere" >>"$top/out"
	[ -n "$writer" ] && [ ! -h "$top/collected/mta-sts.prom" ] &&
	    [ "$(cat "$top/collected/mta-sts.prom")" = metrics ] &&
	    [ "$(stat -c %a "$top/collected/mta-sts.prom")" = 644 ]
	ok $? 'the metrics are there, for all to read'
	[ "$(cat "$top/precious") $(stat -c %a "$top/precious")" = 'precious 600' ] &&
	    [ -z "$(ls "$top/elsewhere")" ]
	ok $? 'and no link of another user has been followed'
done
for unit in refresh report status; do
	grep -q '^OnFailure=mta-sts-failed@%N.service$' \
	    common/conf/mta-sts-$unit.service
	ok $? "a failure of mta-sts-$unit.service is mailed"
done
if command -v systemd-analyze >/dev/null; then
	cp common/conf/*.service common/conf/*.timer "$top/"
	sed -i 's,/usr/bin/mta-sts,/bin/true,; s,/usr/sbin/sendmail,/bin/cat,' \
	    "$top"/*.service
	systemd-analyze verify --man=no "$top"/mta-sts-failed@mta-sts-status.service \
	    "$top"/mta-sts-status.timer >"$top/out" 2>&1
	ok $? 'systemd takes the units'
fi
echo "1..$count"
