/* SPDX-License-Identifier: ISC */
/* table-mta-sts and smtpd 7.6 to 7.8: the text protocol, as they speak it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

static struct world w;
static struct peer p;

static void
start(const char *name)
{
	const char *const arguments[] = {w.conf, NULL};

	peer_start(&p, "table-mta-sts", PEER_BOTH, name, arguments);
}

/* What smtpd says first, and what it takes for an answer. */
static void
handshake(void)
{
	peer_say(&p,
	    "config|smtpd-version|7.8.0\nconfig|protocol|0.1\n"
	    "config|tablename|mta-sts\nconfig|ready\n");
	is_str(
	    peer_line(&p, TAP_WAIT_MS), "register|domain", "registers domain");
	is_str(
	    peer_line(&p, TAP_WAIT_MS), "register|relayhost", "and relayhost");
	is_str(peer_line(&p, TAP_WAIT_MS), "register|ready", "and is ready");
}

static void
expect(const char *request, const char *reply, const char *what)
{
	peer_say(&p, request);
	is_str(peer_line(&p, TAP_WAIT_MS), reply, "%s", what);
}

static void
test_dialogue(void)
{
	start("mta-sts");
	handshake();
	expect("table|0.1|1795305600.123456|mta-sts|check|domain|8f3a21c0|"
	       "enforce.test\n",
	    "check-result|8f3a21c0|found", "a domain with an enforce policy");
	expect("table|0.1|1795305600.123456|mta-sts|check|domain|00000001|"
	       "none.test\n",
	    "check-result|00000001|not-found", "a domain without");
	expect("table|0.1|1795305600.123456|mta-sts|check|domain|00000002|"
	       "[192.0.2.1]\n",
	    "check-result|00000002|not-found", "an address literal");
	expect("table|0.1|1795305600.123456|mta-sts|lookup|relayhost|deadbeef|"
	       "enforce.test\n",
	    "lookup-result|deadbeef|found|smtp+tls://mx1.enforce.test",
	    "the first permitted host");
	expect("table|0.1|1795305600.123456|mta-sts|lookup|relayhost|deadbee0|"
	       "none.test\n",
	    "lookup-result|deadbee0|error|not_found",
	    "no host is known: mail waits");
	expect("table|0.1|1795305600.123456|mta-sts|update|cafe0001\n",
	    "update-result|cafe0001|ok", "smtpctl update table");
	expect("table|0.1|1795305600.123456|mta-sts|fetch|relayhost|cafe0002\n",
	    "fetch-result|cafe0002|error|service", "a service never offered");
	expect("table|0.1|1795305600.1|mta-sts|check|netaddr|cafe0003|x\n",
	    "check-result|cafe0003|error|service", "nor this");
	expect("table|0.1|1795305600.1|mta-sts|lookup|alias|cafe0004|x|y\n",
	    "lookup-result|cafe0004|error|service", "nor that");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_split_and_merged(void)
{
	static const char lines[] = "table|0.1|1.1|mta-sts|check|domain|1|"
				    "enforce.test\ntable|0.1|1.1|mta-sts|check|"
				    "domain|2|none.test\n";

	start("mta-sts");
	handshake();
	for (size_t i = 0; i < sizeof(lines) - 1; i++) {
		peer_write(&p, lines + i, 1);
		if (i % 16 == 0)
			usleep(1000);
	}
	is_str(
	    peer_line(&p, TAP_WAIT_MS), "check-result|1|found", "byte by byte");
	is_str(
	    peer_line(&p, TAP_WAIT_MS), "check-result|2|not-found", "in order");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_nonsense(void)
{
	static char longline[300000];

	start("mta-sts");
	handshake();
	peer_say(&p,
	    "\n|\n||||||||\nnonsense\ntable\ntable|\n"
	    "table|0.1|1.1|mta-sts|check|domain|\n"
	    "table|0.1|1.1|mta-sts|check|domain||good.test\n"
	    "table|0.1|1.1|mta-sts|check|domain|i d|good.test\n"
	    "table|0.1|1.1|mta-sts|dance|domain|9|good.test\n"
	    "config|ready\nregister|ready\n");
	peer_write(&p, "table|\0|\0\n\xff\xfe\n", 13);
	expect("table|0.1|1.1|t|check|domain|a1|bad..name\n",
	    "check-result|a1|not-found",
	    "nonsense is passed over; what is no name has no policy");
	expect("table|0.1|1.1|t|check|domain|a2|\xc3\xa9nforce.test\xff\n",
	    "check-result|a2|error|bad_idn", "ill-formed UTF-8 is deferred");
	expect("table|0.1|1.1|t|lookup|relayhost|a3|bad..name\n",
	    "lookup-result|a3|error|bad_domain", "nor has it a host");
	memset(longline, 'x', sizeof(longline) - 2);
	memcpy(longline, "table|0.1|1.1|t|check|domain|a4|", 32);
	longline[sizeof(longline) - 2] = '\n';
	expect(longline, "check-result|a4|not-found",
	    "an endless line is answered once");
	memcpy(longline, "xxxxx", 5);
	peer_say(&p, longline);
	expect("table|0.1|1.1|t|check|domain|a5|enforce.test\n",
	    "check-result|a5|found", "or passed over");
	ok(peer_line(&p, 100) == NULL, "nothing else was written");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_pipelined(void)
{
	enum { COUNT = 5000 };
	char line[200], expected[100];
	unsigned right = 0;

	start("mta-sts");
	handshake();
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(line, sizeof(line),
		    "table|0.1|1.1|mta-sts|check|domain|%08x|%s.test\n", i,
		    i % 3 == 0 ? "enforce" : "none");
		peer_say(&p, line);
		/* What does not fit our buffer is taken on the way. */
		while (p.len > sizeof(p.buf) / 2) {
			snprintf(expected, sizeof(expected),
			    "check-result|%08x|%s", right,
			    right % 3 == 0 ? "found" : "not-found");
			right += strcmp(peer_line(&p, 0), expected) == 0;
		}
	}
	while (right < COUNT) {
		const char *got = peer_line(&p, TAP_WAIT_MS);

		snprintf(expected, sizeof(expected), "check-result|%08x|%s",
		    right, right % 3 == 0 ? "found" : "not-found");
		if (got == NULL || strcmp(got, expected) != 0)
			break;
		right++;
	}
	is_int(right, COUNT, "%u pipelined requests, answered in order", COUNT);
	is_int(peer_end(&p), 0, "ends with its input");
}

/* As long as nobody reads, and then all at once. */
static void
test_nobody_reads(void)
{
	enum { COUNT = 20000 };
	static char block[COUNT * 64];
	size_t len = 0;
	unsigned lines = 0;
	pid_t writer;

	start("mta-sts");
	handshake();
	for (unsigned i = 0; i < COUNT; i++)
		len += (size_t)sprintf(block + len,
		    "table|0.1|1.1|t|check|domain|%x|none.test\n", i);
	fflush(stdout);
	if ((writer = fork()) == 0) {
		struct peer silent = p;

		/* A full buffer: nothing is read while this is written. */
		silent.len = sizeof(silent.buf);
		peer_write(&silent, block, len);
		_exit(0);
	}
	sleep(2);
	while (peer_line(&p, lines < COUNT ? TAP_WAIT_MS : 500) != NULL)
		lines++;
	is_int(lines, COUNT, "answers wait for a reader, all of them");
	is_int(peer_end(&p), 0, "ends with its input");
	(void)writer;
}

static void
test_names(void)
{
	start("mta-sts-unknown");
	handshake();
	expect("table|0.1|1.1|t|check|domain|1|enforce.test\n",
	    "check-result|1|not-found", "mta-sts-unknown: known, a policy");
	expect("table|0.1|1.1|t|check|domain|2|none.test\n",
	    "check-result|2|not-found", "known, no policy");
	expect("table|0.1|1.1|t|check|domain|3|never.test\n",
	    "check-result|3|found", "never looked up");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_nothing(void)
{
	start("mta-sts");
	is_int(peer_end(&p), 0, "no input at all");
	start("mta-sts");
	peer_say(&p, "config|smtpd-version|7.8.0\nconfig|rea");
	is_int(peer_end(&p), 0, "an input that breaks off");
	ok(p.len == 0, "gets no answer");
}

int
main(void)
{
	smtpd_world(&w, "");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	world_none(&w, "state", "none.test", "", 10, 3600);
	smtpd_routes(&w, "enforce.test", 10);
	test_dialogue();
	test_split_and_merged();
	test_nonsense();
	test_pipelined();
	test_nobody_reads();
	test_names();
	test_nothing();
	smtpd_remove(&w);
	return tap_done();
}
