/* SPDX-License-Identifier: ISC */
/* The kept resolver: each question has one answer, whatever becomes of it. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "client/worker.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

/* Less than a lookup's limits in these worlds, 40 s. */
enum { LONG_MS = 30000 };

static struct world w;
static struct sts_config config;
/* Less than a question's own limits, 45 s: nothing has waited for those. */
enum { AT_ONCE_MS = 30000 };

static struct sts_worker *keep;

/* What was called back last, and how often. */
static unsigned calls;
static unsigned probes; /* of them, for a.test */
static unsigned refreshes;
static enum sts_worker_what last_what;
static char last_domain[STS_NAME_MAX + 1];
static enum sts_status last_status;
static bool inside; /* sts_worker_ask */
static bool ask_again;

static void
on_done(void *arg, enum sts_worker_what what, const char *domain,
    enum sts_status status)
{
	if (arg != &calls || inside)
		calls += 1000000;
	calls++;
	probes += what == STS_WORKER_PROBE && strcmp(domain, "a.test") == 0;
	refreshes += what == STS_WORKER_REFRESH;
	last_what = what;
	last_status = status;
	snprintf(last_domain, sizeof(last_domain), "%s", domain);
	if (ask_again)
		(void)sts_worker_ask(keep, STS_WORKER_ROUTES, "again.test");
	ask_again = false;
}

static void
begin(const char *lines)
{
	smtpd_world(&w, lines);
	if (sts_config_load(&config, w.conf, NULL, NULL) != STS_OK)
		ok(false, "the configuration is read");
	keep = sts_worker_create(&config, on_done, &calls);
	calls = refreshes = 0;
	last_domain[0] = '\0';
}

static void
finish(void)
{
	sts_worker_destroy(keep);
	sts_config_free(&config);
	smtpd_remove(&w);
}

static bool
ask(enum sts_worker_what what, const char *domain)
{
	bool asked;

	inside = true;
	asked = sts_worker_ask(keep, what, domain);
	inside = false;
	return asked;
}

/* Steps until so many calls have come, or the time is over. */
static void
run(unsigned until, int ms)
{
	int64_t end = smtpd_ms() + ms;

	while (calls < until && smtpd_ms() < end) {
		struct pollfd fds[STS_WORKER_FDS];
		int64_t due, now;
		size_t count;

		sts_worker_step(keep);
		if (calls >= until)
			return;
		count = sts_worker_poll(keep, fds);
		due = sts_worker_due_ms(keep);
		now = smtpd_ms();
		if (due > end)
			due = end;
		poll(fds, (nfds_t)count, due > now ? (int)(due - now) : 0);
	}
}

static void
test_answers(void)
{
	begin("");
	ok(ask(STS_WORKER_LOOKUP, "none.test"), "a question is taken");
	ok(ask(STS_WORKER_LOOKUP, "none.test"), "the same again is joined");
	is_int((long long)sts_worker_pending(keep), 1, "as one");
	run(1, TAP_WAIT_MS);
	is_int(calls, 1, "one answer");
	is_int(last_what, STS_WORKER_LOOKUP, "to this question");
	is_str(last_domain, "none.test", "for this domain");
	is_int(last_status, STS_OK, "it is in the store");
	(void)ask(STS_WORKER_LOOKUP, "fault.test");
	run(2, TAP_WAIT_MS);
	is_int(last_status, STS_CA_UNUSABLE, "a local fault");
	(void)ask(STS_WORKER_REFRESH, "none.test");
	run(3, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_REFRESH, "a refresh");
	ask_again = true;
	(void)ask(STS_WORKER_LOOKUP, "none.test");
	run(5, TAP_WAIT_MS);
	is_str(last_domain, "again.test", "asked from within a callback");
	is_int(smtpd_ran(&w, "serve"), 1, "all of it by one resolver");
	ok(sts_worker_probe(keep, "mx.none.test", ""), "a probe is taken");
	run(6, 300);
	(void)smtpd_wait_ran(&w, "probe mx.none.test", 1, TAP_WAIT_MS);
	is_int(smtpd_ran(&w, "probe mx.none.test"), 1, "a probe is sent");
	is_int(calls, 5, "and nobody told");
	(void)ask(STS_WORKER_REFETCH, "nomx.test");
	run(6, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_REFETCH, "a refetch");
	is_int(smtpd_ran(&w, "refetch nomx.test"), 1, "by that word");
	finish();
}

/* Their results may call for another, so it can be known when they end. */
static void
test_probes(void)
{
	begin("");
	(void)ask(STS_WORKER_LOOKUP, "none.test");
	ok(sts_worker_probe(keep, "mx1.a.test", "a.test") &&
		sts_worker_probe(keep, "mx2.a.test", "a.test"),
	    "two probes for a domain");
	ok(sts_worker_probe(keep, "mx1.a.test", "b.test"),
	    "a host that another one shares is joined");
	is_int((long long)sts_worker_pending(keep), 3, "as one");
	run(3, TAP_WAIT_MS);
	is_int(probes, 2, "they end, for the domain");
	run(4, 300);
	is_int(calls, 3, "each once");
	is_int(smtpd_line_of(&w, "lookup none.test"), 2,
	    "what is waited for goes first");
	is_int(smtpd_line_of(&w, "probe mx1.a.test"), 3,
	    "then probes in their order");
	(void)sts_worker_probe(keep, "mx1.fault.test", "fault.test");
	run(4, TAP_WAIT_MS);
	is_int(last_status, STS_CA_UNUSABLE, "a fault");
	finish();
}

/* They are matched against the policy. */
static void
test_routes(void)
{
	begin("");
	(void)ask(STS_WORKER_LOOKUP, "none-slow2500.test");
	ok(ask(STS_WORKER_ROUTES, "none-slow2500.test"),
	    "routes while a lookup is under way");
	ok(ask(STS_WORKER_ROUTES, "none-slow2500.test"), "and again");
	(void)ask(STS_WORKER_ROUTES, "other.test");
	run(1, TAP_WAIT_MS);
	is_str(last_domain, "other.test", "those of another do not wait");
	run(2, 100);
	is_int(smtpd_ran(&w, "routes none-slow2500.test"), 0,
	    "nothing goes beside the lookup");
	run(2, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_LOOKUP, "which comes first");
	run(3, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_ROUTES, "then the routes");
	is_int(smtpd_ran(&w, "routes none-slow2500.test"), 1, "once");
	(void)ask(STS_WORKER_LOOKUP, "fault.test");
	(void)ask(STS_WORKER_ROUTES, "fault.test");
	run(5, TAP_WAIT_MS);
	is_int(calls, 5, "a lookup that ends in a fault ends both");
	is_int(last_status, STS_CA_UNUSABLE, "with it");
	is_int(smtpd_ran(&w, "routes fault.test"), 0, "unasked");
	is_int((long long)sts_worker_pending(keep), 0, "nothing is left");
	finish();
}

static void
test_restart(void)
{
	char path[200];

	begin("");
	(void)ask(STS_WORKER_LOOKUP, "none-slow1500.test");
	run(1, 200);
	sts_worker_restart(keep);
	run(1, TAP_WAIT_MS);
	is_int(calls, 1, "a resolver is replaced: its question is answered");
	is_int(last_status, STS_OK, "in full");
	is_int(smtpd_ran(&w, "serve"), 2, "by the next one");
	sts_worker_restart(keep);
	sts_worker_restart(keep);
	(void)ask(STS_WORKER_LOOKUP, "none.test");
	run(2, TAP_WAIT_MS);
	is_int(last_status, STS_OK, "an idle one too");
	is_int(smtpd_ran(&w, "serve"), 3, "once");
	snprintf(path, sizeof(path), "mv %s/missing %s/away", w.dir, w.dir);
	(void)!system(path);
	sts_worker_restart(keep);
	(void)ask(STS_WORKER_LOOKUP, "a.test");
	run(3, TAP_WAIT_MS);
	is_int(last_status, STS_RESOLVER_MISSING, "there is none");
	snprintf(path, sizeof(path), "mv %s/away %s/missing", w.dir, w.dir);
	(void)!system(path);
	sts_worker_restart(keep);
	(void)ask(STS_WORKER_LOOKUP, "a.test");
	run(4, AT_ONCE_MS);
	is_int(last_status, STS_OK, "a new one is not waited for");
	finish();
}

static void
test_no_memory(void)
{
	struct pollfd fds[STS_WORKER_FDS];

	ok(!sts_worker_ask(NULL, STS_WORKER_LOOKUP, "a.test") &&
		!sts_worker_probe(NULL, "mx.a.test", "a.test"),
	    "no worker: nothing can be asked");
	is_int((long long)sts_worker_pending(NULL), 0, "nothing is pending");
	is_int((long long)sts_worker_poll(NULL, fds), 0, "nothing to poll");
	ok(sts_worker_due_ms(NULL) == INT64_MAX, "nothing is due");
	sts_worker_step(NULL);
	sts_worker_restart(NULL);
	sts_worker_destroy(NULL);
}

static void
test_names(void)
{
	begin("");
	ok(!ask(STS_WORKER_LOOKUP, "-e.test"), "no name: not sent");
	ok(!ask(STS_WORKER_LOOKUP, "a.test\nlookup b.test"), "nor two lines");
	ok(!ask(STS_WORKER_LOOKUP, "A.test"), "nor upper case");
	ok(!sts_worker_probe(keep, "a b", ""), "nor for a probe");
	run(1, 200);
	is_int(smtpd_ran(&w, ""), 0, "nothing was started for it");
	finish();
}

static void
test_many(void)
{
	char domain[64];

	begin("");
	for (unsigned i = 0; i < STS_WORKER_QUESTIONS_MAX; i++) {
		snprintf(domain, sizeof(domain), "d%u.test", i);
		if (!ask(STS_WORKER_ROUTES, domain))
			break;
	}
	is_int((long long)sts_worker_pending(keep), STS_WORKER_QUESTIONS_MAX,
	    "so many questions may wait");
	ok(!ask(STS_WORKER_LOOKUP, "one-more.test"), "and not one more");
	run(2000, TAP_WAIT_MS);
	ok(calls >= 2000, "they are answered");
	ok(ask(STS_WORKER_LOOKUP, "one-more.test"), "and make room");
	finish();
	ok(true, "ending with questions open");
	begin("");
	for (unsigned i = 0; i < 64; i++) {
		snprintf(domain, sizeof(domain), "mx%u.test", i);
		if (!sts_worker_probe(keep, domain, ""))
			ok(false, "probe %u is taken", i);
	}
	ok(sts_worker_probe(keep, "mx0.test", ""),
	    "64 probes wait: one of them");
	ok(!sts_worker_probe(keep, "mx.test", ""), "but not another");
	finish();
}

static void
test_dies(void)
{
	char path[200];

	begin("");
	(void)ask(STS_WORKER_LOOKUP, "crash.test");
	(void)ask(STS_WORKER_LOOKUP, "slow2000.test");
	run(2, TAP_WAIT_MS);
	is_int(calls, 2, "what kills the resolver, and what came with it");
	is_int(last_status, STS_RESOLVER_DIED, "is given up");
	is_int(smtpd_ran(&w, "lookup crash.test"), 2, "after a second try");
	is_int(smtpd_ran(&w, "lookup slow2000.test"), 2, "of both");
	(void)ask(STS_WORKER_LOOKUP, "none.test");
	run(3, TAP_WAIT_MS);
	is_int(last_status, STS_OK, "the next question is answered");
	finish();
	begin("");
	snprintf(path, sizeof(path), "%s/missing", w.dir);
	unlink(path);
	(void)ask(STS_WORKER_LOOKUP, "a.test");
	(void)ask(STS_WORKER_LOOKUP, "b.test");
	run(2, AT_ONCE_MS);
	is_int(calls, 2, "no resolver: all are told at once");
	is_int(last_status, STS_RESOLVER_MISSING, "the reason");
	ok(!sts_worker_probe(keep, "mx.a.test", ""),
	    "a probe is not taken then");
	finish();
}

static void
test_stalls(void)
{
	char path[200];
	int64_t began;

	begin("");
	snprintf(path, sizeof(path), "touch %s/mute", w.dir);
	(void)!system(path);
	(void)ask(STS_WORKER_LOOKUP, "a.test");
	began = smtpd_ms();
	while (smtpd_ran(&w, "?") == 0 && smtpd_ms() - began < TAP_WAIT_MS)
		run(1, 100);
	is_int(calls, 0, "a resolver that says nothing");
	ok(smtpd_ran(&w, "?") > 0, "is asked for a sign of life");
	snprintf(path, sizeof(path), "rm %s/mute", w.dir);
	(void)!system(path);
	run(1, TAP_WAIT_MS);
	is_int(calls, 1, "and replaced");
	is_int(last_status, STS_OK, "by one that answers");
	ok(smtpd_ms() - began < LONG_MS, "long before its deadline: %lld ms",
	    (long long)(smtpd_ms() - began));
	is_int(smtpd_ran(&w, "serve"), 2, "a second one");
	(void)ask(STS_WORKER_LOOKUP, "slow7000.test");
	run(2, TAP_WAIT_MS);
	is_int(last_status, STS_OK, "a slow answer is not taken for a stall");
	is_int(smtpd_ran(&w, "serve"), 2, "since it gave a sign of life");
	finish();
}

/* Limits that are waited for. */
#define SHORT "dns-timeout 1\nfetch-timeout 1\n"

/* Each question would wait for two of them, 20 s, for ever. */
static void
test_mute(void)
{
	char path[200];

	if (getenv("SMTPD_SLOW") == NULL) {
		tap_skip("resolvers that never answer", "40 s; set SMTPD_SLOW");
		return;
	}
	begin(SHORT);
	snprintf(path, sizeof(path), "touch %s/mute", w.dir);
	(void)!system(path);
	(void)ask(STS_WORKER_LOOKUP, "a.test");
	run(1, TAP_WAIT_MS);
	is_int(last_status, STS_RESOLVER_TIMEOUT, "two that never answer");
	(void)ask(STS_WORKER_LOOKUP, "b.test");
	run(2, TAP_WAIT_MS);
	(void)ask(STS_WORKER_LOOKUP, "c.test");
	run(3, AT_ONCE_MS);
	is_int(calls, 3, "after a third, a question fails at once");
	finish();
}

/* Nothing on the pipe but the protocol counts. */
static void
test_forged(void)
{
	static const struct {
		bool slow;
		const char *script;
	} rows[] = {
	    {false, "exit 0"},
	    {false, "exec >&-; sleep 30"},
	    {false, "echo 'done lookup a.test ok extra'; exit 0"},
	    {false, "echo 'done lookup a.test no_such'; exit 0"},
	    {true, "cat /dev/zero"},
	    {true, "yes bad"},
	    {true, "yes 'done lookup other.test ok'"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[500];

		if (rows[i].slow && getenv("SMTPD_SLOW") == NULL) {
			tap_skip(rows[i].script, "takes 20 s; set SMTPD_SLOW");
			continue;
		}
		begin(SHORT);
		snprintf(command, sizeof(command),
		    "rm -f %s/missing; printf '#!/bin/sh\\n%%s\\n' \"%s\" "
		    ">%s/missing; chmod 755 %s/missing",
		    w.dir, rows[i].script, w.dir, w.dir);
		(void)!system(command);
		(void)ask(STS_WORKER_LOOKUP, "a.test");
		run(1, TAP_WAIT_MS);
		is_int(calls, 1, "\"%s\": one answer", rows[i].script);
		ok(sts_status_is_local(last_status), "a fault: %s",
		    sts_status_name(last_status));
		finish();
	}
}

static void
age(const char *domain)
{
	world_policy(&w, "state", domain, smtpd_enforce(domain), 3700, 10);
}

/* Nothing asks for the answers of a round but the round. */
static void
test_round(void)
{
	begin("refresh-after 3600\n");
	age("old-enforce-a.test");
	age("old-enforce-b.test");
	ok(sts_worker_refresh_all(keep), "a round is taken");
	ok(sts_worker_refresh_all(keep), "another is joined");
	run(3, TAP_WAIT_MS);
	is_int(refreshes, 2, "an answer for each policy that was due");
	is_int(last_what, STS_WORKER_REFRESH_ALL, "then the end of the round");
	is_str(last_domain, "*", "for all domains");
	is_int(last_status, STS_OK, "without a fault");
	run(4, 300);
	is_int(calls, 3, "no more answers");
	is_int(smtpd_ran(&w, "refresh-all"), 1, "one round");
	ok(sts_worker_refresh_all(keep), "the next one");
	run(4, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_REFRESH_ALL, "finds nothing due");
	is_int(sts_worker_due_ms(keep) == INT64_MAX, 1, "then all is quiet");
	finish();

	begin("refresh-after 3600\n");
	age("old-crash.test");
	(void)sts_worker_refresh_all(keep);
	run(1, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_REFRESH_ALL,
	    "a round that kills the resolver ends");
	is_int(last_status, STS_RESOLVER_DIED, "with the reason");
	is_int(smtpd_ran(&w, "refresh-all"), 2, "after a second try");
	run(2, 500);
	is_int(calls, 1, "and no third");
	finish();

	begin("refresh-after 3600\nresolver /nowhere/mta-sts-resolver\n");
	(void)sts_worker_refresh_all(keep);
	run(1, TAP_WAIT_MS);
	is_int(last_what, STS_WORKER_REFRESH_ALL, "without a resolver as well");
	is_int(sts_status_is_local(last_status), 1, "with a local fault");
	finish();
}

int
main(void)
{
	/* As in the programs that keep one. */
	(void)signal(SIGPIPE, SIG_IGN);
	test_answers();
	test_probes();
	test_routes();
	test_restart();
	test_no_memory();
	test_names();
	test_many();
	test_dies();
	test_stalls();
	test_mute();
	test_forged();
	test_round();
	return tap_done();
}
