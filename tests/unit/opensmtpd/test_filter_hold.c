/* SPDX-License-Identifier: ISC */
/* filter-mta-sts: every recipient is answered exactly once, whatever happens.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

/* Less than a lookup's limits in these worlds, 40 s. */
enum { LONG_MS = 30000 };

static struct world w;
static struct peer p;

static void
begin(const char *lines, const char *option)
{
	const char *arguments[] = {"-f", w.conf, option, NULL};

	smtpd_world(&w, lines);
	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
	peer_say(&p,
	    "config|subsystem|smtp-in\nconfig|subsystem|smtp-out\n"
	    "config|ready\n");
	for (;;) {
		const char *line = peer_line(&p, TAP_WAIT_MS);

		if (line == NULL || strcmp(line, "register|ready") == 0)
			break;
	}
}

static void
finish(void)
{
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

/* A session through the socket, and a recipient in it. */
static void
connect_local(unsigned session)
{
	char text[200];

	snprintf(text, sizeof(text),
	    "report|0.7|1.1|smtp-in|link-connect|%x|n|pass|local|local\n",
	    session);
	peer_say(&p, text);
}

/* The same from loopback, which a gate may refuse. */
static void
connect_tcp(unsigned session)
{
	char text[200];

	snprintf(text, sizeof(text),
	    "report|0.7|1.1|smtp-in|link-connect|%x|n|pass|127.0.0.1:9|"
	    "127.0.0.1:25\n",
	    session);
	peer_say(&p, text);
}

static void
rcpt(unsigned session, unsigned token, const char *domain)
{
	char text[400];

	snprintf(text, sizeof(text),
	    "filter|0.7|1.1|smtp-in|rcpt-to|%x|%x|u@%s\n", session, token,
	    domain);
	peer_say(&p, text);
}

/* Answers that came, by token, and whether one was none or a second one. */
enum { TOKENS = 10000 };
static unsigned char seen[TOKENS];
static long fresh;

static void
tally_begin(void)
{
	memset(seen, 0, sizeof(seen));
	fresh = 0;
}

/* Takes one line within `ms`; false where there is none, or it is wrong. */
static bool
tally_line(int ms)
{
	unsigned session, token;
	char result[100];
	const char *line = peer_line(&p, ms);

	if (line == NULL || fresh < 0)
		return false;
	if (sscanf(line, "filter-result|%x|%x|%99s", &session, &token,
		result) != 3 ||
	    strcmp(result, "proceed") != 0 || token >= TOKENS ||
	    seen[token]++) {
		tap_diag("unexpected: %s", line);
		fresh = -1;
		return false;
	}
	fresh++;
	return true;
}

/*
 * Takes answers until `count` have come or the time is over.  Returns how many
 * tokens were answered; -1 where a line has another form, or is a second one.
 */
static long
tally_end(unsigned count, int ms)
{
	int64_t end = smtpd_ms() + ms;

	while (fresh >= 0 && fresh < (long)count) {
		int64_t left = end - smtpd_ms();

		if (!tally_line(left > 0 ? (int)left : 0))
			break;
	}
	return fresh;
}

static long
collect(unsigned count, int ms)
{
	tally_begin();
	return tally_end(count, ms);
}

static void
is_quiet(const char *what)
{
	ok(peer_line(&p, 200) == NULL, "%s", what);
}

static void
test_joined(void)
{
	begin("", NULL);
	for (unsigned i = 0; i < 50; i++) {
		connect_local(i);
		rcpt(i, i, "enforce-slow1500.test");
	}
	is_quiet("50 recipients of one cold domain wait");
	is_int(collect(50, TAP_WAIT_MS), 50, "and are answered, each once");
	is_int(smtpd_ran(&w, "lookup enforce-slow1500.test"), 1,
	    "after one lookup");
	is_int(smtpd_ran(&w, "routes enforce-slow1500.test"), 1,
	    "and one question for routes");
	is_int(smtpd_ran(&w, "serve"), 1, "by one resolver");
	finish();
}

/* A policy that is known, without MX hosts that smtpd could be given. */
static void
test_hosts_alone(void)
{
	begin("", NULL);
	world_policy(&w, "state", "slow1500-hosts.test",
	    smtpd_enforce("slow1500-hosts.test"), 10, 10);
	connect_local(1);
	rcpt(1, 1, "slow1500-hosts.test");
	is_quiet(
	    "a policy is known, its MX hosts are not: the recipient waits");
	is_int(collect(1, TAP_WAIT_MS), 1, "and is answered");
	is_int(smtpd_ran(&w, "routes slow1500-hosts.test"), 1,
	    "when the hosts are found");
	is_int(smtpd_ran(&w, "lookup "), 0, "without a lookup of the policy");
	world_policy(&w, "state", "still-old.test",
	    smtpd_enforce("still-old.test"), 3500, 3500);
	rcpt(1, 2, "still-old.test");
	is_int(collect(1, TAP_WAIT_MS), 1,
	    "a policy that a lookup leaves out of date");
	is_int(smtpd_ran(&w, "lookup still-old.test"), 1, "is looked up once");
	is_int(smtpd_ran(&w, "routes still-old.test"), 1,
	    "and its MX hosts are found all the same");
	world_policy(&w, "state", "fault-old.test",
	    smtpd_enforce("fault-old.test"), 3500, 3500);
	rcpt(1, 3, "fault-old.test");
	is_int(
	    collect(1, TAP_WAIT_MS), 1, "one whose lookup meets a local fault");
	is_int(
	    smtpd_ran(&w, "routes fault-old.test"), 0, "has no MX hosts found");
	finish();
}

/* While some wait, others go on. */
static void
test_asynchronous(void)
{
	begin("", NULL);
	world_none(&w, "state", "known.test", "", 10, 3600);
	connect_local(1);
	connect_local(2);
	rcpt(1, 1, "none-slow4000.test");
	rcpt(2, 2, "known.test");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|2|2|proceed",
	    "a known domain is not held up by a cold one");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|1|1|proceed",
	    "which is answered later");
	finish();
}

static void
test_pipelined(void)
{
	enum { COUNT = 10000, DOMAINS = 500 };
	char domain[64];

	begin("", NULL);
	tally_begin();
	for (unsigned i = 0; i < COUNT; i++) {
		if (i < 100)
			connect_local(i);
		snprintf(domain, sizeof(domain), "%s-%u.test",
		    i % 3 == 0       ? "enforce"
			: i % 3 == 1 ? "none-slow50"
				     : "testing",
		    i % DOMAINS);
		rcpt(i % 100, i, domain);
		while (p.len > sizeof(p.buf) / 2 && tally_line(0))
			;
	}
	is_int(tally_end(COUNT, TAP_WAIT_MS), COUNT,
	    "%d pipelined requests: all answered, none twice", COUNT);
	is_quiet("and nothing more");
	finish();
}

static void
test_thousand_sessions(void)
{
	enum { COUNT = 1000 };
	char domain[64];

	begin("", NULL);
	for (unsigned i = 0; i < COUNT; i++) {
		connect_local(i);
		snprintf(domain, sizeof(domain), "enforce-slow400-%u.test", i);
		rcpt(i, i, domain);
	}
	is_int(collect(COUNT, TAP_WAIT_MS), COUNT,
	    "%d sessions for as many cold domains", COUNT);
	finish();
}

/* fetch-timeout 1, dns-timeout 1: 3 s for a lookup, 2 s of grace. */
static void
test_deadline(void)
{
	int64_t began = smtpd_ms(), took;

	begin("dns-timeout 1\nfetch-timeout 1\n", NULL);
	connect_local(1);
	rcpt(1, 1, "hang.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "a lookup that never ends");
	took = smtpd_ms() - began;
	ok(took >= 4500 && took < LONG_MS, "is let go at the deadline: %lld ms",
	    (long long)took);
	connect_local(2);
	rcpt(2, 2, "hang.test");
	peer_say(&p, "report|0.7|1.1|smtp-in|link-disconnect|2\n");
	is_int(collect(1, TAP_WAIT_MS), 1, "answered though the client left");
	is_quiet("once");
	finish();
}

static void
test_transaction_budget(void)
{
	int64_t began;

	begin("dns-timeout 30\nfetch-timeout 60\n", NULL);
	connect_local(1);
	rcpt(1, 1, "none-slow1500-a.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "one recipient");
	began = smtpd_ms();
	rcpt(1, 2, "hang-a.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "and one that hangs");
	ok(smtpd_ms() - began < 59500 && smtpd_ms() - began > 57000,
	    "60 s in one transaction, not in each: %lld ms",
	    (long long)(smtpd_ms() - began));
	began = smtpd_ms();
	rcpt(1, 3, "hang-b.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "the next one");
	ok(smtpd_ms() - began < 1000, "does not wait");
	peer_say(&p, "report|0.7|1.1|smtp-in|tx-begin|1|0000002a\n");
	rcpt(1, 4, "none-slow500-b.test");
	is_quiet("a new transaction may wait again");
	is_int(collect(1, TAP_WAIT_MS), 1, "and is answered");
	finish();
}

/* The process id of the resolver; 0 where there is none. */
static pid_t
resolver(void)
{
	char path[64];
	FILE *f;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)p.pid,
	    (int)p.pid);
	if ((f = fopen(path, "r")) != NULL) {
		if (fscanf(f, "%d", &pid) != 1)
			pid = 0;
		fclose(f);
	}
	return pid;
}

static void
test_faults(void)
{
	char path[200];
	int64_t began;

	begin("", NULL);
	connect_local(1);
	rcpt(1, 1, "fault.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "a local fault of the resolver");
	rcpt(1, 2, "crash.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "a domain that kills the resolver");
	is_int(
	    smtpd_ran(&w, "lookup crash.test"), 2, "is asked twice, then not");
	rcpt(1, 3, "none-a.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "and a new one answers");
	is_int(smtpd_ran(&w, "lookup none-a.test"), 1, "the next question");
	snprintf(path, sizeof(path), "touch %s/dies", w.dir);
	(void)!system(path);
	if (resolver() > 0)
		(void)kill(resolver(), SIGKILL);
	for (unsigned i = 4; i < 10; i++) {
		char domain[32];

		snprintf(domain, sizeof(domain), "none-dead%u.test", i);
		rcpt(1, i, domain);
	}
	is_int(collect(6, TAP_WAIT_MS), 6, "a resolver that always dies");
	began = smtpd_ms();
	rcpt(1, 10, "none-late.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "is not waited for any more");
	ok(smtpd_ms() - began < LONG_MS, "at all: %lld ms",
	    (long long)(smtpd_ms() - began));
	snprintf(path, sizeof(path), "%s/missing", w.dir);
	unlink(path);
	rcpt(1, 11, "none-later.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "nor one that is not there");
	snprintf(path, sizeof(path), "mv %s %s.away", w.state, w.state);
	(void)!system(path);
	rcpt(1, 12, "none-last.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "nor a state directory");
	ok(peer_alive(&p), "alive after all this");
	finish();
}

/* Whether a resolver answers a new domain within 20 s. */
static bool
works_again(void)
{
	for (unsigned i = 0; i < 20; i++) {
		char domain[64], request[80];

		snprintf(domain, sizeof(domain), "none-after%u.test", i);
		snprintf(request, sizeof(request), "lookup %s", domain);
		rcpt(0, 1, domain);
		if (collect(1, TAP_WAIT_MS) != 1)
			return false;
		if (smtpd_ran(&w, request) > 0)
			return true;
		poll(NULL, 0, 1000);
	}
	return false;
}

/* Waits until one runs that has not been killed: it is there after a pause. */
static pid_t
await_resolver(pid_t killed)
{
	int64_t end = smtpd_ms() + TAP_WAIT_MS;
	pid_t pid;

	while (((pid = resolver()) == 0 || pid == killed) && smtpd_ms() < end)
		poll(NULL, 0, 20);
	return pid != killed ? pid : 0;
}

/* As many kills as there is time for, and these at least. */
static void
test_killed(void)
{
	enum { KILLS = 60, LEAST = KILLS / 4 + 1, MAX = 9000 };
	int64_t end = smtpd_ms() + 60000;
	unsigned kills = 0, asked = 0;
	pid_t pid = 0;
	char domain[64];

	begin("dns-timeout 5\nfetch-timeout 10\n", NULL);
	srandom(1);
	tally_begin();
	for (; asked < MAX &&
	     (kills < LEAST || (kills < KILLS && smtpd_ms() < end));
	     asked++) {
		connect_local(asked);
		snprintf(domain, sizeof(domain), "enforce-slow%ld-%u.test",
		    random() % 30, asked);
		rcpt(asked, asked, domain);
		poll(NULL, 0, (int)(random() % 30));
		if (asked % 5 != 0)
			continue;
		if (await_resolver(pid) == 0)
			break;
		while (tally_line(0))
			continue;
		/* Every other one has proved itself. */
		if (kills % 2 == 1)
			(void)tally_line(5000);
		if ((pid = resolver()) > 0 && kill(pid, SIGKILL) == 0)
			kills++;
	}
	ok(kills >= LEAST, "%u times kill -9 at random moments", kills);
	is_int(tally_end(asked, TAP_WAIT_MS), asked,
	    "%u recipients meanwhile: all answered, none twice", asked);
	ok(works_again(), "and then a resolver works again");
	finish();
}

static void
test_stopped(void)
{
	int64_t began;
	pid_t pid;

	begin("", NULL);
	connect_local(1);
	rcpt(1, 1, "none-a.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "a resolver that works");
	pid = resolver();
	ok(pid > 0 && kill(pid, SIGSTOP) == 0, "is stopped");
	began = smtpd_ms();
	rcpt(1, 2, "none-b.test");
	is_int(collect(1, TAP_WAIT_MS), 1, "the next recipient is answered");
	ok(smtpd_ms() - began < LONG_MS,
	    "long before its deadline, by a new resolver: %lld ms",
	    (long long)(smtpd_ms() - began));
	while (resolver() == pid && smtpd_ms() - began < TAP_WAIT_MS)
		poll(NULL, 0, 20);
	ok(resolver() != pid, "the old one is gone");
	finish();
}

static void
test_gate(void)
{
	static const char no_mx[] =
	    "451 4.7.5 MTA-STS: the policy of the recipient's domain permits "
	    "none of its MX hosts";
	static const char bad[] =
	    "451 4.7.5 MTA-STS: no permitted MX host of the recipient's domain "
	    "offers TLS with a valid certificate";
	static const struct {
		const char *domain, *text;
	} rows[] = {
	    {"enforce.test", NULL},
	    {"enforce-nomx.test", no_mx},
	    {"enforce-badcert.test", bad},
	    {"enforce-deadmx.test", NULL},
	    {"testing-nomx.test", NULL},
	    {"testing-badcert.test", NULL},
	};
	char expected[300];

	begin("", "-g");
	connect_tcp(1);
	connect_local(2);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			rcpt(1, 1, rows[i].domain);
			snprintf(expected, sizeof(expected),
			    "filter-result|1|1|%s%s",
			    rows[i].text != NULL ? "reject|" : "proceed",
			    rows[i].text != NULL ? rows[i].text : "");
			is_str(peer_line(&p, TAP_WAIT_MS), expected,
			    "-g, %s: %s", round == 0 ? "cold" : "known",
			    rows[i].domain);
			rcpt(2, 1, rows[i].domain);
			is_str(peer_line(&p, TAP_WAIT_MS),
			    "filter-result|2|1|proceed", "never on the socket");
		}
	}
	finish();
	begin("", NULL);
	connect_tcp(1);
	rcpt(1, 1, "enforce-nomx.test");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|1|1|proceed",
	    "without -g");
	finish();
}

static void
test_end_of_input(void)
{
	begin("", NULL);
	for (unsigned i = 0; i < 100; i++) {
		connect_local(i);
		rcpt(i, i, "hang.test");
	}
	poll(NULL, 0, 300);
	shutdown(p.fd, SHUT_WR);
	is_int(collect(100, LONG_MS), 100,
	    "at the end of input all who wait are let go");
	finish();
}

static void
test_memory(void)
{
	enum { ROUNDS = 100, EACH = 1000 };
	long first = 0;
	char text[400];
	long answered = 0;

	begin("", NULL);
	world_none(&w, "state", "known.test", "", 10, 3600);
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < EACH; i++) {
			unsigned session = (unsigned)round * EACH + i;

			snprintf(text, sizeof(text),
			    "report|0.7|1.1|smtp-in|link-connect|%x|n|pass|"
			    "local|local\n"
			    "filter|0.7|1.1|smtp-in|rcpt-to|%x|%x|u@%s\n"
			    "report|0.7|1.1|smtp-in|link-disconnect|%x\n",
			    session, session, i,
			    i % 100 == 0 ? "none-cold.test" : "known.test",
			    session);
			peer_say(&p, text);
		}
		answered += collect(EACH, TAP_WAIT_MS);
		if (round == ROUNDS / 10)
			first = peer_rss(&p);
	}
	is_int(answered, ROUNDS * EACH, "%d requests", ROUNDS * EACH);
	peer_is_flat(&p, first, "memory is flat");
	finish();
}

/* A live policy that is due answers, whatever becomes of its refresh. */
static void
test_due(void)
{
	enum { DAY = 86400 };

	begin("", NULL);
	world_policy(&w, "state", "enforce-hang.test",
	    smtpd_enforce("enforce-hang.test"), DAY + 10, 10);
	smtpd_routes(&w, "enforce-hang.test", 10);
	connect_local(1);
	rcpt(1, 1, "enforce-hang.test");
	is_str(peer_line(&p, LONG_MS), "filter-result|1|1|proceed",
	    "a recipient whose policy is due is not held");
	ok(smtpd_wait_ran(&w, "refresh enforce-hang.test", 1, TAP_WAIT_MS),
	    "and the policy is fetched again");
	is_int(smtpd_ran(&w, "lookup "), 0, "without a lookup");
	finish();
}

/* One question, however many recipients find the policy due. */
static void
test_due_at_once(void)
{
	enum { DAY = 86400, RECIPIENTS = 8 };
	static const char *const domains[] = {"enforce-slow300.test",
	    "enforce-hang-a.test", "enforce-hang-b.test",
	    "enforce-hang-c.test"};
	char request[80];

	begin("", NULL);
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		world_policy(&w, "state", domains[i], smtpd_enforce(domains[i]),
		    DAY + 10, 10);
		smtpd_routes(&w, domains[i], 10);
	}
	connect_local(1);
	for (unsigned i = 0; i < RECIPIENTS; i++)
		rcpt(1, i, domains[0]);
	is_int(collect(RECIPIENTS, TAP_WAIT_MS), RECIPIENTS,
	    "%d recipients whose policy is due", RECIPIENTS);
	poll(NULL, 0, 1000);
	for (unsigned i = 1; i < sizeof(domains) / sizeof(domains[0]); i++) {
		rcpt(1, i, domains[i]);
		(void)collect(1, LONG_MS);
		snprintf(request, sizeof(request), "refresh %s", domains[i]);
		ok(smtpd_wait_ran(&w, request, 1, LONG_MS),
		    "later %u other policies are fetched at once", i);
	}
	finish();
}

int
main(void)
{
	test_joined();
	test_hosts_alone();
	test_due();
	test_due_at_once();
	test_asynchronous();
	test_pipelined();
	test_thousand_sessions();
	test_deadline();
	test_faults();
	test_killed();
	test_stopped();
	test_gate();
	test_end_of_input();
	test_memory();
	if (getenv("SMTPD_SLOW") != NULL)
		test_transaction_budget();
	else
		tap_skip("60 s in one transaction",
		    "takes a minute; set "
		    "SMTPD_SLOW");
	return tap_done();
}
