/* SPDX-License-Identifier: ISC */
/* Transfer encodings, RFC 2045, section 6. */
#include <stdlib.h>
#include <string.h>

#include "report/mime.h"

/* 0 to 63; -1: not in the alphabet. */
static int
base64_value(int byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	if (byte == '+')
		return 62;
	return byte == '/' ? 63 : -1;
}

static size_t
decode_base64(struct sts_span in, char *out)
{
	struct sts_cursor c = sts_cursor_make(in.p, in.len);
	unsigned bits = 0, count = 0;
	size_t used = 0;
	int byte;

	while ((byte = sts_cursor_peek(&c)) >= 0 && byte != '=') {
		int value = base64_value(byte);

		c.p++;
		if (value < 0)
			continue;
		bits = (bits << 6 | (unsigned)value) & 0xffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[used++] = (char)(bits >> count & 0xff);
		}
	}
	return used;
}

static int
hex_value(int byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* After a "=": a soft line break, or two hexadecimal digits. */
static bool
take_escape(struct sts_cursor *c, char *byte, bool *has_byte)
{
	struct sts_cursor at = *c;
	int high, low;

	*has_byte = false;
	(void)sts_cursor_blanks(&at);
	(void)sts_cursor_byte(&at, '\r');
	if (sts_cursor_byte(&at, '\n')) {
		*c = at;
		return true;
	}
	if (sts_cursor_left(c) < 2)
		return false;
	high = hex_value((unsigned char)c->p[0]);
	low = hex_value((unsigned char)c->p[1]);
	if (high < 0 || low < 0)
		return false;
	*byte = (char)(high << 4 | low);
	*has_byte = true;
	c->p += 2;
	return true;
}

static size_t
decode_quoted(struct sts_span in, char *out)
{
	struct sts_cursor c = sts_cursor_make(in.p, in.len);
	size_t used = 0;

	while (c.p < c.end) {
		char byte = *c.p++;
		bool has_byte = true;

		if (byte == '=' && !take_escape(&c, &byte, &has_byte))
			has_byte = true;
		if (has_byte)
			out[used++] = byte;
	}
	return used;
}

bool
sts_mime_decode(const struct sts_mime_entity *entity, char **bytes, size_t *len)
{
	*len = 0;
	*bytes = NULL;
	if (entity->encoding == STS_MIME_UNKNOWN ||
	    (*bytes = malloc(entity->body.len + 1)) == NULL)
		return false;
	if (entity->encoding == STS_MIME_BASE64) {
		*len = decode_base64(entity->body, *bytes);
	} else if (entity->encoding == STS_MIME_QUOTED) {
		*len = decode_quoted(entity->body, *bytes);
	} else {
		memcpy(*bytes, entity->body.p, entity->body.len);
		*len = entity->body.len;
	}
	return true;
}
