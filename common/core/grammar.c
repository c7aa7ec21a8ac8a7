/* SPDX-License-Identifier: ISC */
/*
 * The ASCII classes here are spelt out: <ctype.h> would answer by the locale
 * of the mail server that loaded us.
 */
#include "core/grammar.h"

enum { FIELD_NAME_MAX = 32 };

char
sts_ascii_lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* What a field name may hold after its first byte. */
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
	/* All of it, so that a name of 33 bytes is not one of 32 and a rest. */
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
 * How many continuation bytes follow this lead byte, and the range of the
 * first of them, which is where RFC 3629 4 excludes overlong forms, surrogates
 * and what is beyond U+10FFFF.  0 for a byte that leads nothing.
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
