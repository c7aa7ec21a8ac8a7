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

char *
sts_escape(const char *bytes, size_t len)
{
	char *text = len < SIZE_MAX / 8 ? malloc(len * 4 + 1) : NULL;
	char *to = text;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (is_plain(byte))
			*to++ = (char)byte;
		else
			to += snprintf(to, 5, "\\x%02x", byte);
	}
	*to = '\0';
	return text;
}
