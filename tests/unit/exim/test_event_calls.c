/* SPDX-License-Identifier: ISC */
/*
 * What TLS reports cost a delivery in system calls: none where they are off,
 * and none for an answer, or for an event that is not counted, where they are
 * on.
 */
#include <stdint.h>
#include <stdio.h>

#include "exim/event.h"
#include "exim/query.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_calls.h"
#include "tests/unit/lib/tap_world.h"

/* Of this machine's syslog these sessions are no part. */
#define REPORTS                                                  \
	"organization Example\ncontact postmaster@example.net\n" \
	"log-level error\n"
#define POLICY                            \
	"version: STSv1\nmode: testing\n" \
	"max_age: 604800\nmx: *.d.example\n"

static struct world off, on;

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
raise_event(const char *name, const char *counts)
{
	unsigned char *argv[] = {bytes(name), bytes("220 mx"),
	    bytes("d=d.example h=mx.d.example a=192.0.2.1 s=192.0.2.2 "
		  "m=testing"),
	    bytes("c=- v=0 u=0"), bytes(counts), bytes("-"), bytes("-")};
	unsigned char *yield = NULL;

	(void)mta_sts_event(&yield, 7, argv);
}

static void
unknown_event(void)
{
	raise_event("smtp:fail:x", on.conf);
}

static void
callout(void)
{
	raise_event("smtp:connect", "skip");
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

int
main(void)
{
	void (*const functions[])(void) = {ask_off, ask_on, ask_off, ask_on,
	    unknown_event, callout, connected, closed};
	unsigned calls[8];

#ifdef STS_SANITIZED
	tap_skip("system calls", "the sanitizers make some of their own");
	return tap_done();
#endif
	make(&off, "");
	make(&on, REPORTS);
	if (!count_calls(functions, 8, calls)) {
		tap_skip("system calls", "they cannot be counted here");
	} else {
		is_int(calls[3], calls[2],
		    "an answer with rpt=1 costs what one without it does");
		is_int(calls[4], 0, "an event that is not known costs none");
		is_int(calls[5], 0, "nor does one of a callout");
		ok(calls[6] <= 3, "the start of a session: %u", calls[6]);
		ok(calls[7] <= 1,
		    "an end before EHLO, which is not recorded: %u", calls[7]);
		tap_diag("system calls of an answer: %u", calls[2]);
	}
	world_remove(&off);
	world_remove(&on);
	return tap_done();
}
