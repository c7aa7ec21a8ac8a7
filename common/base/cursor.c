/* SPDX-License-Identifier: ISC */
#include "base/cursor.h"

bool
sts_cursor_literal(struct sts_cursor *c, const char *literal)
{
	size_t len = strlen(literal);

	if (sts_cursor_left(c) < len || memcmp(c->p, literal, len) != 0)
		return false;
	c->p += len;
	return true;
}

struct sts_span
sts_cursor_while(struct sts_cursor *c, bool (*is)(int byte))
{
	struct sts_span s = {c->p, 0};

	while (c->p < c->end && is((unsigned char)*c->p))
		c->p++;
	s.len = (size_t)(c->p - s.p);
	return s;
}

bool
sts_cursor_blanks(struct sts_cursor *c)
{
	return sts_cursor_while(c, sts_is_blank).len > 0;
}

bool
sts_cursor_until(struct sts_cursor *c, char stop, struct sts_span *out)
{
	if (c->p >= c->end)
		return false;
	out->p = c->p;
	while (c->p < c->end && *c->p != stop)
		c->p++;
	out->len = (size_t)(c->p - out->p);
	(void)sts_cursor_byte(c, stop);
	return true;
}

bool
sts_cursor_line(struct sts_cursor *c, struct sts_span *out)
{
	bool terminated;

	if (c->p >= c->end)
		return false;
	out->p = c->p;
	while (c->p < c->end && *c->p != '\n')
		c->p++;
	out->len = (size_t)(c->p - out->p);
	terminated = sts_cursor_byte(c, '\n');
	if (terminated && out->len > 0 && out->p[out->len - 1] == '\r')
		out->len--;
	return true;
}

bool
sts_cursor_number(struct sts_cursor *c, unsigned max_digits, int64_t *out)
{
	struct sts_cursor start = *c;
	struct sts_span digits = sts_cursor_while(c, sts_is_digit);
	int64_t value = 0;

	if (max_digits > 18)
		max_digits = 18;
	if (digits.len == 0 || digits.len > max_digits) {
		*c = start;
		return false;
	}
	for (size_t i = 0; i < digits.len; i++)
		value = value * 10 + (digits.p[i] - '0');
	*out = value;
	return true;
}

bool
sts_span_is(struct sts_span s, const char *string)
{
	return s.len == strlen(string) && memcmp(s.p, string, s.len) == 0;
}

bool
sts_span_contains(struct sts_span s, const char *string)
{
	return s.len > 0 && memmem(s.p, s.len, string, strlen(string)) != NULL;
}

struct sts_span
sts_span_trim(struct sts_span s)
{
	while (s.len > 0 && sts_is_blank((unsigned char)s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && sts_is_blank((unsigned char)s.p[s.len - 1]))
		s.len--;
	return s;
}

bool
sts_span_copy(struct sts_span s, char *buf, size_t size)
{
	if (size == 0)
		return false;
	buf[0] = '\0';
	if (s.len >= size || (s.len > 0 && memchr(s.p, '\0', s.len) != NULL))
		return false;
	if (s.len > 0)
		memcpy(buf, s.p, s.len);
	buf[s.len] = '\0';
	return true;
}

void
sts_copy_head(char *buf, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);

	memcpy(buf, text, len);
	buf[len] = '\0';
}

bool
sts_is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

bool
sts_is_alnum(int byte)
{
	return sts_is_digit(byte) || (byte >= 'a' && byte <= 'z') ||
	    (byte >= 'A' && byte <= 'Z');
}

bool
sts_is_blank(int byte)
{
	return byte == ' ' || byte == '\t';
}
