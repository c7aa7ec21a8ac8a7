/* SPDX-License-Identifier: ISC */
/*
 * Outcomes as text.  Each outcome has one text: a number has no leading zero,
 * and a byte is escaped if and only if it must be.  Any other line is not read.
 */
#include "core/outcome.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "core/domain.h"

enum { DIGITS_MAX = 12 };

#define TIME_LIMIT INT64_C(253402300799) /* the end of the year 9999 */

static const char hex[] = "0123456789ABCDEF";

/* A line being written; `full` if it does not fit. */
struct line {
	char *buf;
	size_t size, len;
	bool full;
};

static void
add_byte(struct line *line, char byte)
{
	if (line->len < line->size)
		line->buf[line->len++] = byte;
	else
		line->full = true;
}

static void
add_string(struct line *line, const char *text)
{
	size_t len = strlen(text);

	if (len > line->size - line->len) {
		line->full = true;
		return;
	}
	memcpy(line->buf + line->len, text, len);
	line->len += len;
}

/* Bytes that are written as they are. */
static bool
is_plain(int byte)
{
	return byte > ' ' && byte < 0x7f && byte != '%';
}

static bool
is_dash(const char *text, size_t len)
{
	return len == 1 && text[0] == '-';
}

static void
add_field(struct line *line, const char *text, size_t len)
{
	bool dash = is_dash(text, len);

	add_byte(line, ' ');
	if (len == 0)
		add_byte(line, '-');
	for (size_t i = 0; i < len && !line->full; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (is_plain(byte) && !dash)
			add_byte(line, text[i]);
		else {
			add_byte(line, '%');
			add_byte(line, hex[byte >> 4]);
			add_byte(line, hex[byte & 15]);
		}
	}
}

static void
add_text(struct line *line, const char *text)
{
	add_field(line, text, strlen(text));
}

static void
add_number(struct line *line, int64_t value)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	add_text(line, digits + at);
}

static bool
is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	    inet_pton(AF_INET6, text, &address) == 1;
}

static void
add_address(struct line *line, const char *text)
{
	add_text(line, is_address(text) ? text : "");
}

static bool
is_token_byte(int byte)
{
	return byte == '-' || sts_is_digit(byte) ||
	    (byte >= 'a' && byte <= 'z');
}

/* A "-" alone would be read as an empty field. */
static bool
is_token(const char *text)
{
	size_t len = strlen(text);
	struct sts_cursor c = sts_cursor_make(text, len);

	return sts_cursor_while(&c, is_token_byte).len == len &&
	    !is_dash(text, len);
}

static bool
is_time(int64_t time)
{
	return time > 0 && time <= TIME_LIMIT;
}

static bool
is_sound(const struct sts_outcome *o)
{
	return is_time(o->time) && sts_domain_is_normalised(o->domain) &&
	    sts_policy_type_name(o->type)[0] != '\0' &&
	    (o->fetched == 0 || is_time(o->fetched)) &&
	    (o->result == STS_RESULT_NONE ||
		sts_result_name(o->result)[0] != '\0') &&
	    is_token(o->reason);
}

/* The result's field: RFC 8460 has no name for success. */
static const char *
result_field(enum sts_result result)
{
	return result == STS_RESULT_NONE ? "success" : sts_result_name(result);
}

static size_t
finish(struct line *line)
{
	add_string(line, " .\n");
	return line->full ? 0 : line->len;
}

static size_t
format(
    const struct sts_outcome *o, const char *helo, const char *text, char *buf)
{
	struct line line = {buf, STS_OUTCOME_LINE_MAX, 0, false};

	add_string(&line, "\n1");
	add_number(&line, o->time);
	add_text(&line, o->domain);
	add_text(&line, sts_policy_type_name(o->type));
	add_number(&line, o->fetched);
	add_text(&line, result_field(o->result));
	add_text(&line, o->mx);
	add_address(&line, o->receiving_ip);
	add_address(&line, o->sending_ip);
	add_text(&line, helo);
	add_text(&line, o->reason);
	add_text(&line, text);
	return finish(&line);
}

size_t
sts_outcome_format(const struct sts_outcome *o, char buf[STS_OUTCOME_LINE_MAX])
{
	size_t len;

	if (!is_sound(o))
		return 0;
	/* The name that an MX host gives must not cost us the outcome. */
	if ((len = format(o, o->helo, o->additional, buf)) == 0 &&
	    (len = format(o, o->helo, "", buf)) == 0)
		len = format(o, "", "", buf);
	return len;
}

/* A digit as written above; -1: none. */
static int
hex_digit(struct sts_cursor *c)
{
	int byte = sts_cursor_peek(c);
	const char *at = byte > 0 ? strchr(hex, byte) : NULL;

	return at != NULL && sts_cursor_byte(c, *at) ? (int)(at - hex) : -1;
}

/* The next byte of a field; -1 for an unnecessary escape, or NUL. */
static int
field_byte(struct sts_cursor *c, bool alone)
{
	int byte = sts_cursor_peek(c), high, low;

	(void)sts_cursor_byte(c, (char)byte);
	if (byte != '%')
		return is_plain(byte) ? byte : -1;
	if ((high = hex_digit(c)) < 0 || (low = hex_digit(c)) < 0)
		return -1;
	byte = high << 4 | low;
	if (byte == 0 || (is_plain(byte) && !(byte == '-' && alone)))
		return -1;
	return byte;
}

/* Unescapes; *len gets the number of bytes. */
static bool
unescape(struct sts_span field, char *out, size_t size, size_t *len)
{
	struct sts_cursor c = sts_cursor_make(field.p, field.len);

	*len = 0;
	out[0] = '\0';
	if (is_dash(field.p, field.len))
		return true;
	while (sts_cursor_left(&c) > 0) {
		int byte = field_byte(&c, field.len == 3);

		if (byte < 0 || *len + 1 >= size)
			return false;
		out[(*len)++] = (char)byte;
	}
	out[*len] = '\0';
	return *len > 0;
}

static bool
next_text(struct sts_cursor *c, char *out, size_t size)
{
	struct sts_span field;
	size_t len;

	return sts_cursor_until(c, ' ', &field) &&
	    unescape(field, out, size, &len);
}

static bool
next_number(struct sts_cursor *c, int64_t *out)
{
	bool zero = sts_cursor_peek(c) == '0';
	size_t left = sts_cursor_left(c);

	return sts_cursor_number(c, DIGITS_MAX, out) &&
	    (!zero || left - sts_cursor_left(c) == 1) &&
	    sts_cursor_byte(c, ' ');
}

static bool
next_address(struct sts_cursor *c, char out[STS_OUTCOME_IP_MAX + 1])
{
	return next_text(c, out, STS_OUTCOME_IP_MAX + 1) &&
	    (out[0] == '\0' || is_address(out));
}

static bool
next_type(struct sts_cursor *c, enum sts_policy_type *out)
{
	char name[32];

	return next_text(c, name, sizeof(name)) &&
	    sts_policy_type_parse(name, out);
}

static bool
next_result(struct sts_cursor *c, enum sts_result *out)
{
	char name[32];

	if (!next_text(c, name, sizeof(name)))
		return false;
	*out = STS_RESULT_NONE;
	return strcmp(name, "success") == 0 || sts_result_parse(name, out);
}

static bool
is_end(struct sts_cursor *c)
{
	return sts_cursor_byte(c, '.') && sts_cursor_left(c) == 0;
}

bool
sts_outcome_parse(struct sts_span line, struct sts_outcome *o)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);

	return line.len <= STS_OUTCOME_LINE_MAX - 2 &&
	    sts_cursor_literal(&c, "1 ") && next_number(&c, &o->time) &&
	    next_text(&c, o->domain, sizeof(o->domain)) &&
	    next_type(&c, &o->type) && next_number(&c, &o->fetched) &&
	    next_result(&c, &o->result) &&
	    next_text(&c, o->mx, sizeof(o->mx)) &&
	    next_address(&c, o->receiving_ip) &&
	    next_address(&c, o->sending_ip) &&
	    next_text(&c, o->helo, sizeof(o->helo)) &&
	    next_text(&c, o->reason, sizeof(o->reason)) &&
	    next_text(&c, o->additional, sizeof(o->additional)) && is_end(&c) &&
	    is_sound(o);
}

/* As many whole lines as fit. */
static size_t
whole_lines(struct sts_span text)
{
	size_t len = text.len;

	if (len <= STS_OUTCOME_POLICY_MAX)
		return len;
	len = STS_OUTCOME_POLICY_MAX;
	while (len > 0 && text.p[len - 1] != '\n')
		len--;
	return len;
}

size_t
sts_outcome_format_policy(int64_t time, const char *domain, int64_t fetched,
    struct sts_span text, char buf[STS_OUTCOME_POLICY_LINE_MAX])
{
	struct line line = {buf, STS_OUTCOME_POLICY_LINE_MAX, 0, false};
	size_t len = whole_lines(text);

	if (!is_time(time) || (fetched != 0 && !is_time(fetched)) || len == 0 ||
	    !sts_domain_is_normalised(domain) ||
	    memchr(text.p, '\0', len) != NULL)
		return 0;
	add_string(&line, "\nP");
	add_number(&line, time);
	add_text(&line, domain);
	add_number(&line, fetched);
	add_field(&line, text.p, len);
	return finish(&line);
}

bool
sts_outcome_parse_policy(struct sts_span line, struct sts_outcome_policy *p)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	struct sts_span field;

	return line.len <= STS_OUTCOME_POLICY_LINE_MAX - 2 &&
	    sts_cursor_literal(&c, "P ") && next_number(&c, &p->time) &&
	    next_text(&c, p->domain, sizeof(p->domain)) &&
	    next_number(&c, &p->fetched) && sts_cursor_until(&c, ' ', &field) &&
	    unescape(field, p->text, sizeof(p->text), &p->len) && p->len > 0 &&
	    is_end(&c) && is_time(p->time) &&
	    (p->fetched == 0 || is_time(p->fetched)) &&
	    sts_domain_is_normalised(p->domain);
}

bool
sts_outcome_is_session(const struct sts_outcome *o)
{
	return o->mx[0] != '\0' ||
	    (o->result != STS_RESULT_STS_POLICY_FETCH_ERROR &&
		o->result != STS_RESULT_STS_POLICY_INVALID &&
		o->result != STS_RESULT_STS_WEBPKI_INVALID);
}

bool
sts_outcome_set_failure(struct sts_outcome *o, enum sts_status status)
{
	enum sts_result result = sts_result_of_status(status);

	if (result == STS_RESULT_NONE)
		return false;
	o->result = result;
	sts_copy_head(o->reason, sts_status_name(status), sizeof(o->reason));
	for (char *p = o->reason; *p != '\0'; p++) {
		if (*p == '_')
			*p = '-';
	}
	return true;
}

/* Postfix writes "certificate_expired" there. */
static void
add_underscored(struct line *line, const char *name)
{
	for (; *name != '\0'; name++)
		add_byte(line, (char)(*name == '-' ? '_' : *name));
}

void
sts_outcome_log_text(const struct sts_outcome *o, char buf[STS_OUTCOME_LOG_MAX])
{
	struct line line = {buf, STS_OUTCOME_LOG_MAX - 1, 0, false};
	bool failed = o->result != STS_RESULT_NONE;

	add_string(&line,
	    failed ? "TLSRPT: status=failure, domain="
		   : "TLSRPT: status=success, domain=");
	add_string(&line, o->domain);
	add_string(&line, ", receiving_mx=");
	add_string(&line, o->mx);
	add_string(&line, "[");
	add_string(&line, o->receiving_ip);
	add_string(&line, "]");
	if (failed) {
		add_string(&line, ", failure_type=");
		add_underscored(&line, sts_result_name(o->result));
	}
	if (failed && o->reason[0] != '\0') {
		add_string(&line, ", failure_reason=");
		add_string(&line, o->reason);
	}
	line.buf[line.len] = '\0';
}
