/* SPDX-License-Identifier: ISC */
/*
 * filter-mta-sts under nearly right input: alive, every line it writes valid,
 * and every right request answered once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_mutate.h"
#include "tests/unit/lib/tap_outcome.h"
#include "tests/unit/lib/tap_smtpd.h"

enum { LINE_BYTES = 70000, TOKENS = 1 << 20 };

static struct world w;
static struct peer p;
static unsigned char answers[TOKENS]; /* to right requests, by token */
static unsigned long valid, invalid;

/* clang-format off */
static const char *const templates[] = {
    "report|0.7|1.1|smtp-in|link-connect|%x|n|pass|local|local\n",
    "report|0.6|1.1|smtp-in|link-connect|%x|n|pass|127.0.0.1:1|127.0.0.1:2\n",
    "report|0.7|1.1|smtp-in|link-connect|%x|n|pass|[2001:db8::1]:1|[::1]:2\n",
    "report|0.7|1.1|smtp-in|link-auth|%x|pass|user\n",
    "report|0.6|1.1|smtp-in|link-auth|%x|us|er|pass\n",
    "report|0.7|1.1|smtp-in|tx-begin|%x|1d2c3b4a\n",
    "report|0.7|1.1|smtp-in|link-disconnect|%x\n",
    "report|0.7|1.1|smtp-out|link-connect|%x|mx|pass|192.0.2.9:1|192.0.2.1:2\n",
    "report|0.7|1.1|smtp-out|tx-begin|%x|1d2c3b4a\n",
    "report|0.7|1.1|smtp-out|tx-rcpt|%x|1d2c3b4a|ok|u@none-99.test\n",
    "report|0.7|1.1|smtp-out|tx-commit|%x|1d2c3b4a|100\n",
    "report|0.7|1.1|smtp-out|link-disconnect|%x\n",
    "filter|0.7|1.1|smtp-in|rcpt-to|%x|dead|u@none-2.test\n",
    "filter|0.6|1.1|smtp-in|rcpt-to|%x|dead|\"a|b\"@enforce-3.test\n",
    "config|ready\n",
    /* What TLS reports are made of. */
    "report|0.7|1.1|smtp-out|link-connect|%x|mx|pass|192.0.2.9:1|192.0.2.1:25\n",
    "report|0.6|1.1|smtp-out|link-connect|%x|mx|pass|[::2]:1|[::3]:25\n",
    "report|0.7|1.1|smtp-out|protocol-server|%x|220 mx.none-99.test ESMTP\n",
    "report|0.7|1.1|smtp-out|protocol-client|%x|EHLO sender.test\n",
    "report|0.7|1.1|smtp-out|protocol-server|%x|250-STARTTLS\n",
    "report|0.7|1.1|smtp-out|protocol-server|%x|250 ok\n",
    "report|0.7|1.1|smtp-out|protocol-client|%x|STARTTLS\n",
    "report|0.7|1.1|smtp-out|link-tls|%x|TLSv1.3:x:256\n",
    "report|0.7|1.1|smtp-out|protocol-client|%x|MAIL FROM:<tls@x.test>\n",
    "report|0.7|1.1|smtp-out|protocol-client|%x|RCPT TO:<u@none-99.test>\n",
};
/* clang-format on */

static bool
is_hex(const char *s, size_t len)
{
	return len >= 1 && len <= 16 &&
	    strspn(s, "0123456789abcdefABCDEF") >= len;
}

/* filter-result|HEX|HEX|proceed: this test runs without -g. */
static bool
is_valid(const char *line, unsigned long *token)
{
	const char *session, *t, *result;

	if (strncmp(line, "filter-result|", 14) != 0)
		return strncmp(line, "register|", 9) == 0;
	session = line + 14;
	if ((t = strchr(session, '|')) == NULL ||
	    (result = strchr(t + 1, '|')) == NULL)
		return false;
	if (!is_hex(session, (size_t)(t - session)) ||
	    !is_hex(t + 1, (size_t)(result - t) - 1) ||
	    strcmp(result, "|proceed") != 0)
		return false;
	*token = strtoul(t + 1, NULL, 16);
	return true;
}

/* Takes what has come; waits `ms` for the first line. */
static void
take_answers(int ms)
{
	const char *line;

	while ((line = peer_line(&p, ms)) != NULL) {
		unsigned long token = 0;

		if (!is_valid(line, &token)) {
			if (invalid++ < 5)
				tap_diag("invalid: %.200s", line);
		} else {
			valid++;
			if (token >= 0x100000 && token < 0x100000 + TOKENS)
				answers[token - 0x100000]++;
		}
		ms = 0;
	}
}

static void
say_mutated(void)
{
	static char line[LINE_BYTES];
	size_t which = mutate_random(sizeof(templates) / sizeof(templates[0]));
	int len =
	    snprintf(line, sizeof(line), templates[which], mutate_random(50));
	size_t mutated = mutate(line, (size_t)len, sizeof(line) - 1);

	/* The right request that follows begins on a line of its own. */
	line[mutated++] = '\n';
	peer_write(&p, line, mutated);
}

static void
say_right(unsigned long i)
{
	char line[200];

	snprintf(line, sizeof(line),
	    "filter|0.7|1.1|smtp-in|rcpt-to|%x|%lx|u@none-%lu.test\n",
	    mutate_random(50), 0x100000 + i % TOKENS, i % 40);
	peer_say(&p, line);
}

/* A session as smtpd has it, after all that: the filter still counts. */
static void
say_session(void)
{
	static const char *const lines[] = {
	    "link-connect|fff0|mx|pass|192.0.2.9:1|192.0.2.1:25",
	    "protocol-server|fff0|220 mx.none-99.test ESMTP",
	    "protocol-client|fff0|EHLO sender.test",
	    "protocol-server|fff0|250-mx.none-99.test",
	    "protocol-server|fff0|250 STARTTLS",
	    "protocol-client|fff0|STARTTLS",
	    "protocol-server|fff0|220 go on",
	    "protocol-client|fff0|EHLO sender.test",
	    "link-tls|fff0|TLSv1.3:x:256",
	    "protocol-server|fff0|250 mx.none-99.test",
	    "protocol-client|fff0|MAIL FROM:<u@sender.test>",
	    "protocol-server|fff0|250 ok",
	    "protocol-client|fff0|RCPT TO:<u@none-99.test>",
	    "protocol-server|fff0|250 ok",
	    "link-disconnect|fff0",
	};
	char line[200];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(line, sizeof(line), "report|0.7|1.1|smtp-out|%s\n",
		    lines[i]);
		peer_say(&p, line);
	}
}

int
main(void)
{
	unsigned long count = mutate_count(20000), right = 0, once = 0, before;
	const char *arguments[] = {"-f", NULL, NULL};

	smtpd_world(&w,
	    "dns-timeout 1\nfetch-timeout 1\norganization X\n"
	    "contact tls@x.test\n");
	world_none(&w, "state", "none-99.test", "", 10, 3600);
	want_reports(&w, "none-99.test");
	arguments[1] = w.conf;
	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
	peer_say(&p, "config|subsystem|smtp-out\nconfig|ready\n");
	mutate_seed(1);
	for (unsigned long i = 0; i < count && !p.ended; i++) {
		say_mutated();
		if (i % 10 == 0 && right < TOKENS)
			say_right(right++);
		if (p.len > sizeof(p.buf) / 4)
			take_answers(0);
	}
	/* Held recipients and the last lookups: until nothing comes for 8 s. */
	do {
		before = valid;
		take_answers(8000);
	} while (valid > before);
	ok(peer_alive(&p), "alive after %lu lines", count);
	is_int((long long)invalid, 0, "%lu lines written, all valid", valid);
	for (unsigned long i = 0; i < right; i++)
		once += answers[i] == 1;
	is_int((long long)once, (long long)right,
	    "%lu right requests among them, each answered once", right);
	before = (unsigned long)outcomes_of(&w, "none-99.test");
	say_session();
	for (int i = 0; i < TAP_WAIT_MS / 50 &&
	     (unsigned long)outcomes_of(&w, "none-99.test") == before;
	     i++)
		take_answers(50);
	is_int(outcomes_of(&w, "none-99.test"), (long long)before + 1,
	    "a whole session is counted after %lu of them", before);
	tap_diag("resident: %ld KB", peer_rss(&p));
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
	return tap_done();
}
