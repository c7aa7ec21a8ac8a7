/* SPDX-License-Identifier: ISC */
/*
 * Signals do not end filter-mta-sts or table-mta-sts: Ctrl-C at `smtpd -d` and
 * the stop of a service reach every process of smtpd, and if one of these two
 * ended first, smtpd would end abnormally.  The end of the input ends them.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

static const struct {
	int number;
	const char *name;
} signals[] = {{SIGINT, "INT"}, {SIGQUIT, "QUIT"}, {SIGTERM, "TERM"},
    {SIGHUP, "HUP"}, {SIGPIPE, "PIPE"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"},
    {SIGALRM, "ALRM"}, {SIGVTALRM, "VTALRM"}, {SIGPROF, "PROF"},
    {SIGXCPU, "XCPU"}, {SIGXFSZ, "XFSZ"}};

enum { SIGNALS = sizeof(signals) / sizeof(signals[0]), REQUESTS = 50 };

static struct world w;
static struct peer p;

/* Until the line that ends the registration. */
static void
await_ready(void)
{
	const char *line;

	while ((line = peer_line(&p, TAP_WAIT_MS)) != NULL &&
	    strcmp(line, "register|ready") != 0)
		continue;
	ok(line != NULL, "it registers");
}

/* One request in the program's protocol. */
typedef void say(unsigned number);

static void
say_check(unsigned number)
{
	char text[100];

	snprintf(text, sizeof(text),
	    "table|0.1|1.1|mta-sts|check|domain|%08x|known.test\n", number);
	peer_say(&p, text);
}

static void
say_rcpt(unsigned number)
{
	char text[100];

	snprintf(text, sizeof(text),
	    "filter|0.7|1.1|smtp-in|rcpt-to|1|%x|u@known.test\n", number);
	peer_say(&p, text);
}

/* Each signal between requests, some of which are not answered yet. */
static void
answers(const char *program, say *ask, const char *answer)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		unsigned got = 0;
		const char *line;

		for (unsigned n = 0; n < REQUESTS; n++) {
			ask(n + 1);
			(void)kill(p.pid, signals[i].number);
		}
		while (got < REQUESTS &&
		    (line = peer_line(&p, TAP_WAIT_MS)) != NULL &&
		    strstr(line, answer) != NULL)
			got++;
		is_int(got, REQUESTS, "%s: SIG%s while it answers %d requests",
		    program, signals[i].name, REQUESTS);
	}
	ok(peer_line(&p, 100) == NULL && peer_alive(&p),
	    "%s: no second answer, and it goes on", program);
	is_int(peer_end(&p), 0, "%s: ends with its input, status 0", program);
}

static void
test_table(void)
{
	const char *const arguments[] = {w.conf, NULL};

	peer_start(&p, "table-mta-sts", PEER_BOTH, "mta-sts", arguments);
	peer_say(&p, "config|ready\n");
	await_ready();
	answers("table", say_check, "|not-found");
}

static void
test_filter(void)
{
	const char *const arguments[] = {"-f", w.conf, NULL};

	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
	peer_say(&p, "config|subsystem|smtp-in\nconfig|ready\n");
	await_ready();
	peer_say(
	    &p, "report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local\n");
	answers("filter", say_rcpt, "|proceed");
}

/* While a recipient is held, and its resolver is at work. */
static void
test_held(void)
{
	const char *const arguments[] = {"-f", w.conf, NULL};

	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
	peer_say(&p, "config|subsystem|smtp-in\nconfig|ready\n");
	await_ready();
	peer_say(&p,
	    "report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local\n"
	    "filter|0.7|1.1|smtp-in|rcpt-to|1|1|u@none-slow500.test\n");
	ok(smtpd_wait_ran(&w, "lookup none-slow500.test", 1, TAP_WAIT_MS),
	    "a recipient is held");
	for (size_t i = 0; i < SIGNALS; i++)
		(void)kill(p.pid, signals[i].number);
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|1|1|proceed",
	    "all signals meanwhile: it is answered");
	is_int(peer_end(&p), 0, "and the filter ends with its input");
}

/* The table has no one to hold; its resolver is at work. */
static void
test_resolver(void)
{
	const char *const arguments[] = {w.conf, NULL};
	unsigned served = smtpd_ran(&w, "serve");

	world_none(&w, "state", "none-slow501.test", "", 86400, 3600);
	peer_start(&p, "table-mta-sts", PEER_BOTH, "mta-sts", arguments);
	peer_say(&p,
	    "config|ready\n"
	    "table|0.1|1.1|mta-sts|check|domain|1|none-slow501.test\n");
	await_ready();
	is_str(peer_line(&p, TAP_WAIT_MS), "check-result|1|not-found",
	    "an old answer");
	ok(smtpd_wait_ran(&w, "lookup none-slow501.test", 1, TAP_WAIT_MS),
	    "the table has its domain looked up");
	for (size_t i = 0; i < SIGNALS; i++)
		(void)kill(p.pid, signals[i].number);
	peer_say(&p, "table|0.1|1.1|mta-sts|check|domain|2|known.test\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "check-result|2|not-found",
	    "all signals meanwhile: the table answers");
	is_int(
	    smtpd_ran(&w, "serve") - served, 1, "it goes on with its resolver");
	is_int(peer_end(&p), 0, "and the table ends with its input");
}

int
main(void)
{
	smtpd_world(&w, "");
	world_none(&w, "state", "known.test", "", 10, 3600);
	test_table();
	test_filter();
	test_held();
	test_resolver();
	smtpd_remove(&w);
	return tap_done();
}
