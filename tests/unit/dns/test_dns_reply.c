/* SPDX-License-Identifier: ISC */
/*
 * A DNS message taken apart: what its header says, records that are missing,
 * and bytes from anywhere.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/reply.h"
#include "tests/unit/lib/tap.h"

enum { MUTATIONS = 50000, HEADER = 12 };

/* _mta-sts.a.test, two TXT records, and the SOA of an authority section. */
static const unsigned char whole[] = "\x12\x34\x81\x80\0\1\0\2\0\1\0\0"
				     "\x08_mta-sts\1a\4test\0\0\x10\0\1"
				     "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\x0d"
				     "\x0cv=STSv1;id=1"
				     "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\6"
				     "\5other"
				     "\xc0\x15\0\6\0\1\0\0\0\x3c\0\x18"
				     "\xc0\x15\xc0\x15\0\0\0\1\0\0\0\2\0\0\0\3"
				     "\0\0\0\4\0\0\0\5";

enum { WHOLE = sizeof(whole) - 1 };

/* _25._tcp.a.test: an alias, and two TLSA records of its target. */
static const unsigned char tlsa[] = "\x12\x34\x81\x80\0\1\0\3\0\0\0\0"
				    "\3_25\4_tcp\1a\4test\0\0\x34\0\1"
				    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4"
				    "\1b\xc0\x18"
				    "\xc0\x2c\0\x34\0\1\0\0\0\x3c\0\5"
				    "\3\1\1ab"
				    "\xc0\x2c\0\x34\0\1\0\0\0\x3c\0\5"
				    "\3\1\1cd";

enum { TLSA = sizeof(tlsa) - 1 };

static enum sts_status
read_as(enum sts_record_type type, const unsigned char *wire, size_t len)
{
	/* The page behind it cannot be read. */
	char *copy = guard_copy(wire, len);
	struct sts_reply reply;
	enum sts_status status;

	sts_reply_read(&reply, type, (unsigned char *)copy, len);
	status = reply.status;
	if (status == STS_OK && type != STS_TYPE_NS && reply.count == 0)
		status = STS_INTERNAL;
	sts_reply_free(&reply);
	guard_free(copy, len);
	return status;
}

/* The status of a bare header and question with these flags. */
static const char *
flags(unsigned char high, unsigned char low)
{
	unsigned char wire[HEADER + 21];

	memcpy(wire, whole, sizeof(wire));
	wire[2] = high;
	wire[3] = low;
	wire[7] = wire[9] = 0;
	return sts_status_name(read_as(STS_TYPE_TXT, wire, sizeof(wire)));
}

/* The status of an answer of one CNAME and nothing else. */
static const char *
alias(unsigned char high, unsigned char low)
{
	static const char record[] = "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x15";
	unsigned char wire[HEADER + 21 + sizeof(record) - 1];

	memcpy(wire, whole, HEADER + 21);
	memcpy(wire + HEADER + 21, record, sizeof(record) - 1);
	wire[2] = high;
	wire[3] = low;
	wire[7] = 1;
	wire[9] = 0;
	return sts_status_name(read_as(STS_TYPE_TXT, wire, sizeof(wire)));
}

static void
headers(void)
{
	is_str(flags(0x81, 0x80), "dns_nodata", "no record, a resolver");
	is_str(flags(0x84, 0x00), "dns_nodata", "no record, the zone's server");
	is_str(alias(0x81, 0x80), "dns_nodata", "an alias to no record");
	is_str(alias(0x85, 0x00), "dns_servfail",
	    "an alias that the zone's server did not follow");
	is_str(alias(0x81, 0x00), "dns_servfail",
	    "an alias from a server that asks nobody");
	is_str(flags(0x81, 0x00), "dns_servfail",
	    "no record from a server that neither knows nor asks");
	is_str(flags(0x83, 0x80), "dns_bad_reply", "truncated");
	is_str(flags(0x81, 0x83), "dns_nxdomain", "response code 3");
	for (unsigned char code = 1; code < 16; code++) {
		if (code != 3)
			is_str(flags(0x81, (unsigned char)(0x80 | code)),
			    "dns_servfail", "response code %u", code);
	}
}

static void
records(void)
{
	struct sts_reply reply;

	sts_reply_read(&reply, STS_TYPE_TXT, whole, WHOLE);
	is_str(sts_status_name(reply.status), "ok", "a whole message");
	is_int((long long)reply.count, 2, "both records");
	ok(reply.count == 2 && reply.records[1].len == 5 &&
		memcmp(reply.records[1].p, "other", 5) == 0,
	    "the second");
	sts_reply_free(&reply);
	is_str(sts_status_name(read_as(STS_TYPE_MX, whole, WHOLE)),
	    "dns_nodata", "no record of that type");
	is_str(sts_status_name(read_as(STS_TYPE_NS, whole, WHOLE)), "ok",
	    "the control question looks at none");
	for (size_t len = 0; len < WHOLE; len++) {
		if (read_as(STS_TYPE_TXT, whole, len) != STS_DNS_BAD_REPLY)
			is_int((long long)len, WHOLE, "cut");
	}
	ok(true, "cut anywhere it is no answer, and not \"there is none\"");
}

/* What a server that answers nobody, or can ask nobody, may send as well. */
/* TLSA records are counted, whatever is in them. */
static void
counted(void)
{
	struct sts_reply reply;

	sts_reply_read(&reply, STS_TYPE_TLSA, tlsa, TLSA);
	is_str(sts_status_name(reply.status), "ok", "TLSA records");
	is_int((long long)reply.count, 2, "are counted, the alias is not");
	sts_reply_free(&reply);
	is_str(sts_status_name(read_as(STS_TYPE_TLSA, whole, WHOLE)),
	    "dns_nodata", "records of another type are none");
	for (size_t len = 0; len < TLSA; len++) {
		if (read_as(STS_TYPE_TLSA, tlsa, len) != STS_DNS_BAD_REPLY)
			is_int((long long)len, TLSA, "cut");
	}
	ok(true, "cut anywhere it is no answer");
}

static bool
is_useful(unsigned char high, unsigned char low, size_t len)
{
	unsigned char wire[WHOLE];

	memcpy(wire, whole, WHOLE);
	wire[2] = high;
	wire[3] = low;
	if (len < WHOLE - 1)
		wire[7] = wire[9] = 0;
	return sts_reply_is_useful(wire, len);
}

/* ". NS", without records. */
static bool
of_the_root(unsigned char low)
{
	unsigned char wire[HEADER + 5] = {0x12, 0x34, 0x85, low, 0, 1};

	wire[HEADER + 2] = 2; /* NS */
	wire[HEADER + 4] = 1; /* IN */
	return sts_reply_is_useful(wire, sizeof(wire));
}

static void
usefulness(void)
{
	enum { BARE = HEADER + 21 };

	ok(is_useful(0x81, 0x80, WHOLE), "records, from a resolver");
	ok(is_useful(0x81, 0x00, WHOLE), "records, from anybody");
	ok(is_useful(0x81, 0x80, BARE), "no record, from a resolver");
	ok(is_useful(0x84, 0x00, BARE), "no record, from the zone's server");
	ok(is_useful(0x81, 0x83, BARE), "NXDOMAIN, from a resolver");
	ok(is_useful(0x84, 0x03, BARE), "NXDOMAIN, from the zone's server");
	ok(!is_useful(0x81, 0x00, BARE),
	    "no record, from one that asks nobody");
	ok(!is_useful(0x81, 0x03, BARE), "nor NXDOMAIN from it");
	ok(!of_the_root(0x80), "no record for the root: nobody was asked");
	ok(!of_the_root(0x83), "no root at all");
	ok(!is_useful(0x83, 0x80, WHOLE), "truncated");
	ok(!is_useful(0x81, 0x80, WHOLE - 1), "cut");
	ok(!is_useful(0x81, 0x80, HEADER - 1), "no header");
	for (unsigned char code = 1; code < 16; code++) {
		if (code != 3)
			ok(!is_useful(0x85, (unsigned char)(0x80 | code), BARE),
			    "response code %u", code);
	}
}

/* xorshift: the same bytes on each run. */
static uint32_t
next_random(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void
mutations(void)
{
	unsigned char wire[WHOLE];
	long seen[STS_STATUS_COUNT] = {0};

	for (long i = 0; i < MUTATIONS; i++) {
		memcpy(wire, whole, WHOLE);
		for (uint32_t n = next_random() % 4 + 1; n > 0; n--)
			wire[next_random() % WHOLE] =
			    (unsigned char)next_random();
		seen[read_as((enum sts_record_type)(i % 6), wire,
		    i % 3 == 0 ? next_random() % WHOLE : WHOLE)]++;
	}
	is_int(seen[STS_INTERNAL], 0, "never an answer without a record");
	ok(seen[STS_OK] > 0 && seen[STS_DNS_BAD_REPLY] > 0,
	    "%d mutations: %ld answers, %ld ill-formed", MUTATIONS,
	    seen[STS_OK], seen[STS_DNS_BAD_REPLY]);
}

int
main(void)
{
	headers();
	records();
	counted();
	usefulness();
	mutations();
	return tap_done();
}
