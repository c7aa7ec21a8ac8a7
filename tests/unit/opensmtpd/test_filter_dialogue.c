/* SPDX-License-Identifier: ISC */
/* filter-mta-sts and smtpd 6.8, 7.6 and 7.8, line by line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

static struct world w;
static struct peer p;

static const char *const registered[] = {
    "register|report|smtp-in|link-connect",
    "register|report|smtp-in|link-auth",
    "register|report|smtp-in|link-disconnect",
    "register|report|smtp-in|tx-begin",
    "register|report|smtp-out|link-connect",
    "register|report|smtp-out|link-disconnect",
    "register|report|smtp-out|tx-begin",
    "register|report|smtp-out|tx-rcpt",
    "register|report|smtp-out|tx-commit",
    "register|filter|smtp-in|rcpt-to",
    "register|ready",
};

static void
start(const char *option, const char *value)
{
	const char *const arguments[] = {"-f", w.conf, option, value, NULL};

	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
}

static void
expect_registration(const char *version)
{
	size_t right = 0;

	for (size_t i = 0; i < sizeof(registered) / sizeof(registered[0]);
	     i++) {
		const char *line = peer_line(&p, TAP_WAIT_MS);

		right += line != NULL && strcmp(line, registered[i]) == 0;
	}
	is_int((long long)right,
	    (long long)(sizeof(registered) / sizeof(registered[0])),
	    "%s: registers what it needs", version);
}

static void
expect(const char *lines, const char *reply, const char *what)
{
	peer_say(&p, lines);
	is_str(peer_line(&p, TAP_WAIT_MS), reply, "%s", what);
}

/* smtpd 6.8 has no protocol line, and swaps the arguments of link-auth. */
static void
test_68(void)
{
	start(NULL, NULL);
	peer_say(&p,
	    "config|smtpd-version|6.8.0\n"
	    "config|smtp-session-timeout|300\n"
	    "config|subsystem|smtp-in\n"
	    "config|admd|mail.example.org\n");
	ok(peer_line(&p, 200) == NULL, "6.8: nothing before it is asked to");
	peer_say(&p, "config|ready\n");
	expect_registration("6.8");
	expect("report|0.6|1795305600.123456|smtp-in|link-connect|"
	       "7641df9771b4ed00|client.example.net|pass|192.0.2.77:33174|"
	       "198.51.100.1:587\n"
	       "report|0.6|1795305601.123456|smtp-in|link-auth|"
	       "7641df9771b4ed00|us|er|pass\n"
	       "report|0.6|1795305602.123456|smtp-in|tx-begin|"
	       "7641df9771b4ed00|1d2c3b4a\n"
	       "filter|0.6|1795305603.123456|smtp-in|rcpt-to|"
	       "7641df9771b4ed00|1ef1c203cc576e5d|u@enforce-slow200.test\n",
	    "filter-result|7641df9771b4ed00|1ef1c203cc576e5d|proceed",
	    "6.8: an authenticated session");
	is_int(smtpd_ran(&w, "lookup enforce-slow200.test"), 1,
	    "was held for a lookup");
	is_int(smtpd_ran(&w, "routes enforce-slow200.test"), 1,
	    "and for its routes");
	expect("report|0.6|1795305604.123456|smtp-in|link-connect|"
	       "7641df9771b4ed01|localhost|pass|unix:/var/run/smtpd.sock|"
	       "unix:/var/run/smtpd.sock\n"
	       "filter|0.6|1795305605.123456|smtp-in|rcpt-to|"
	       "7641df9771b4ed01|1ef1c203cc576e5d|u@none-1.test\n",
	    "filter-result|7641df9771b4ed01|1ef1c203cc576e5d|proceed",
	    "6.8: the socket");
	is_int(smtpd_ran(&w, "lookup none-1.test"), 1, "was held too");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_7x(const char *version, const char *mine)
{
	char text[600], line[200];

	start(NULL, NULL);
	snprintf(text, sizeof(text),
	    "config|smtpd-version|%s\nconfig|protocol|0.7\n"
	    "config|smtp-session-timeout|300\nconfig|subsystem|smtp-in\n"
	    "config|subsystem|smtp-out\nconfig|admd|mail.example.org\n"
	    "config|ready\n",
	    version);
	peer_say(&p, text);
	expect_registration(version);
	snprintf(text, sizeof(text),
	    "report|0.7|1795305600.123456|smtp-in|link-connect|"
	    "00000000000000a1|client.example.net|fail|192.0.2.77:33174|"
	    "198.51.100.1:587\n"
	    "report|0.7|1795305601.123456|smtp-in|link-auth|"
	    "00000000000000a1|pass|us|er\n"
	    "filter|0.7|1795305603.123456|smtp-in|rcpt-to|"
	    "00000000000000a1|00000000000000b1|u@none-%s.test\n",
	    mine);
	expect(text, "filter-result|00000000000000a1|00000000000000b1|proceed",
	    "an authenticated session");
	snprintf(line, sizeof(line), "lookup none-%s.test", mine);
	is_int(smtpd_ran(&w, line), 1, "was held");
	expect("report|0.7|1795305604.1|smtp-in|link-connect|a2|stranger|fail|"
	       "192.0.2.78:1|198.51.100.1:25\n"
	       "report|0.7|1795305604.1|smtp-in|link-auth|a2|fail|pass\n"
	       "filter|0.7|1795305604.1|smtp-in|rcpt-to|a2|b2|"
	       "u@none-stranger.test\n",
	    "filter-result|a2|b2|proceed", "a stranger is not held");
	expect("filter|0.7|1795305604.1|smtp-in|rcpt-to|a9|b9|"
	       "u@none-unknown.test\n",
	    "filter-result|a9|b9|proceed", "nor a session never seen");
	is_int(smtpd_ran(&w, "lookup none-stranger.test"), 0,
	    "and makes us look up nothing");
	is_int(smtpd_ran(&w, "lookup none-unknown.test"), 0, "neither does it");
	is_int(peer_end(&p), 0, "ends with its input");
}

/* Who is local: each connects from somewhere and names a domain of its own. */
static void
test_local(void)
{
	static const struct {
		const char *from, *to;
		bool local;
		const char *what;
	} rows[] = {
	    {"127.0.0.1:4711", "127.0.0.1:25", true, "loopback"},
	    {"127.8.8.8:4711", "127.0.0.1:25", true, "all of 127/8"},
	    {"[::1]:4711", "[::1]:25", true, "loopback, v6"},
	    {"[::ffff:127.0.0.1]:4711", "127.0.0.1:25", true, "mapped"},
	    {"local", "local", true, "the socket"},
	    {"unix:/x", "unix:/x", true, "the socket's path"},
	    {"203.0.113.9:1", "203.0.113.9:25", true, "itself"},
	    {"203.0.113.9:1", "203.0.113.10:25", false, "another address"},
	    {"198.51.100.200:1", "203.0.113.10:25", true, "-n, its last"},
	    {"198.51.101.0:1", "203.0.113.10:25", false, "-n, beyond"},
	    {"[2001:db8:1::9]:1", "203.0.113.10:25", false, "v6, another"},
	    {"", "", false, "nothing"},
	    {"[127.0.0.1", "x", false, "ill-formed"},
	};
	char text[600], line[100];

	start("-n", "198.51.100.0/24");
	peer_say(&p, "config|ready\n");
	expect_registration("local");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
		    "report|0.7|1.1|smtp-in|link-connect|%x|n|pass|%s|%s\n"
		    "filter|0.7|1.1|smtp-in|rcpt-to|%x|1|u@local%u.test\n",
		    i, rows[i].from, rows[i].to, i, i);
		peer_say(&p, text);
		snprintf(text, sizeof(text), "filter-result|%x|1|proceed", i);
		is_str(peer_line(&p, TAP_WAIT_MS), text, "%s: answered",
		    rows[i].what);
		snprintf(line, sizeof(line), "lookup local%u.test", i);
		is_int(smtpd_ran(&w, line), rows[i].local, "%s: %s",
		    rows[i].what, rows[i].local ? "held" : "not held");
	}
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
begin_local(void)
{
	start(NULL, NULL);
	peer_say(&p, "config|ready\n");
	expect_registration("");
	peer_say(&p,
	    "report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local"
	    "\n");
}

static void
test_recipients(void)
{
	/* clang-format off */
	static const char *const nothing[] = {
	    "root", "", "u@", "@", "u@[192.0.2.1]", "u@[IPv6:2001:db8::1]",
	    "u@a..b", "u@-x.test", "u@\xff.test"};
	/* clang-format on */
	char text[600];

	begin_local();
	for (unsigned i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		snprintf(text, sizeof(text),
		    "filter|0.7|1.1|smtp-in|rcpt-to|1|%x|%s\n", i, nothing[i]);
		peer_say(&p, text);
		snprintf(text, sizeof(text), "filter-result|1|%x|proceed", i);
		is_str(peer_line(&p, TAP_WAIT_MS), text,
		    "recipient %u: no lookup", i);
	}
	expect("filter|0.7|1.1|smtp-in|rcpt-to|1|a0|\"a|b@c\"@None-Q.Test\n",
	    "filter-result|1|a0|proceed", "a quoted local part");
	is_int(smtpd_ran(&w, "lookup none-q.test"), 1,
	    "its domain, in lower case");
	expect("filter|0.7|1.1|smtp-in|rcpt-to|1|a1|u@none-b\xc3\xbc"
	       "cher.test\n",
	    "filter-result|1|a1|proceed", "a U-label");
	is_int(smtpd_ran(&w, "lookup xn--none-bcher-"), 1, "as an A-label");
	expect("filter|0.7|1.1|smtp-in|rcpt-to|1|a2|u@none-q.test\n",
	    "filter-result|1|a2|proceed", "a domain that is known");
	is_int(smtpd_ran(&w, "lookup none-q.test"), 1, "is not asked again");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_nonsense(void)
{
	static char longline[100000];

	begin_local();
	peer_say(&p,
	    "\n|\nfilter\nfilter|\nfilter|0.7|1.1|smtp-in|rcpt-to\n"
	    "filter|0.7|1.1|smtp-in|rcpt-to|1\n"
	    "filter|0.7|1.1|smtp-in|rcpt-to|1|\n"
	    "filter|0.7|1.1|smtp-in|rcpt-to|xyz|1|u@none.test\n"
	    "filter|0.7|1.1|smtp-in|rcpt-to|1|12345678901234567|u@none.test\n"
	    "filter|0.7|1.1|smtp-out|rcpt-to|1|1|u@none.test\n"
	    "filter|0.7|1.1|smtp-in|data-line|1|1|text\n"
	    "report|0.7|1.1|smtp-in\nreport|0.7|1.1|smtp-in|link-auth|1\n"
	    "report|0.7|1.1|smtp-in|link-connect|\n"
	    "report|0.7|1.1|smtp-in|link-connect|2\n"
	    "report|0.7|1.1|smtp-out|tx-rcpt|3\n"
	    "config|ready\nconfig\nconfig|\nfilter-result|1|1|proceed\n");
	peer_write(&p, "filter|0.7|\0|smtp-in\n", 21);
	expect("filter|0.7|1.1|smtp-in|rcpt-to|1|c1|u@none-z.test\n",
	    "filter-result|1|c1|proceed", "nonsense is passed over");
	memset(longline, 'x', sizeof(longline) - 2);
	memcpy(longline, "filter|0.7|1.1|smtp-in|rcpt-to|1|c2|", 36);
	longline[sizeof(longline) - 2] = '\n';
	expect(longline, "filter-result|1|c2|proceed",
	    "an endless recipient is answered");
	longline[0] = 'x';
	peer_say(&p, longline);
	expect("filter|0.7|1.1|smtp-in|rcpt-to|1|c3|u@none-z.test\n",
	    "filter-result|1|c3|proceed", "an endless line is passed over");
	ok(peer_line(&p, 200) == NULL, "and nothing else was written");
	is_int(peer_end(&p), 0, "ends with its input");
}

/* Options that make no sense must not take the mail server down. */
static void
test_options(void)
{
	start("-n", "no-network");
	peer_say(&p, "config|ready\n");
	expect_registration("a bad -n");
	is_int(peer_end(&p), 0, "ends with its input");
	start("--frobnicate", NULL);
	peer_say(&p, "config|ready\n");
	expect_registration("an unknown option");
	is_int(peer_end(&p), 0, "ends with its input");
	start("-f", "/nonexistent/mta-sts.conf");
	peer_say(&p, "config|ready\n");
	expect_registration("no configuration");
	expect("report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local\n"
	       "filter|0.7|1.1|smtp-in|rcpt-to|1|1|u@enforce-cold.test\n",
	    "filter-result|1|1|proceed",
	    "goes on: the table decides, and defers");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_split(void)
{
	static const char text[] =
	    "config|ready\nreport|0.7|1.1|smtp-in|link-connect|1|n|pass|local|"
	    "local\nfilter|0.7|1.1|smtp-in|rcpt-to|1|2|u@none-z.test\n";

	start(NULL, NULL);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		peer_write(&p, text + i, 1);
		usleep(500);
	}
	expect_registration("byte by byte");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|1|2|proceed",
	    "byte by byte: answered");
	is_int(peer_end(&p), 0, "ends with its input");
}

int
main(void)
{
	smtpd_world(&w, "");
	test_68();
	test_7x("7.6.0p1", "76");
	test_7x("7.8.0p1", "78");
	test_local();
	test_recipients();
	test_nonsense();
	test_options();
	test_split();
	smtpd_remove(&w);
	return tap_done();
}
