/* SPDX-License-Identifier: ISC */
/* table-mta-sts and smtpd 6.8 to 7.5: imsg, byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

enum { OPEN = 2, CLOSE = 3, UPDATE = 4, CHECK = 5, LOOKUP = 6, FETCH = 7 };
enum { DOMAIN = 2, RELAYHOST = 0x200 };

static struct world w;
static struct peer p;

struct header {
	uint32_t type;
	uint16_t len;
	uint16_t flags;
	uint32_t peerid;
	uint32_t pid;
};

static size_t
message(char *out, uint32_t type, const void *payload, size_t len)
{
	struct header h = {type, (uint16_t)(sizeof(h) + len), 0, 0, 4711};

	memcpy(out, &h, sizeof(h));
	if (len > 0)
		memcpy(out + sizeof(h), payload, len);
	return sizeof(h) + len;
}

static void
send_message(uint32_t type, const void *payload, size_t len)
{
	static char out[70000];

	peer_write(&p, out, message(out, type, payload, len));
}

/* {u32 service, size_t 0, key\0} */
static size_t
question(char *out, uint32_t service, const char *key)
{
	size_t none = 0;

	memcpy(out, &service, sizeof(service));
	memcpy(out + 4, &none, sizeof(none));
	memcpy(out + 4 + sizeof(none), key, strlen(key) + 1);
	return 4 + sizeof(none) + strlen(key) + 1;
}

static void
ask(uint32_t type, uint32_t service, const char *key)
{
	char payload[2000];

	send_message(type, payload, question(payload, service, key));
}

/* The next reply: its result, and the value after it or "". */
static int32_t
reply(char *value)
{
	struct header h = {99, 0, 0, 0, 0};
	int32_t result;
	size_t rest;

	value[0] = '\0';
	if (!peer_bytes(&p, &h, sizeof(h), TAP_WAIT_MS) || h.type != 0 ||
	    h.len < sizeof(h) + 4 || !peer_bytes(&p, &result, 4, TAP_WAIT_MS))
		return -99;
	rest = h.len - sizeof(h) - 4;
	if (rest > 0 &&
	    (rest > 300 || !peer_bytes(&p, value, rest, TAP_WAIT_MS) ||
		value[rest - 1] != '\0'))
		return -98;
	return result;
}

static void
expect(int32_t result, const char *value, const char *what)
{
	char got[400];

	is_int(reply(got), result, "%s", what);
	is_str(got, value, "its value");
}

static void
start(enum peer_style style, const char *name)
{
	const char *const arguments[] = {w.conf, NULL};
	struct {
		uint32_t version;
		char name[2048];
	} open = {2, "mta-sts"};
	struct header h = {99, 0, 0, 0, 0};

	peer_start(&p, "table-mta-sts", style, name, arguments);
	send_message(OPEN, &open, sizeof(open));
	ok(peer_bytes(&p, &h, sizeof(h), TAP_WAIT_MS), "OPEN is answered");
	is_int(h.type, 0, "with type 0");
	is_int(h.len, sizeof(h), "and nothing in it");
}

static void
test_dialogue(enum peer_style style)
{
	start(style, "mta-sts");
	send_message(UPDATE, NULL, 0);
	expect(1, "", "UPDATE");
	ask(CHECK, DOMAIN, "enforce.test");
	expect(1, "", "CHECK of a domain with an enforce policy");
	ask(CHECK, DOMAIN, "none.test");
	expect(0, "", "of a domain without");
	ask(CHECK, DOMAIN, "[IPv6:2001:db8::1]");
	expect(0, "", "of an address literal");
	ask(LOOKUP, RELAYHOST, "enforce.test");
	expect(1, "smtp+tls://mx1.enforce.test", "LOOKUP of a host");
	/* The question itself has routes looked up: each time another name. */
	ask(LOOKUP, RELAYHOST, style == PEER_BOTH ? "bare.test" : "none.test");
	expect(-1, "", "where none is known");
	ask(LOOKUP, DOMAIN, "enforce.test");
	expect(-1, "", "of a service that is only checked");
	ask(CHECK, 1, "enforce.test");
	expect(-1, "", "of a service never offered");
	send_message(FETCH, "\0\2\0\0\0\0\0\0\0\0\0\0", 12);
	expect(-1, "", "FETCH");
	send_message(CLOSE, NULL, 0);
	is_int(peer_end(&p), 0, "ends with its input");
	ok(p.len == 0, "CLOSE is not answered");
}

static void
test_malformed(void)
{
	/* A question's service and the number of its parameters. */
	static const char head[4 + sizeof(size_t)] = {DOMAIN};
	char payload[2000], key[1500];
	size_t len, two = 2;

	start(PEER_BOTH, "mta-sts");
	send_message(CHECK, NULL, 0);
	expect(-1, "", "no service, no key");
	send_message(CHECK, head, sizeof(head));
	expect(-1, "", "no key");
	len = question(payload, DOMAIN, "enforce.test");
	send_message(CHECK, payload, len - 1);
	expect(-1, "", "a key without its NUL");
	memcpy(payload + 4, &two, sizeof(two));
	send_message(CHECK, payload, len);
	expect(-1, "", "parameters");
	memset(key, 'a', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	ask(CHECK, DOMAIN, key);
	expect(0, "", "a key of 1,499 bytes");
	memcpy(payload, head, sizeof(head));
	memcpy(payload + sizeof(head), "a\0b", 4);
	send_message(CHECK, payload, sizeof(head) + 4);
	expect(0, "", "a NUL within the key");
	ask(CHECK, DOMAIN, "");
	expect(0, "", "an empty key");
	send_message(77, "surplus", 7);
	ask(CHECK, DOMAIN, "enforce.test");
	expect(1, "", "an unknown type is passed over");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
test_bad_length(void)
{
	struct header h = {CHECK, 3, 0, 0, 0};

	start(PEER_BOTH, "mta-sts");
	peer_write(&p, &h, sizeof(h));
	ask(CHECK, DOMAIN, "enforce.test");
	usleep(200000);
	ok(peer_alive(&p), "a length below the header's: alive");
	is_int(peer_end(&p), 0, "until the end of input");
	ok(p.len == 0, "and silent, since nothing can be made out");
}

static void
test_split_and_merged(void)
{
	enum { COUNT = 5000 };
	static char all[COUNT * 50];
	char payload[200], value[400];
	unsigned right = 0;
	size_t len = 0;

	start(PEER_BOTH, "mta-sts");
	len = message(
	    all, CHECK, payload, question(payload, DOMAIN, "enforce.test"));
	for (size_t i = 0; i < len; i++) {
		peer_write(&p, all + i, 1);
		usleep(500);
	}
	expect(1, "", "byte by byte");
	len = 0;
	for (unsigned i = 0; i < COUNT; i++)
		len += message(all + len, CHECK, payload,
		    question(payload, DOMAIN,
			i % 2 == 0 ? "none.test" : "enforce.test"));
	/* Written from a process of its own: nobody need read in time. */
	fflush(stdout);
	if (fork() == 0) {
		struct peer silent = p;

		silent.len = sizeof(silent.buf);
		peer_write(&silent, all, len);
		_exit(0);
	}
	while (right < COUNT && reply(value) == (int32_t)(right % 2))
		right++;
	is_int(right, COUNT, "%u merged messages, answered in order", COUNT);
	is_int(peer_end(&p), 0, "ends with its input");
}

int
main(void)
{
	smtpd_world(&w, "");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	world_none(&w, "state", "none.test", "", 10, 3600);
	world_none(&w, "state", "bare.test", "", 10, 3600);
	smtpd_routes(&w, "enforce.test", 10);
	test_dialogue(PEER_STDIN_ONLY);
	test_dialogue(PEER_BOTH);
	test_malformed();
	test_bad_length();
	test_split_and_merged();
	smtpd_remove(&w);
	return tap_done();
}
