/* SPDX-License-Identifier: ISC */
#include "store/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
sts_text_add(struct sts_text *text, const char *format, ...)
{
	size_t left = text->size - text->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->buf + text->len, left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= left)
		text->full = true;
	else
		text->len += (size_t)n;
}

void
sts_text_add_bytes(struct sts_text *text, const char *bytes, size_t len)
{
	if (len > text->size - text->len) {
		text->full = true;
		return;
	}
	if (len > 0)
		memcpy(text->buf + text->len, bytes, len);
	text->len += len;
}

void
sts_text_add_field(struct sts_text *text, const char *key, const char *value)
{
	sts_text_add_bytes(text, key, strlen(key));
	sts_text_add_bytes(text, ": ", 2);
	sts_text_add_bytes(text, value, strlen(value));
	sts_text_add_bytes(text, "\n", 1);
}

void
sts_text_add_number(struct sts_text *text, const char *key, int64_t value)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	sts_text_add_field(text, key, digits + at);
}

/* Consumes "KEY: " and the rest of the line, which must end with LF. */
static bool
field(struct sts_cursor *c, const char *key, struct sts_span *value)
{
	const char *end;

	if (!sts_cursor_literal(c, key) || !sts_cursor_literal(c, ": "))
		return false;
	end = memchr(c->p, '\n', sts_cursor_left(c));
	if (end == NULL)
		return false;
	value->p = c->p;
	value->len = (size_t)(end - c->p);
	c->p = end + 1;
	return true;
}

bool
sts_text_title(struct sts_cursor *c, const char *title)
{
	return sts_cursor_literal(c, title) && sts_cursor_byte(c, '\n');
}

bool
sts_text_string(struct sts_cursor *c, const char *key, char *out, size_t size)
{
	struct sts_span value;

	return field(c, key, &value) && sts_span_copy(value, out, size);
}

bool
sts_text_number(struct sts_cursor *c, const char *key, int64_t *out)
{
	struct sts_span value;
	struct sts_cursor digits;

	if (!field(c, key, &value))
		return false;
	digits = sts_cursor_make(value.p, value.len);
	return sts_cursor_number(&digits, 18, out) &&
	    sts_cursor_left(&digits) == 0;
}

bool
sts_text_status(struct sts_cursor *c, const char *key, enum sts_status *out)
{
	char token[64];

	return sts_text_string(c, key, token, sizeof(token)) &&
	    sts_status_parse(token, out);
}

bool
sts_text_is_id(const char *id)
{
	size_t len = 0;

	for (; id[len] != '\0'; len++) {
		if (!sts_is_alnum((unsigned char)id[len]))
			return false;
	}
	return len <= STS_ID_MAX;
}
