/* SPDX-License-Identifier: ISC */
/*
 * table-mta-sts under nearly right input, in both protocols: alive, every
 * reply valid, and every right request answered once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_mutate.h"
#include "tests/unit/lib/tap_smtpd.h"

enum { LINE_BYTES = 70000 };

static struct world w;
static struct peer p;

static const char *const templates[] = {
    "table|0.1|1.1|mta-sts|check|domain|0a|enforce.test\n",
    "table|0.1|1.1|mta-sts|check|domain|0b|none.test\n",
    "table|0.1|1.1|mta-sts|lookup|relayhost|0c|enforce.test\n",
    "table|0.1|1.1|mta-sts|lookup|relayhost|0d|none.test\n",
    "table|0.1|1.1|mta-sts|update|0e\n",
    "table|0.1|1.1|mta-sts|fetch|domain|0f\n",
    "config|tablename|mta-sts\n",
    "config|ready\n",
};

static const char *const results[] = {"found", "not-found", "ok",
    "error|no_match", "error|service", "error|config", "error|bad_domain",
    "error|bad_idn", "error|address_literal", "error|not_found"};

/* "found|smtp+tls://" and a normalised name. */
static bool
is_host(const char *result)
{
	static const char begins[] = "found|smtp+tls://";
	size_t len = sizeof(begins) - 1;

	return strncmp(result, begins, len) == 0 && result[len] != '\0' &&
	    strspn(result + len, "abcdefghijklmnopqrstuvwxyz0123456789.-_") ==
	    strlen(result + len);
}

/* OP-result|ID|one of the above, or register|... */
static bool
is_valid(const char *line)
{
	const char *id = strstr(line, "-result|"), *result;

	if (strncmp(line, "register|", 9) == 0)
		return true;
	if (id == NULL || (result = strchr(id + 8, '|')) == NULL)
		return false;
	for (const char *c = id + 8; c < result; c++) {
		if (strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
			   "OPQRSTUVWXYZ",
			*c) == NULL)
			return false;
	}
	if (strncmp(line, "check", 5) != 0 && strncmp(line, "lookup", 6) != 0 &&
	    strncmp(line, "update", 6) != 0 && strncmp(line, "fetch", 5) != 0)
		return false;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		if (strcmp(result + 1, results[i]) == 0)
			return true;
	}
	return is_host(result + 1);
}

static unsigned long invalid, valid, right_answers;

static void
take_answers(int ms)
{
	const char *line;

	while ((line = peer_line(&p, ms)) != NULL) {
		unsigned long number;
		char end[8];

		valid++;
		if (!is_valid(line) && invalid++ < 5)
			tap_diag("invalid: %.200s", line);
		if (sscanf(line, "check-result|right%lu|%7s", &number, end) ==
			2 &&
		    number == right_answers && strcmp(end, "found") == 0)
			right_answers++;
		ms = 0;
	}
}

static void
start(void)
{
	const char *const arguments[] = {w.conf, NULL};

	peer_start(&p, "table-mta-sts", PEER_BOTH, "mta-sts", arguments);
}

static void
test_text(unsigned long count)
{
	static char line[LINE_BYTES];
	unsigned long right = 0, before;

	start();
	peer_say(&p, "config|ready\n");
	for (unsigned long i = 0; i < count && !p.ended; i++) {
		size_t which =
		    mutate_random(sizeof(templates) / sizeof(templates[0]));
		size_t len = strlen(templates[which]);

		memcpy(line, templates[which], len);
		len = mutate(line, len, sizeof(line) - 1);
		line[len++] = '\n';
		peer_write(&p, line, len);
		if (i % 10 == 0) {
			snprintf(line, sizeof(line),
			    "table|0.1|1.1|t|check|domain|right%lu|"
			    "enforce.test\n",
			    right++);
			peer_say(&p, line);
		}
		if (p.len > sizeof(p.buf) / 4)
			take_answers(0);
	}
	/* It may wait for one lookup at the end: until nothing more comes. */
	do {
		before = valid;
		take_answers(right_answers < right ? TAP_WAIT_MS : 4000);
	} while (valid > before);
	ok(peer_alive(&p), "text: alive after %lu lines", count);
	is_int((long long)invalid, 0, "%lu lines written, all valid", valid);
	is_int((long long)right_answers, (long long)right,
	    "right requests are answered, once and in order");
	tap_diag("resident: %ld KB", peer_rss(&p));
	is_int(peer_end(&p), 0, "ends with its input");
}

/* Takes whole replies from the buffer; false where one is ill-formed. */
static bool
take_replies(unsigned long *replies)
{
	struct {
		uint32_t type;
		uint16_t len, flags;
		uint32_t peerid, pid;
	} h;
	static char payload[70000];

	while (p.len >= sizeof(h)) {
		memcpy(&h, p.buf, sizeof(h));
		if (h.type != 0 || h.len < sizeof(h) || h.len > 400)
			return false;
		if (p.len < h.len)
			return true;
		if (!peer_bytes(&p, payload, h.len, 0))
			return false;
		++*replies;
	}
	return true;
}

/*
 * The payload is mutated, then framed with its length: what is in a message
 * is fuzzed here, wrong lengths are in test_bad_length of test_table_imsg.
 */
static void
test_imsg(unsigned long count)
{
	static char message[LINE_BYTES];
	unsigned long replies = 0, expected = 1;
	char open[16 + 4 + 2048] = {2};
	uint16_t total = sizeof(open);
	bool well = true;

	start();
	memcpy(open + 4, &total, sizeof(total));
	open[16] = 2;
	peer_write(&p, open, sizeof(open));
	for (unsigned long i = 0; i < count && well && !p.ended; i++) {
		uint32_t type = 2 + mutate_random(6);
		size_t len = 4 + 8 + 13;

		memset(message, 0, 16 + 12);
		memcpy(message, &type, sizeof(type));
		message[16 + (type == 6 ? 1 : 0)] = 2;
		memcpy(message + 28, "enforce.test", 13);
		len = mutate(message + 16, len, 16000);
		total = (uint16_t)(16 + len);
		memcpy(message + 4, &total, sizeof(total));
		peer_write(&p, message, 16 + len);
		expected += type != 3; /* CLOSE has no reply */
		if (p.len > sizeof(p.buf) / 4)
			well = take_replies(&replies);
	}
	for (int i = 0; i < TAP_WAIT_MS / 100 && well && replies < expected;
	     i++) {
		char byte;

		/* Waits for one more byte, and puts it back. */
		if (p.len == 0 && peer_bytes(&p, &byte, 1, 100)) {
			memmove(p.buf + 1, p.buf, p.len++);
			p.buf[0] = byte;
		}
		well = take_replies(&replies);
	}
	ok(well, "imsg: every reply is well-formed");
	is_int((long long)replies, (long long)expected,
	    "one to each of %lu messages", count);
	ok(peer_alive(&p), "alive");
	is_int(peer_end(&p), 0, "ends with its input");
}

/* Bytes that are no messages at all. */
static void
test_garbage(unsigned long count)
{
	static char garbage[40000];

	for (unsigned i = 0; i < 20; i++) {
		size_t left = count * 4;

		start();
		garbage[0] = i % 2 == 0 ? 2 : 'c';
		while (left > 0 && !p.ended) {
			for (size_t j = left == count * 4; j < sizeof(garbage);
			     j++)
				garbage[j] = (char)mutate_random(256);
			peer_write(&p, garbage, sizeof(garbage));
			left -= left < sizeof(garbage) ? left : sizeof(garbage);
			p.len = 0;
		}
		if (!peer_alive(&p))
			ok(false, "alive after garbage");
		if (peer_end(&p) != 0)
			ok(false, "ends with its input");
	}
	ok(true, "20 runs of random bytes");
}

static void
test_memory(void)
{
	char line[200];
	long first = 0;

	start();
	peer_say(&p, "config|ready\n");
	for (unsigned long i = 0; i < 100000; i++) {
		snprintf(line, sizeof(line),
		    i % 2 == 0
			? "table|0.1|1.1|t|lookup|relayhost|m%lu|enforce.test\n"
			: "table|0.1|1.1|t|check|domain|m%lu|unseen.test\n",
		    i);
		peer_say(&p, line);
		if (p.len > sizeof(p.buf) / 4)
			take_answers(0);
		if (i == 10000)
			first = peer_rss(&p);
	}
	take_answers(5000);
	peer_is_flat(&p, first, "memory is flat over 100,000 requests");
	is_int(peer_end(&p), 0, "ends with its input");
}

int
main(void)
{
	unsigned long count = mutate_count(20000);

	smtpd_world(&w, "dns-timeout 1\nfetch-timeout 1\n");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	world_none(&w, "state", "none.test", "", 10, 3600);
	smtpd_routes(&w, "enforce.test", 10);
	mutate_seed(2);
	test_text(count);
	test_imsg(count);
	test_garbage(count);
	invalid = valid = 0;
	test_memory();
	smtpd_remove(&w);
	return tap_done();
}
