/* SPDX-License-Identifier: ISC */
/* The lines between resolver and fetcher: what is written is read back, what
 * is not written so is nonsense. */
#include "tests/unit/lib/tap.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/status.h"
#include "dns/address.h"
#include "fetcher/wire.h"

/* A line as its reader gets it, without the line feed. */
static struct sts_span
line_of(const char *text)
{
	return (struct sts_span){text, strcspn(text, "\n")};
}

static void
add_address(struct sts_wire_request *r, const char *text)
{
	(void)sts_address_parse(text, &r->addresses[r->count++]);
}

static void
requests(void)
{
	struct sts_wire_request sent = {.number = 4294967295U,
	    .kind = STS_WIRE_POLICY,
	    .host = "mta-sts.d_1.test",
	    .port = 443,
	    .timeout_ms = STS_WIRE_MS_MAX};
	struct sts_wire_request got;
	char line[STS_WIRE_REQUEST_MAX];
	size_t len;

	add_address(&sent, "2001:db8::1");
	add_address(&sent, "192.0.2.1");
	len = sts_wire_write_request(&sent, line);
	ok(len == strlen(line), "the length of a request");
	is_str(line,
	    "4294967295 policy mta-sts.d_1.test 443 120000 "
	    "2001:db8::1,192.0.2.1\n",
	    "a request as it is written");
	ok(sts_wire_parse_request(line_of(line), &got), "it is read back");
	ok(got.number == sent.number && got.kind == sent.kind &&
		strcmp(got.host, sent.host) == 0 && got.port == sent.port &&
		got.timeout_ms == sent.timeout_ms && got.count == 2 &&
		memcmp(&got.addresses[1], &sent.addresses[1],
		    sizeof(got.addresses[1])) == 0,
	    "as it was");
}

static void
posts(void)
{
	struct sts_wire_request sent = {.number = 3,
	    .kind = STS_WIRE_POST,
	    .host = "c.test",
	    .port = 443,
	    .timeout_ms = 1000,
	    .target = "/v1?a=b",
	    .length = STS_WIRE_POST_MAX};
	struct sts_wire_request got;
	char line[STS_WIRE_REQUEST_MAX], end[STS_WIRE_REPLY_MAX];

	add_address(&sent, "192.0.2.1");
	(void)sts_wire_write_request(&sent, line);
	is_str(line, "3 post c.test 443 1000 1048576 /v1?a=b 192.0.2.1\n",
	    "a post as it is written");
	ok(sts_wire_parse_request(line_of(line), &got) &&
		got.kind == STS_WIRE_POST && got.length == sent.length &&
		strcmp(got.target, sent.target) == 0 && got.count == 1,
	    "it is read back as it was");
	(void)sts_wire_write_end(3, end);
	ok(sts_wire_is_end(line_of(end), 3), "the line behind its body");
	ok(!sts_wire_is_end(line_of(end), 4) &&
		!sts_wire_is_end(line_of("end 3 "), 3) &&
		!sts_wire_is_end(line_of("en"), 3),
	    "and no other line");
}

static void
examinations(void)
{
	struct sts_wire_request sent = {.number = 4,
	    .kind = STS_WIRE_EXAMINE,
	    .host = "mta-sts.d.test",
	    .port = 80,
	    .timeout_ms = 1000,
	    .target = "/mta-sts.txt"};
	struct sts_wire_request got;
	char line[STS_WIRE_REQUEST_MAX];

	add_address(&sent, "192.0.2.1");
	(void)sts_wire_write_request(&sent, line);
	is_str(line,
	    "4 examine mta-sts.d.test 80 1000 /mta-sts.txt 192.0.2.1\n",
	    "an examination as it is written");
	ok(sts_wire_parse_request(line_of(line), &got) &&
		got.kind == STS_WIRE_EXAMINE && got.length == 0 &&
		strcmp(got.target, sent.target) == 0 && got.count == 1,
	    "it is read back as it was");
	ok(sts_wire_may_say(STS_WIRE_EXAMINE, STS_FETCH_TLS) &&
		!sts_wire_may_say(STS_WIRE_EXAMINE, STS_MX_TLS),
	    "what it may be answered");
}

/* The longest that can be, in every field. */
static void
longest_request(void)
{
	struct sts_wire_request sent = {.number = 4294967295U,
	    .kind = STS_WIRE_POLICY,
	    .port = 65535,
	    .timeout_ms = STS_WIRE_MS_MAX};
	struct sts_wire_request got;
	char line[STS_WIRE_REQUEST_MAX];

	memset(sent.host, 'a', STS_NAME_MAX);
	for (size_t i = 63; i < STS_NAME_MAX; i += 64)
		sent.host[i] = '.';
	while (sent.count < STS_WIRE_ADDRESSES)
		add_address(&sent, "2001:db8:1111:2222:3333:4444:5555:6666");
	sent.kind = STS_WIRE_POST;
	sent.length = STS_WIRE_POST_MAX;
	memset(sent.target, '/', STS_WIRE_TARGET_MAX);
	ok(sts_wire_write_request(&sent, line) < sizeof(line) &&
		sts_wire_parse_request(line_of(line), &got) &&
		strlen(got.target) == STS_WIRE_TARGET_MAX,
	    "the longest post has room");
	sent.kind = STS_WIRE_POLICY;
	ok(sts_wire_write_request(&sent, line) < sizeof(line) &&
		sts_wire_parse_request(line_of(line), &got) &&
		got.count == STS_WIRE_ADDRESSES,
	    "the longest request has room");
}

static void
bad_requests(void)
{
	static const char *const table[] = {"", " ", "1", "1 policy",
	    "1 policy d.test 443 1000", "1 policy d.test 443 1000 ",
	    "1 policy d.test 443 1000 192.0.2.1,",
	    "1 policy d.test 443 1000 192.0.2.1 ",
	    "1 policy d.test 443 1000 d.test",
	    "1 policy d.test 443 1000 fe80::1%eth0",
	    "1 policy d.test 0 1000 192.0.2.1",
	    "1 policy d.test 65536 1000 192.0.2.1",
	    "1 policy d.test 443 0 192.0.2.1",
	    "1 policy d.test 443 120001 192.0.2.1",
	    "1 policy D.test 443 1000 192.0.2.1",
	    "1 policy d/x 443 1000 192.0.2.1", "1 policy  443 1000 192.0.2.1",
	    "1 fetch d.test 443 1000 192.0.2.1",
	    "1  policy d.test 443 1000 192.0.2.1",
	    "-1 policy d.test 443 1000 192.0.2.1",
	    "4294967296 policy d.test 443 1000 192.0.2.1",
	    "1 probe d.test 25 1000 192.0.2.1,192.0.2.2",
	    "1 post d.test 443 1000 192.0.2.1",
	    "1 post d.test 443 1000 5 192.0.2.1",
	    "1 post d.test 443 1000 5 v1 192.0.2.1",
	    "1 post d.test 443 1000 5 /\t 192.0.2.1",
	    "1 post d.test 443 1000 0 / 192.0.2.1",
	    "1 post d.test 443 1000 1048577 / 192.0.2.1",
	    "1 policy d.test 443 1000 5 / 192.0.2.1",
	    "1 examine d.test 443 1000 192.0.2.1",
	    "1 examine d.test 443 1000 x 192.0.2.1",
	    "1 examine d.test 443 1000 5 / 192.0.2.1",
	    ("1 policy d.test 443 1000 "
	     "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1")};
	struct sts_wire_request got;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ok(!sts_wire_parse_request(line_of(table[i]), &got),
		    "no request: \"%s\"", table[i]);
}

static void
replies(void)
{
	struct sts_wire_reply sent = {.number = 7,
	    .status = STS_MX_CERT_NAME,
	    .address = "2001:db8::1",
	    .detail = "a \\ line\nof any \xff bytes"};
	struct sts_wire_reply got;
	char line[STS_WIRE_REPLY_MAX];
	size_t len;

	len = sts_wire_write_reply(&sent, line);
	ok(len == strlen(line), "the length of a reply");
	is_str(line,
	    "7 mx_cert_name 2001:db8::1 0 a \\x5c line\\x0aof any \\xff "
	    "bytes\n",
	    "a reply as it is written");
	ok(sts_wire_parse_reply(line_of(line), &got), "it is read back");
	ok(got.number == 7 && got.status == sent.status && got.length == 0 &&
		strcmp(got.address, sent.address) == 0 &&
		strcmp(got.detail, sent.detail) == 0,
	    "as it was");
	memset(sent.detail, '\xff', sizeof(sent.detail) - 1);
	ok(sts_wire_write_reply(&sent, line) < sizeof(line) &&
		sts_wire_parse_reply(line_of(line), &got) &&
		strcmp(got.detail, sent.detail) == 0,
	    "the longest detail has room");
}

static void
bad_replies(void)
{
	static const char *const table[] = {"", "1", "1 ok", "1 ok -",
	    "1 ok - 0", "1 nonsense - 0 ", "1 ok x 0 ", "1 ok 1.2.3 0 ",
	    "1 ok - 65537 ", "1 ok - 1073741824 ", "1 ok - -1 ", "x ok - 0 ",
	    "1 fetch_http - 5 ", "1 ok - 0 \\", "1 ok - 0 \\x0",
	    "1 ok - 0 \\x00", "1 ok - 0 \\xFF", "1 ok - 0 \\n", "1 ok - 0 \t",
	    "1 ok - 0 \x80", "1 OK - 0 ", " 1 ok - 0 ", "end 1"};
	char overlong[STS_WIRE_REPLY_MAX] = "1 ok - 0 ";
	struct sts_wire_reply got;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ok(!sts_wire_parse_reply(line_of(table[i]), &got),
		    "no reply: \"%s\"", table[i]);
	memset(overlong + strlen(overlong), 'x', STS_WIRE_DETAIL_MAX);
	ok(!sts_wire_parse_reply(line_of(overlong), &got),
	    "no reply: a detail that is too long");
	ok(sts_wire_parse_reply(line_of("1 ok - 65536 "), &got) &&
		got.length == STS_BODY_MAX,
	    "the largest policy");
}

static void
hellos(void)
{
	struct sts_wire_hello sent = {.status = STS_INTERNAL,
	    .sandbox = "landlock,seccomp",
	    .detail = "no such library"};
	struct sts_wire_hello got;
	char line[STS_WIRE_REPLY_MAX];

	(void)sts_wire_write_hello(&sent, line);
	ok(sts_wire_parse_hello(line_of(line), &got) &&
		got.status == sent.status &&
		strcmp(got.sandbox, sent.sandbox) == 0 &&
		strcmp(got.detail, sent.detail) == 0,
	    "a hello is read back");
	ok(!sts_wire_parse_hello(line_of("fetcher 2 ok none "), &got),
	    "another version is none");
	ok(!sts_wire_parse_hello(line_of("fetcher 1 fetch_http none "), &got),
	    "nor is one with a host's failure");
	ok(!sts_wire_parse_hello(line_of("1 ok - 0 "), &got), "nor is a reply");
}

/* A policy host's failure is none of an MX host's, and neither is a DNS's. */
static void
statuses(void)
{
	static const enum sts_status both[] = {STS_OK, STS_CA_UNUSABLE,
	    STS_UNSAFE_FILE, STS_NO_MEMORY, STS_NO_DESCRIPTORS, STS_NETWORK,
	    STS_FETCHER_TIMEOUT, STS_INTERNAL};
	static const enum sts_status never[] = {STS_DNS_NXDOMAIN, STS_NO_RECORD,
	    STS_POLICY_EMPTY, STS_STATE_FULL, STS_CLOCK, STS_FETCHER_DIED,
	    STS_RESOLVER_DIED, STS_CONFIG};

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		ok(sts_wire_may_say(STS_WIRE_POLICY, both[i]) &&
			sts_wire_may_say(STS_WIRE_PROBE, both[i]),
		    "%s may be said of both", sts_status_name(both[i]));
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		ok(!sts_wire_may_say(STS_WIRE_POLICY, never[i]) &&
			!sts_wire_may_say(STS_WIRE_PROBE, never[i]),
		    "%s is for no fetcher to say", sts_status_name(never[i]));
	ok(sts_wire_may_say(STS_WIRE_POLICY, STS_FETCH_TLS) &&
		!sts_wire_may_say(STS_WIRE_PROBE, STS_FETCH_TLS) &&
		sts_wire_may_say(STS_WIRE_PROBE, STS_MX_TLS) &&
		!sts_wire_may_say(STS_WIRE_POLICY, STS_MX_TLS),
	    "a policy host's failures are of policies, an MX host's of probes");
}

int
main(void)
{
	requests();
	posts();
	examinations();
	longest_request();
	bad_requests();
	replies();
	bad_replies();
	hellos();
	statuses();
	return tap_done();
}
