/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as what an SMTP server says, at once and in two pieces: the
 * outcome is the same, and never beyond a bound.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "fetcher/probe_reply.h"

static enum sts_smtp_progress
take(struct sts_smtp_reply *reply, const char *bytes, size_t len, size_t *left)
{
	struct sts_cursor c = sts_cursor_make(bytes, len);
	enum sts_smtp_progress progress = sts_smtp_reply_take(reply, &c);

	*left = sts_cursor_left(&c);
	REQUIRE(reply->lines <= STS_SMTP_LINES_MAX);
	REQUIRE(progress != STS_SMTP_MORE || *left <= STS_SMTP_LINE_MAX);
	REQUIRE(progress != STS_SMTP_DONE ||
	    (reply->code >= 200 && reply->code <= 599));
	return progress;
}

/* The first byte says where the rest is cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_smtp_reply whole = {0}, pieces = {0};
	enum sts_smtp_progress at_once, in_two;
	size_t cut, left, rest;
	const char *bytes = (const char *)data + 1;

	if (size < 2)
		return 0;
	size--;
	cut = data[0] % size;
	at_once = take(&whole, bytes, size, &left);
	in_two = take(&pieces, bytes, cut, &rest);
	if (in_two != STS_SMTP_MORE)
		return 0;
	in_two = take(&pieces, bytes + cut - rest, size - cut + rest, &rest);
	REQUIRE(in_two == at_once);
	REQUIRE(at_once != STS_SMTP_DONE ||
	    (left == rest && memcmp(&whole, &pieces, sizeof(whole)) == 0));
	return 0;
}
