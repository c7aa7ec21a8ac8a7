/* SPDX-License-Identifier: ISC */
/*
 * ASCII classes are spelt out, since <ctype.h> depends on the mail server's
 * locale.
 */
#include "core/grammar.h"

enum { FIELD_NAME_MAX = 32 };

char
sts_ascii_lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* The bytes of a field name after the first. */
static bool
is_name_byte(int byte)
{
	return sts_is_alnum(byte) || byte == '_' || byte == '-' || byte == '.';
}

bool
sts_field_name(struct sts_cursor *c, struct sts_span *name)
{
	if (!sts_is_alnum(sts_cursor_peek(c)))
		return false;
	/* All of it, or a longer name would pass as its first 32 bytes. */
	*name = sts_cursor_while(c, is_name_byte);
	return name->len <= FIELD_NAME_MAX;
}

bool
sts_has_non_ascii(struct sts_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] > 0x7f)
			return true;
	}
	return false;
}

/*
 * The number of continuation bytes after this lead byte, and the range of the
 * first one, by which RFC 3629 4 excludes overlong forms, surrogates and code
 * points above U+10FFFF. 0 if it is not a lead byte.
 */
static unsigned
utf8_tail(int lead, int *low, int *high)
{
	*low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef)
		return 2;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 3;
	return 0;
}

bool
sts_utf8_sequence(struct sts_cursor *c)
{
	struct sts_cursor at = *c;
	int lead = sts_cursor_peek(&at);
	int low, high;
	unsigned tail = utf8_tail(lead, &low, &high);

	if (tail == 0 || !sts_cursor_byte(&at, (char)lead))
		return false;
	for (; tail > 0; tail--) {
		int byte = sts_cursor_peek(&at);

		if (byte < low || byte > high)
			return false;
		(void)sts_cursor_byte(&at, (char)byte);
		low = 0x80;
		high = 0xbf;
	}
	*c = at;
	return true;
}
