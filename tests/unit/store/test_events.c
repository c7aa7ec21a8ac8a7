/* SPDX-License-Identifier: ISC */
/*
 * What status counts: many writers, none lost or torn; numbers only grow,
 * whenever days are added up; damage and bounds; never as root.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "store/events.h"

enum { DAY = 86400, HOUR = 3600, WRITERS = 8, EACH = 250 };

static const int64_t now = 1800000000; /* 2027-01-15 08:00 */
static char top[] = "/tmp/mta-sts-events.XXXXXX";
static struct sts_store *store;
static struct sts_events e;

static void
look(int64_t at)
{
	is_int(sts_events_read(store, at, &e), STS_OK, "read");
}

static void
shell(const char *format)
{
	char command[300];

	snprintf(command, sizeof(command), "cd %s && %s", top, format);
	if (system(command) != 0)
		tap_diag("%s", command);
}

static void
many_writers(void)
{
	for (int i = 0; i < WRITERS; i++) {
		if (fork() != 0)
			continue;
		for (int k = 0; k < EACH; k++)
			sts_events_result(
			    store, STS_EVENT_LOOKUP, STS_EVENT_NONE, now);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	look(now);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], WRITERS * EACH,
	    "of eight writers at once no event is lost");
	is_int(e.last_answer, now, "the last answer of the DNS");
	is_int(e.last_round, 0, "no round yet");
}

static void
deferrals(void)
{
	char domain[40];

	for (int i = 0; i < 7; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		ok(sts_events_deferred(
		       store, domain, STS_NO_NAMESERVER, now - 2 * HOUR),
		    "%s waited", domain);
	}
	ok(sts_events_deferred(store, "d3.example", STS_NO_MATCH, now - 60) &&
		sts_events_deferred(
		    store, "old.example", STS_NO_MATCH, now - DAY - 1) &&
		sts_events_deferred(
		    store, "f.example", STS_STATE_FULL, now - 30) &&
		sts_events_deferred(
		    store, "x .\nD 1 ok y", STS_NO_MATCH, now - 20),
	    "others, and what is no domain");
	look(now);
	is_int(e.deferred[STS_NO_NAMESERVER], 7, "by reason");
	is_int(e.deferred[STS_NO_MATCH], 2, "a day back, no more");
	is_int(e.faults, 1, "faults of this machine in the last hour");
	is_int((long long)e.last_count, STS_EVENTS_LAST, "the last domains");
	is_str(e.last[0].domain, "f.example", "the newest first");
	is_str(e.last[1].domain, "d3.example", "each once, moved up");
	is_int(e.last[1].why, STS_NO_MATCH, "with its reason");
	is_str(e.last[2].domain, "d6.example", "then those before");
}

static void
totals(void)
{
	int64_t lookups = WRITERS * EACH;

	sts_events_result(store, STS_EVENT_REFRESH, STS_EVENT_FAILED, now);
	sts_events_round(store, now);
	look(now);
	is_int(e.last_round, now, "a round");
	shell("test -f events/2027-01-15 && test -f events/2027-01-14");
	ok(access(top, F_OK) == 0, "days of yesterday and today stay");
	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_POLICY, now + DAY);
	sts_events_round(store, now + 2 * DAY);
	look(now + 2 * DAY);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], lookups,
	    "days that are gone still count");
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_POLICY], 1,
	    "and so do those that are there");
	is_int(e.count[STS_EVENT_REFRESH][STS_EVENT_FAILED], 1, "refreshes");
	shell("test ! -f events/2027-01-15 && test -f events/2027-01-16");
	sts_events_round(store, now + 500 * DAY);
	look(now + 500 * DAY);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE] +
		e.count[STS_EVENT_LOOKUP][STS_EVENT_POLICY],
	    lookups,
	    "of a machine that was off for long what is older than 400 days is "
	    "gone");
	is_int(e.last_round, now + 500 * DAY, "the last round");
	shell("echo damage >>totals");
	look(now + 500 * DAY);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], 0,
	    "damaged totals begin again");
	shell("rm -r totals events");
}

static void
damage(void)
{
	const int64_t later = now + 100 * DAY;

	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_FAULT, later);
	shell("f=events/$(ls events | tail -n 1); head -c 100000 /dev/zero "
	      ">>$f; printf '\\nL 18086' >>$f; printf 'L 1 none' >>$f");
	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_FAULT, later);
	look(later);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_FAULT], 2,
	    "lines around what was cut or is foreign count");
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], 0,
	    "what was cut does not");
	shell("truncate -s 8388600 events/$(ls events | tail -n 1)");
	ok(!sts_events_deferred(store, "a.example", STS_NO_MATCH, later),
	    "a file that is full stays as it is");
	shell("truncate -s 8390000 events/$(ls events | tail -n 1)");
	look(later);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_FAULT], 2,
	    "one that several filled at once, and more than that, is read");
	shell("rm -r events && mkdir x && ln -s x events");
	ok(sts_events_deferred(store, "a.example", STS_NO_MATCH, later) ||
		access(top, F_OK) == 0,
	    "a directory that the owner replaced");
	shell("rm -r events x; mkdir events; "
	      "ln -s /dev/null events/2027-04-25");
	ok(!sts_events_deferred(store, "a.example", STS_NO_MATCH, later),
	    "no link is followed");
	shell("rm -r events; mkdir events; mkfifo events/2027-04-25");
	ok(!sts_events_deferred(store, "a.example", STS_NO_MATCH, later),
	    "a pipe does not block, and is refused");
	look(later);
	shell("rm -r events; chmod 0550 .");
	ok(!sts_events_deferred(store, "a.example", STS_NO_MATCH, later),
	    "no directory can be made");
	shell("chmod 0750 .");
}

/* A round by a clock that is ahead hides nothing of what comes after it. */
static void
clock_ahead(void)
{
	const int64_t then = now + 200 * DAY;
	int64_t before;

	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_POLICY, then);
	sts_events_round(store, then + 300 * DAY);
	look(then);
	before = e.count[STS_EVENT_LOOKUP][STS_EVENT_POLICY];
	is_int(e.last_round, 0, "a round in the future is none");
	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_POLICY, then);
	ok(sts_events_deferred(store, "a.example", STS_NO_MATCH, then),
	    "mail waits after a clock was ahead");
	sts_events_round(store, then);
	look(then);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_POLICY], before + 1,
	    "and a lookup counts");
	is_int(e.deferred[STS_NO_MATCH], 1, "so does the deferral");
	is_int(e.last_round, then, "and the round");
	sts_events_round(store, then + 3 * DAY);
	look(then + 3 * DAY);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_POLICY], before + 1,
	    "each counts once, too, when the days are added up");
	shell("rm -rf events totals");
}

/* What others cause in any number leaves room for what an alert is for. */
static void
flood(void)
{
	const int64_t then = now + 300 * DAY;

	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_NONE, then);
	shell("truncate -s 7340032 events/$(ls events | tail -n 1)");
	ok(!sts_events_deferred(store, "a.example", STS_NO_MATCH, then),
	    "a full file takes no more of what domains cause");
	ok(sts_events_deferred(store, "a.example", STS_NO_NAMESERVER, then),
	    "but a fault of this machine");
	sts_events_round(store, then);
	look(then);
	is_int(e.last_round, then, "and the end of a round");
	is_int(e.faults, 1, "both are found");
	shell("rm -rf events totals");
}

static int
files(void)
{
	char command[100], text[20] = "";
	FILE *p;

	snprintf(command, sizeof(command), "ls %s/events | wc -l", top);
	if ((p = popen(command, "r")) == NULL)
		return -1;
	if (fgets(text, sizeof(text), p) == NULL)
		text[0] = '\0';
	(void)pclose(p);
	return atoi(text);
}

/* A round that was killed, or a clock that was behind, leaves files. */
static void
left_over(void)
{
	const int64_t then = now + 400 * DAY; /* 2028-02-19 */

	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_NONE, then);
	sts_events_round(store, then + 2 * DAY);
	shell("for d in 2028-02-19 2028-02-18 2027-01-01 1970-01-01; do printf "
	      "'\nL 1834560000 none .\n' >events/$d; done; touch events/x");
	sts_events_round(store, then + 2 * DAY);
	look(then + 2 * DAY);
	is_int(files(), 2, "a round removes what a killed one left");
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], 1,
	    "which was in the totals, and counts once");
	shell("rm -rf events totals");
}

/* No timer refreshes: a lookup on a new day adds up. */
static void
no_rounds(void)
{
	const int64_t then = now + 500 * DAY;
	int most = 0;

	for (int day = 0; day < 60; day++) {
		sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_NONE,
		    then + (int64_t)day * DAY);
		if (files() > most)
			most = files();
	}
	ok(most <= 3, "without a round there are three files, not %d", most);
	look(then + 59 * DAY);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], 60,
	    "and the totals have all of their days");
	is_int(e.last_round, 0, "which is no round");
	shell("rm -rf events totals");
}

/* Nor does a lookup come to an end: mail waits, and no process can add up. */
static void
no_lookups(void)
{
	const int64_t then = now + 600 * DAY;
	struct sts_store *reading;
	bool written = true;

	if (sts_store_open(&reading, top, false) != STS_OK) {
		ok(false, "the store opens for reading");
		return;
	}
	for (int day = 0; day < 60; day++)
		written =
		    sts_events_deferred(reading, "a.example",
			STS_RESOLVER_MISSING, then + (int64_t)day * DAY) &&
		    written;
	ok(written, "deferrals of 60 days are written");
	is_int(files(), 32, "and stay for a month");
	sts_store_close(reading);
	shell("rm -rf events totals");
}

/* Whatever number of faults a day has, those of its last hour are seen. */
static void
storm(void)
{
	const int64_t then = now + 700 * DAY; /* 1860480000, 2028-12-15 */

	sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_NONE, then);
	shell("truncate -s 7900000 events/2028-12-15 && "
	      "touch -d @1860480000 events/2028-12-15");
	ok(!sts_events_deferred(
	       store, "a.example", STS_NO_NAMESERVER, then + 59),
	    "near its end a file takes no second event of a minute");
	sts_events_round(store, then + 59);
	look(then + 59);
	is_int(e.last_round, then + 59, "but the end of a round");
	shell("touch -d @1860480000 events/2028-12-15");
	ok(sts_events_deferred(
	       store, "a.example", STS_NO_NAMESERVER, then + 60),
	    "and one a minute, so that a fault that lasts is seen all day");
	look(then + 60);
	is_int(e.faults, 1, "as it is here");
	shell("rm -rf events totals");
}

/* A process that serves: results wait, faults do not, nothing is lost. */
static void
keeping(void)
{
	enum { MANY = 1000 };
	struct sts_store *serving;
	int64_t found;

	if (sts_store_open(&serving, top, true) != STS_OK) {
		ok(false, "the store opens");
		return;
	}
	sts_events_keep(serving);
	sts_events_keep(serving);
	for (int i = 0; i < 3; i++)
		sts_events_result(
		    serving, STS_EVENT_REFRESH, STS_EVENT_POLICY, now);
	sts_events_result(serving, STS_EVENT_LOOKUP, STS_EVENT_FAULT, now);
	look(now);
	is_int(e.count[STS_EVENT_REFRESH][STS_EVENT_POLICY], 0,
	    "results of a process that serves wait");
	is_int(
	    e.count[STS_EVENT_LOOKUP][STS_EVENT_FAULT], 1, "a fault does not");
	sts_events_flush(serving);
	sts_events_flush(serving);
	look(now);
	is_int(e.count[STS_EVENT_REFRESH][STS_EVENT_POLICY], 3,
	    "all are written at once, and once");
	for (int i = 0; i < MANY; i++)
		sts_events_result(
		    serving, STS_EVENT_LOOKUP, STS_EVENT_NONE, now);
	look(now);
	found = e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE];
	ok(found > MANY / 2 && found < MANY,
	    "of more than there is room for, %lld are written",
	    (long long)found);
	sts_events_flush(serving);
	look(now);
	is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], MANY,
	    "and none is lost");
	shell("rm -rf events totals");
	/* Of the last second of a day, and of the first of the next. */
	sts_events_result(
	    serving, STS_EVENT_LOOKUP, STS_EVENT_NONE, now / DAY * DAY - 1);
	sts_events_result(
	    serving, STS_EVENT_LOOKUP, STS_EVENT_NONE, now / DAY * DAY);
	sts_events_flush(serving);
	for (int day = 0; day < 4; day++) {
		sts_events_round(store, now + day * DAY);
		look(now + day * DAY);
		is_int(e.count[STS_EVENT_LOOKUP][STS_EVENT_NONE], 2,
		    "what waited at midnight counts once, %d days later", day);
	}
	sts_store_close(serving);
	shell("rm -rf events totals");
}

static void
limit(void)
{
	struct rlimit small = {4096, 4096};
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		(void)setrlimit(RLIMIT_FSIZE, &small);
		_exit(sts_events_deferred(store, "a.example", STS_NO_MATCH, now)
			? 1
			: 0);
	}
	(void)waitpid(child, &status, 0);
	is_int(status, 0,
	    "near a user's limit for files nothing is written, no signal");
}

/* As root nothing is opened, whatever is there. */
static void
as_root(void)
{
	int status = 0;
	pid_t child;

	if (geteuid() != 0) {
		tap_skip("root", "needs root");
		return;
	}
	if ((child = fork()) == 0)
		_exit(sts_store_open(&store, top, false) == STS_OK &&
			    !sts_events_deferred(
				store, "a.example", STS_NO_MATCH, now)
			? 0
			: 1);
	(void)waitpid(child, &status, 0);
	is_int(status, 0, "root writes nothing");
}

int
main(void)
{
	char command[100];

	umask(077);
	if (mkdtemp(top) == NULL ||
	    (geteuid() == 0 && chown(top, 65534, 65534) != 0) ||
	    chmod(top, 0750) != 0)
		return 1;
	as_root();
	if ((geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) ||
	    sts_store_open(&store, top, true) != STS_OK) {
		printf("Bail out! no store\n");
		return 1;
	}
	many_writers();
	deferrals();
	totals();
	damage();
	clock_ahead();
	flood();
	left_over();
	no_rounds();
	no_lookups();
	storm();
	keeping();
	limit();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	(void)!system(command);
	return tap_done();
}
