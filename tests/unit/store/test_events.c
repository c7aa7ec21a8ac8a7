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
	long before;

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
	limit();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	(void)!system(command);
	return tap_done();
}
