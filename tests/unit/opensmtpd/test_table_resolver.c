/* SPDX-License-Identifier: ISC */
/*
 * table-mta-sts and the one resolver that works behind its answers: smtpd waits
 * for the table with all that it does, so whatever the resolver does, answers
 * come at once.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

enum {
	DAY = 86400,
	AT_ONCE_MS = 1400, /* an answer that waits takes 1.5 s */
	LONG_MS = 30000,   /* less than a lookup's limits, 40 s */
	CHILDREN_MAX = 8
};

static struct world w;
static struct peer p;
static unsigned serial;
static int64_t slowest_ms;

static void
start(void)
{
	const char *const arguments[] = {w.conf, NULL};

	peer_start(&p, "table-mta-sts", PEER_BOTH, "mta-sts", arguments);
	peer_say(&p, "config|ready\n");
	for (int i = 0; i < 3; i++)
		(void)peer_line(&p, TAP_WAIT_MS);
	slowest_ms = 0;
}

/* The reply to "check|domain" after its id. */
static const char *
check(const char *domain)
{
	char request[500], id[16];
	int64_t began = smtpd_ms();
	const char *line;

	snprintf(id, sizeof(id), "%08x", ++serial);
	snprintf(request, sizeof(request),
	    "table|0.1|1.1|mta-sts|check|domain|%s|%s\n", id, domain);
	peer_say(&p, request);
	line = peer_line(&p, TAP_WAIT_MS);
	if (smtpd_ms() - began > slowest_ms)
		slowest_ms = smtpd_ms() - began;
	if (line == NULL || strncmp(line, "check-result|", 13) != 0 ||
	    strncmp(line + 13, id, 8) != 0)
		return "(no reply to this request)";
	return line + 22;
}

/* A domain whose negative entry is out of date: it is looked up again. */
static void
make_old(const char *domain)
{
	world_none(&w, "state", domain, "", DAY, 3600);
}

static void
begin(const char *lines)
{
	smtpd_world(&w, lines);
	world_none(&w, "state", "known.test", "", 10, 3600);
	make_old("old.test");
}

static void
finish(void)
{
	is_int(peer_end(&p), 0, "the table ends with its input");
	smtpd_remove(&w);
}

/* The table's child processes, dead ones among them. */
static int
children(pid_t pids[CHILDREN_MAX])
{
	char path[80];
	int count = 0, pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)p.pid,
	    (int)p.pid);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	while (count < CHILDREN_MAX && fscanf(f, "%d", &pid) == 1)
		pids[count++] = pid;
	fclose(f);
	return count;
}

/* How many there are, once they are so many or some time is over. */
static int
await_children(int expected)
{
	pid_t pids[CHILDREN_MAX];
	int64_t end = smtpd_ms() + TAP_WAIT_MS;
	int count;

	while ((count = children(pids)) != expected && smtpd_ms() < end)
		poll(NULL, 0, 20);
	return count;
}

/* Answers for that long, one request after the other. */
static void
answers_for(int ms, const char *what)
{
	int64_t end = smtpd_ms() + ms;
	unsigned asked = 0, answered = 0;

	slowest_ms = 0;
	while (smtpd_ms() < end) {
		asked++;
		answered += strcmp(check("known.test"), "not-found") == 0;
		poll(NULL, 0, 20);
	}
	is_int(answered, asked, "%s: %u requests are answered", what, asked);
	ok(slowest_ms < AT_ONCE_MS, "%s: at once, %lld ms at most", what,
	    (long long)slowest_ms);
}

static void
test_one(void)
{
	char domain[64];
	pid_t pids[CHILDREN_MAX];

	begin("");
	for (int i = 0; i < 12; i++) {
		snprintf(domain, sizeof(domain), "none-slow3000-%d.test", i);
		make_old(domain);
	}
	start();
	is_int(children(pids), 0, "no resolver before there is work");
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 12; i++) {
			snprintf(
			    domain, sizeof(domain), "none-slow3000-%d.test", i);
			if (strcmp(check(domain), "not-found") != 0)
				ok(false, "%s is answered", domain);
		}
	}
	ok(smtpd_wait_ran(&w, "lookup ", 12, 2800),
	    "twelve domains are looked up at once");
	is_int(smtpd_line_of(&w, "lookup none-slow3000-0.test"), 2,
	    "in the order of the requests");
	is_int(children(pids), 1, "by one resolver");
	poll(NULL, 0, 3500);
	for (int i = 0; i < 12; i++) {
		snprintf(domain, sizeof(domain), "none-slow3000-%d.test", i);
		(void)check(domain);
	}
	poll(NULL, 0, 300);
	is_int(smtpd_ran(&w, "lookup "), 12, "each domain once");
	is_int(smtpd_ran(&w, "serve"), 1, "one resolver was started");
	finish();
}

/* Each question would be one lookup, for as long as the fault lasts. */
static void
test_again(void)
{
	begin("");
	make_old("fault.test");
	start();
	for (int i = 0; i < 5; i++) {
		is_str(check("fault.test"), "not-found",
		    "an old answer, whose lookup ends in a fault");
		poll(NULL, 0, 100);
	}
	is_int(smtpd_ran(&w, "lookup fault.test"), 1,
	    "it is not looked up again within half a minute");
	finish();
}

/* Domains whose lookup hangs, as many as the table has looked up at once. */
static void
test_hanging(void)
{
	char domain[64];

	begin("");
	make_old("hang-0.test");
	start();
	(void)check("hang-0.test");
	(void)check("old.test");
	ok(smtpd_wait_ran(&w, "lookup old.test", 1, LONG_MS),
	    "one lookup hangs: the next domain is looked up");
	for (int i = 1; i < 300; i++) {
		snprintf(domain, sizeof(domain), "hang-%d.test", i);
		make_old(domain);
		if (strcmp(check(domain), "not-found") != 0)
			ok(false, "%s is answered", domain);
	}
	ok(slowest_ms < AT_ONCE_MS, "300 of them are answered at once: %lld ms",
	    (long long)slowest_ms);
	(void)smtpd_wait_ran(&w, "lookup hang-", 256, LONG_MS);
	poll(NULL, 0, 200);
	is_int(smtpd_ran(&w, "lookup hang-"), 256,
	    "no more than 256 lookups are under way");
	is_str(check("enforce-new.test"), "found",
	    "a domain never seen is looked up all the same");
	finish();
}

static void
flag(const char *name, bool on)
{
	char command[200];

	snprintf(command, sizeof(command), "%s %s/%s", on ? "touch" : "rm",
	    w.dir, name);
	if (system(command) != 0)
		ok(false, "%s", command);
}

/* So many starts in that time: two, then pauses of 250, 500, 1000... ms. */
static unsigned
starts_within(int64_t ms)
{
	unsigned count = 2;

	for (int64_t at = 250; at <= ms; at = 2 * at + 250)
		count++;
	return count;
}

/* The rules for a new start are those of test_keep.c. */
static void
test_dies(void)
{
	char domain[64];
	int64_t began = smtpd_ms(), again;
	unsigned starts;

	begin("");
	start();
	flag("dies", true);
	for (int i = 0; i < 20; i++) {
		snprintf(domain, sizeof(domain), "old-%d.test", i);
		make_old(domain);
		(void)check(domain);
		poll(NULL, 0, 50);
	}
	ok(slowest_ms < AT_ONCE_MS, "a resolver that dies: %lld ms",
	    (long long)slowest_ms);
	answers_for(1000, "a resolver that dies");
	starts = smtpd_ran(&w, "dies");
	ok(starts >= 2 && starts <= starts_within(smtpd_ms() - began),
	    "it is started ever more slowly: %u", starts);
	is_int(await_children(0), 0, "and each is reaped");
	flag("dies", false);
	make_old("later.test");
	again = smtpd_ms();
	for (int i = 0; smtpd_ran(&w, "lookup later") == 0 &&
	     smtpd_ms() - again < TAP_WAIT_MS;
	     i++) {
		snprintf(domain, sizeof(domain), "later-%d.test", i);
		make_old(domain);
		(void)check(i == 0 ? "later.test" : domain);
		poll(NULL, 0, 100);
	}
	ok(smtpd_ran(&w, "lookup later") > 0, "one that works is used");
	finish();
}

/* Sends itself SIGSTOP, or says nothing. */
static void
test_stalls(const char *domain, bool mute)
{
	const char *what = mute ? "mute" : "stopped";
	pid_t before[CHILDREN_MAX] = {0}, after[CHILDREN_MAX] = {0};
	int64_t began;

	begin("");
	make_old(domain);
	start();
	if (mute)
		flag("mute", true);
	began = smtpd_ms();
	(void)check(domain);
	ok(smtpd_wait_ran(&w, "lookup ", 1, TAP_WAIT_MS), "%s: it has a lookup",
	    what);
	is_int(children(before), 1, "%s: one resolver", what);
	answers_for(8000, what);
	is_int(children(after), 1, "%s: it is waited for", what);
	/* Where the machine took its time it may be over. */
	ok(before[0] == after[0] || smtpd_ms() - began >= 10000,
	    "%s: for 8 seconds", what);
	if (mute)
		flag("mute", false);
	answers_for(4000, what);
	while (children(after) > 0 && before[0] == after[0] &&
	    smtpd_ms() - began < LONG_MS)
		poll(NULL, 0, 100);
	ok(children(after) <= 1 && before[0] != after[0],
	    "%s: then it is killed and reaped", what);
	ok(kill(before[0], 0) != 0, "%s: and gone", what);
	finish();
}

/* In place of the resolver. */
static void
put_script(const char *script)
{
	char command[500];

	snprintf(command, sizeof(command),
	    "rm -f %s/missing; printf '#!/bin/sh\\n%%s\\n' \"%s\" "
	    ">%s/missing; chmod 755 %s/missing",
	    w.dir, script, w.dir, w.dir);
	if (system(command) != 0)
		ok(false, "%s", command);
}

static void
test_floods(const char *script, const char *what)
{
	long before;

	begin("");
	put_script(script);
	start();
	(void)check("known.test");
	before = peer_rss(&p);
	is_str(check("never.test"), "error|not_found",
	    "%s: a domain never seen", what);
	ok(slowest_ms < LONG_MS, "%s: is waited for 1.5 s at most: %lld ms",
	    what, (long long)slowest_ms);
	is_str(check("old.test"), "not-found", "%s: an old answer", what);
	answers_for(2000, what);
	peer_is_flat(&p, before, what);
	finish();
}

static void
test_missing(void)
{
	char command[200];
	int64_t began;

	begin("");
	start();
	snprintf(
	    command, sizeof(command), "mv %s/missing %s/away", w.dir, w.dir);
	ok(system(command) == 0, "there is no resolver");
	(void)check("old.test");
	is_str(check("never.test"), "error|not_found",
	    "none: a domain never seen waits in the queue");
	answers_for(500, "none");
	snprintf(
	    command, sizeof(command), "mv %s/away %s/missing", w.dir, w.dir);
	ok(system(command) == 0, "it is put back");
	make_old("other.test");
	began = smtpd_ms();
	for (int i = 0;
	     smtpd_ran(&w, "serve") == 0 && smtpd_ms() - began < LONG_MS; i++) {
		char domain[64];

		snprintf(domain, sizeof(domain), "other-%d.test", i);
		make_old(domain);
		(void)check(domain);
		poll(NULL, 0, 100);
	}
	is_int(smtpd_ran(&w, "serve"), 1, "and used soon");
	finish();
}

/* What is under way is finished by the resolver alone. */
static void
test_end(void)
{
	pid_t pids[CHILDREN_MAX] = {0};
	int64_t began;

	begin("");
	make_old("none-slow3000.test");
	start();
	(void)check("none-slow3000.test");
	ok(smtpd_wait_ran(&w, "lookup ", 1, TAP_WAIT_MS),
	    "a lookup is under way");
	is_int(children(pids), 1, "with one resolver");
	began = smtpd_ms();
	is_int(peer_end(&p), 0, "the input ends: so does the table");
	ok(kill(pids[0], 0) == 0, "at once: the resolver is still at work");
	while (kill(pids[0], 0) == 0 && smtpd_ms() - began < TAP_WAIT_MS)
		poll(NULL, 0, 20);
	ok(kill(pids[0], 0) != 0, "and the resolver, when it is done");
	smtpd_remove(&w);
}

/* A resolver reads the configuration when it starts. */
static void
test_update(void)
{
	pid_t before[CHILDREN_MAX] = {0}, after[CHILDREN_MAX] = {0};

	begin("");
	make_old("none-slow3000.test");
	start();
	(void)check("none-slow3000.test");
	ok(smtpd_wait_ran(&w, "lookup ", 1, TAP_WAIT_MS),
	    "a lookup is under way");
	(void)children(before);
	peer_say(&p, "table|0.1|1.1|mta-sts|update|u1\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "update-result|u1|ok",
	    "smtpctl update table");
	ok(smtpd_wait_ran(&w, "lookup ", 2, TAP_WAIT_MS),
	    "it is done by a resolver with the new configuration");
	is_int(await_children(1), 1, "the old one is reaped");
	(void)children(after);
	ok(before[0] != after[0], "which is another one");
	is_int(smtpd_ran(&w, "serve"), 2, "the second");
	finish();
}

/* Routes are matched against the policy, so that is looked up first. */
static void
test_routes(void)
{
	int64_t began = smtpd_ms();
	const char *line;

	begin("");
	world_policy(&w, "state", "enforce-slow2000.test",
	    smtpd_enforce("enforce-slow2000.test"), 90 * DAY, 90 * DAY);
	start();
	peer_say(&p,
	    "table|0.1|1.1|mta-sts|lookup|relayhost|1|"
	    "enforce-slow2000.test\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "lookup-result|1|error|not_found",
	    "an expired policy without routes: no host yet");
	ok(smtpd_wait_ran(&w, "lookup enforce-slow2000.test", 1, TAP_WAIT_MS),
	    "the policy is looked up");
	is_int(smtpd_ran(&w, "routes "), 0, "the routes meanwhile are not");
	ok(smtpd_wait_ran(&w, "routes enforce-slow2000.test", 1, TAP_WAIT_MS),
	    "but after it");
	do {
		poll(NULL, 0, 100);
		peer_say(&p,
		    "table|0.1|1.1|mta-sts|lookup|relayhost|2|"
		    "enforce-slow2000.test\n");
		line = peer_line(&p, TAP_WAIT_MS);
	} while (line != NULL && strstr(line, "|error|") != NULL &&
	    smtpd_ms() - began < TAP_WAIT_MS);
	is_str(line,
	    "lookup-result|2|found|smtp+tls://mx1.enforce-slow2000.test",
	    "the next attempt has a host");
	finish();
}

int
main(void)
{
	test_one();
	test_again();
	test_routes();
	test_hanging();
	test_missing();
	test_dies();
	test_stalls("stop.test", false);
	test_stalls("any.test", true);
	test_floods("head -c 1073741824 /dev/zero", "1 GiB without a newline");
	test_floods("yes 'done lookup never.test ok extra'", "nonsense");
	test_floods("yes 'done lookup never.test ok'", "lies");
	test_end();
	test_update();
	return tap_done();
}
