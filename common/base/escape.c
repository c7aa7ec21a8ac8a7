/* SPDX-License-Identifier: ISC */
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * The backslash is escaped too, so that a reader can tell escapes from
 * text.
 */
static bool
is_plain(unsigned char byte)
{
	return byte >= ' ' && byte < 0x7f && byte != '\\';
}

void
sts_escape_write(FILE *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (is_plain(byte))
			(void)putc(byte, out);
		else
			(void)fprintf(out, "\\x%02x", byte);
	}
}

size_t
sts_escape_into(char *out, size_t size, const char *bytes, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used + 5 <= size; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (is_plain(byte))
			out[used++] = (char)byte;
		else
			used +=
			    (size_t)snprintf(out + used, 5, "\\x%02x", byte);
	}
	out[used] = '\0';
	return used;
}

char *
sts_escape(const char *bytes, size_t len)
{
	size_t size = len < SIZE_MAX / 8 ? len * 4 + 5 : 0;
	char *text = size > 0 ? malloc(size) : NULL;

	if (text != NULL)
		(void)sts_escape_into(text, size, bytes, len);
	return text;
}

static int
hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte that an escape stands for, or -1. */
static int
escaped_byte(const char *at)
{
	int high, low;

	if (at[0] != '\\' || at[1] != 'x')
		return -1;
	high = hex_digit(at[2]);
	low = high < 0 ? -1 : hex_digit(at[3]);
	return low < 0 ? -1 : high * 16 + low;
}

size_t
sts_unescape(char *text)
{
	size_t used = 0;

	for (const char *at = text; *at != '\0'; at++) {
		int byte = escaped_byte(at);

		if (byte >= 0)
			at += 3;
		text[used++] = byte >= 0 ? (char)byte : *at;
	}
	text[used] = '\0';
	return used;
}
