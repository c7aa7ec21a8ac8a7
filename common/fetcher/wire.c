/* SPDX-License-Identifier: ISC */
#include "fetcher/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "core/domain.h"

static const char *const kind_words[] = {[STS_WIRE_POLICY] = "policy",
    [STS_WIRE_PROBE] = "probe",
    [STS_WIRE_POST] = "post",
    [STS_WIRE_EXAMINE] = "examine"};

enum { NUMBER_DIGITS = 10, SMALL_DIGITS = 6 };

/* Writing. */

size_t
sts_wire_write_request(
    const struct sts_wire_request *r, char line[STS_WIRE_REQUEST_MAX])
{
	size_t used = (size_t)snprintf(line, STS_WIRE_REQUEST_MAX,
	    "%u %s %s %u %lld ", (unsigned)r->number, kind_words[r->kind],
	    r->host, (unsigned)r->port, (long long)r->timeout_ms);
	char text[INET6_ADDRSTRLEN];

	if (r->kind == STS_WIRE_POST)
		used +=
		    (size_t)snprintf(line + used, STS_WIRE_REQUEST_MAX - used,
			"%zu %s ", r->length, r->target);
	else if (r->kind == STS_WIRE_EXAMINE)
		used += (size_t)snprintf(
		    line + used, STS_WIRE_REQUEST_MAX - used, "%s ", r->target);
	for (size_t i = 0; i < r->count; i++)
		used += (size_t)snprintf(line + used,
		    STS_WIRE_REQUEST_MAX - used, "%s%s", i > 0 ? "," : "",
		    sts_address_text(&r->addresses[i], text));
	line[used++] = '\n';
	line[used] = '\0';
	return used;
}

size_t
sts_wire_write_reply(
    const struct sts_wire_reply *r, char line[STS_WIRE_REPLY_MAX])
{
	char detail[4 * STS_WIRE_DETAIL_MAX + 6];

	(void)sts_escape_into(
	    detail, sizeof(detail), r->detail, strlen(r->detail));
	return (size_t)snprintf(line, STS_WIRE_REPLY_MAX, "%u %s %s %zu %s\n",
	    (unsigned)r->number, sts_status_name(r->status),
	    r->address[0] != '\0' ? r->address : "-", r->length, detail);
}

size_t
sts_wire_write_hello(
    const struct sts_wire_hello *h, char line[STS_WIRE_REPLY_MAX])
{
	char detail[4 * STS_WIRE_DETAIL_MAX + 6];

	(void)sts_escape_into(
	    detail, sizeof(detail), h->detail, strlen(h->detail));
	return (size_t)snprintf(line, STS_WIRE_REPLY_MAX,
	    "fetcher %d %s %s %s\n", STS_WIRE_VERSION,
	    sts_status_name(h->status), h->sandbox, detail);
}

size_t
sts_wire_write_end(uint32_t number, char line[STS_WIRE_REPLY_MAX])
{
	return (size_t)snprintf(
	    line, STS_WIRE_REPLY_MAX, "end %u\n", (unsigned)number);
}

bool
sts_wire_is_end(struct sts_span line, uint32_t number)
{
	char end[STS_WIRE_REPLY_MAX];
	size_t len = sts_wire_write_end(number, end);

	return line.len + 1 == len && memcmp(line.p, end, line.len) == 0;
}

bool
sts_wire_is_target(const char *target)
{
	size_t len = 0;

	for (; target[len] != '\0'; len++)
		if (target[len] <= ' ' || target[len] >= 0x7f)
			return false;
	return target[0] == '/' && len <= STS_WIRE_TARGET_MAX;
}

/* Parsing. */

/* A number that a blank ends. */
static bool
parse_number(
    struct sts_cursor *c, unsigned digits, int64_t min, int64_t max, int64_t *n)
{
	return sts_cursor_number(c, digits, n) && *n >= min && *n <= max &&
	    sts_cursor_byte(c, ' ');
}

/* Reads a field that ends at a blank, as a string. */
static bool
parse_word(struct sts_cursor *c, char *out, size_t size)
{
	struct sts_span word;

	return sts_cursor_until(c, ' ', &word) && word.len > 0 &&
	    c->p > word.p + word.len && sts_span_copy(word, out, size);
}

static bool
parse_kind(struct sts_cursor *c, enum sts_wire_kind *kind)
{
	char word[8];

	if (!parse_word(c, word, sizeof(word)))
		return false;
	for (*kind = STS_WIRE_POLICY; *kind <= STS_WIRE_EXAMINE; (*kind)++)
		if (strcmp(word, kind_words[*kind]) == 0)
			return true;
	return false;
}

static bool
parse_address(struct sts_span text, struct sts_address *address)
{
	char buf[INET6_ADDRSTRLEN];

	return sts_span_copy(text, buf, sizeof(buf)) &&
	    sts_address_parse(buf, address);
}

/* Reads the rest of the line: addresses separated by commas. */
static bool
parse_addresses(struct sts_cursor *c, struct sts_wire_request *r)
{
	struct sts_span text;

	r->count = 0;
	do {
		if (r->count == STS_WIRE_ADDRESSES ||
		    !sts_cursor_until(c, ',', &text) ||
		    !parse_address(text, &r->addresses[r->count]))
			return false;
		r->count++;
	} while (c->p > text.p + text.len); /* a comma followed */
	return true;
}

/* What only a post has, and its target, which an examination has, too. */
static bool
parse_target(struct sts_cursor *c, struct sts_wire_request *r)
{
	int64_t length;

	r->target[0] = '\0';
	r->length = 0;
	if (r->kind == STS_WIRE_POST) {
		if (!parse_number(
			c, NUMBER_DIGITS, 1, STS_WIRE_POST_MAX, &length))
			return false;
		r->length = (size_t)length;
	} else if (r->kind != STS_WIRE_EXAMINE)
		return true;
	return parse_word(c, r->target, sizeof(r->target)) &&
	    sts_wire_is_target(r->target);
}

bool
sts_wire_parse_request(struct sts_span line, struct sts_wire_request *r)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	int64_t number, port;

	if (!parse_number(&c, NUMBER_DIGITS, 0, UINT32_MAX, &number) ||
	    !parse_kind(&c, &r->kind) ||
	    !parse_word(&c, r->host, sizeof(r->host)) ||
	    !sts_domain_is_normalised(r->host) ||
	    !parse_number(&c, SMALL_DIGITS, 1, UINT16_MAX, &port) ||
	    !parse_number(&c, SMALL_DIGITS, 1, STS_WIRE_MS_MAX, &r->timeout_ms))
		return false;
	r->number = (uint32_t)number;
	r->port = (uint16_t)port;
	return parse_target(&c, r) && parse_addresses(&c, r) &&
	    (r->kind != STS_WIRE_PROBE || r->count == 1);
}

static int
hex_digit(int byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Reads the rest of the line, as sts_escape_into wrote it. */
static bool
parse_detail(struct sts_cursor *c, char *out, size_t size)
{
	size_t used = 0;

	for (; sts_cursor_left(c) > 0; c->p++) {
		int byte = sts_cursor_peek(c), high, low;

		if (used + 1 == size || byte < ' ' || byte >= 0x7f)
			return false;
		if (byte == '\\') {
			if (sts_cursor_left(c) < 4 || c->p[1] != 'x')
				return false;
			high = hex_digit(c->p[2]);
			low = hex_digit(c->p[3]);
			byte = high < 0 || low < 0 ? 0 : high * 16 + low;
			if (byte == 0)
				return false;
			c->p += 3;
		}
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	return true;
}

static bool
parse_status(struct sts_cursor *c, enum sts_status *status)
{
	char word[40];

	return parse_word(c, word, sizeof(word)) &&
	    sts_status_parse(word, status);
}

/* Reads "-" or an address, in the form in which it was sent. */
static bool
parse_where(struct sts_cursor *c, char text[INET6_ADDRSTRLEN])
{
	struct sts_address address;

	if (!parse_word(c, text, INET6_ADDRSTRLEN))
		return false;
	if (strcmp(text, "-") != 0)
		return sts_address_parse(text, &address);
	text[0] = '\0';
	return true;
}

bool
sts_wire_parse_reply(struct sts_span line, struct sts_wire_reply *r)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	int64_t number, length;

	if (!parse_number(&c, NUMBER_DIGITS, 0, UINT32_MAX, &number) ||
	    !parse_status(&c, &r->status) || !parse_where(&c, r->address) ||
	    !parse_number(&c, SMALL_DIGITS, 0, STS_BODY_MAX, &length))
		return false;
	r->number = (uint32_t)number;
	r->length = (size_t)length;
	if (r->length > 0 && r->status != STS_OK)
		return false;
	return parse_detail(&c, r->detail, sizeof(r->detail));
}

bool
sts_wire_parse_hello(struct sts_span line, struct sts_wire_hello *h)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	int64_t version;

	return sts_cursor_literal(&c, "fetcher ") &&
	    parse_number(&c, SMALL_DIGITS, STS_WIRE_VERSION, STS_WIRE_VERSION,
		&version) &&
	    parse_status(&c, &h->status) &&
	    (h->status == STS_OK || sts_status_is_local(h->status)) &&
	    parse_word(&c, h->sandbox, sizeof(h->sandbox)) &&
	    parse_detail(&c, h->detail, sizeof(h->detail));
}

bool
sts_wire_may_say(enum sts_wire_kind kind, enum sts_status status)
{
	switch (status) {
	case STS_OK:
	case STS_CA_UNUSABLE:
	case STS_UNSAFE_FILE:
	case STS_NO_MEMORY:
	case STS_NO_DESCRIPTORS:
	case STS_NETWORK:
	case STS_FETCHER_TIMEOUT: /* it was stopped meanwhile */
	case STS_INTERNAL:
		return true;
	default:
		return sts_status_class(status) ==
		    (kind == STS_WIRE_PROBE ? STS_CLASS_MX : STS_CLASS_FETCH);
	}
}
