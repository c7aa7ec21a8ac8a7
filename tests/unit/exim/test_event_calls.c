/* SPDX-License-Identifier: ISC */
/*
 * What TLS reports cost a delivery in system calls: none where they are off,
 * and none for an answer, or for an event that is not counted, where they are
 * on; and a session that is recorded, after the answer to the router.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "exim/event.h"
#include "exim/query.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_calls.h"
#include "tests/unit/lib/tap_world.h"

#define REPORTS "organization Example\ncontact postmaster@example.net\n"
#define POLICY                            \
	"version: STSv1\nmode: testing\n" \
	"max_age: 604800\nmx: *.d.example\n"

enum { CALLS_MOST = 10 /* of a session, with its line in syslog */ };

static struct world off, on, logging;

static unsigned char *
bytes(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

static void
ask(const struct world *w)
{
	unsigned char *argv[] = {bytes("d.example"), bytes(w->conf)};
	unsigned char *yield = NULL;

	(void)mta_sts_query(&yield, 2, argv);
}

static void
ask_off(void)
{
	ask(&off);
}

static void
ask_on(void)
{
	ask(&on);
}

static void
ask_logging(void)
{
	ask(&logging);
}

static void
raise_more(const char *name, const char *data, const char *tls,
    const char *counts, const char *names)
{
	unsigned char *argv[] = {bytes(name), bytes(data),
	    bytes("d=d.example h=mx.d.example a=192.0.2.1 s=192.0.2.2 "
		  "m=testing"),
	    bytes(tls), bytes(counts),
	    bytes(names[0] != '-' ? "4102444800" : "-"), bytes(names)};
	unsigned char *yield = NULL;

	(void)mta_sts_event(&yield, 7, argv);
}

static void
raise_event(const char *name, const char *counts)
{
	raise_more(name, "220 mx", "c=- v=0 u=0", counts, "-");
}

/* As Exim raises them where all is well. */
static void
session(const char *counts)
{
	static const char offered[] = "250-mx hello\n250 STARTTLS";
	static const char up[] = "c=TLS1.3 v=1 u=0", mx[] = "mx.d.example";

	raise_event("smtp:connect", counts);
	raise_more("smtp:ehlo", offered, "c=- v=0 u=0", counts, "-");
	raise_more("tls:cert", "0", "c=- v=0 u=0", counts, mx);
	raise_more("smtp:ehlo", "250 mx hello", up, counts, mx);
	raise_more("tcp:close", "", up, counts, mx);
}

static void
callout(void)
{
	session("skip");
}

static void
session_on(void)
{
	session(on.conf);
}

static void
session_logging(void)
{
	session(logging.conf);
}

/* The user for whom the transport runs; Exim has read the time zone before. */
static void
become_user(void)
{
	tzset();
	if (geteuid() == 0 &&
	    (setgid(WORLD_USER) != 0 || setuid(WORLD_USER) != 0))
		_exit(1);
}

static void
unknown_event(void)
{
	raise_event("smtp:fail:x", on.conf);
}

static void
connected(void)
{
	raise_event("smtp:connect", on.conf);
}

static void
closed(void)
{
	raise_event("tcp:close", on.conf);
}

static void
make(struct world *w, const char *lines)
{
	world_make(w, "", lines);
	world_policy(w, "state", "d.example", POLICY, 1, 1);
	world_tlsrpt(
	    w, "state", "d.example", "v=TLSRPTv1; rua=mailto:r@d.example");
}

static void
test_session(void)
{
	void (*const functions[])(void) = {ask_on, ask_logging, become_user,
	    session_on, session_on, session_logging, session_logging};
	unsigned calls[7];
	/* Of a syslog that listens here these sessions are no part. */
	bool quiet = access("/dev/log", F_OK) != 0;

	if (!count_calls(functions, quiet ? 7 : 5, calls)) {
		tap_skip("a session", "system calls cannot be counted here");
		return;
	}
	ok(calls[3] > 0 && calls[3] <= CALLS_MOST,
	    "the first session of all, without a line: %u", calls[3]);
	ok(calls[4] > 0 && calls[4] <= 6, "and each later one: %u", calls[4]);
	if (quiet)
		ok(calls[6] > calls[4] && calls[6] <= CALLS_MOST,
		    "with its line in syslog: %u", calls[6]);
	else
		tap_skip("with its line in syslog", "it would be written");
}

static void
test_calls(void)
{
	void (*const functions[])(void) = {ask_off, ask_on, ask_off, ask_on,
	    unknown_event, callout, connected, closed};
	unsigned calls[8];

	if (!count_calls(functions, 8, calls)) {
		tap_skip("system calls", "they cannot be counted here");
		return;
	}
	is_int(calls[3], calls[2],
	    "an answer with rpt=1 costs what one without it does");
	is_int(calls[4], 0, "an event that is not known costs none");
	is_int(calls[5], 0, "nor do all those of a callout");
	ok(calls[6] <= 3, "the start of a session: %u", calls[6]);
	ok(calls[7] <= 1, "an end before EHLO, which is not recorded: %u",
	    calls[7]);
	tap_diag("system calls of an answer: %u", calls[2]);
}

int
main(void)
{
#ifdef STS_SANITIZED
	tap_skip("system calls", "the sanitizers make some of their own");
	return tap_done();
#endif
	make(&off, "");
	make(&on, REPORTS "log-level error\n");
	make(&logging, REPORTS);
	test_calls();
	test_session();
	world_remove(&off);
	world_remove(&on);
	world_remove(&logging);
	return tap_done();
}
