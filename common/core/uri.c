/* SPDX-License-Identifier: ISC */
/*
 * A rua is only checked here, not split: the reporter parses it again with the
 * libraries that send to it.  All that passes is ASCII without blanks, quotes
 * or separators.
 */
#include "core/uri.h"

#include "core/grammar.h"

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

/* RFC 3986 3.1, after the first letter. */
static bool
is_scheme_byte(int byte)
{
	return sts_is_alnum(byte) || byte == '+' || byte == '-' || byte == '.';
}

/*
 * unreserved and reserved of RFC 3986 2, and the "%" of an escape, without the
 * three that must be escaped by RFC 8460 3.
 */
static bool
is_uri_byte(int byte)
{
	return sts_is_alnum(byte) ||
	    (byte > ' ' && byte < 0x7f &&
		strchr("-._~:/?#[]@$&'()*+=%", byte) != NULL);
}

/* An authority ends where a path, query or fragment begins, RFC 3986 3.2. */
static bool
is_authority_byte(int byte)
{
	return byte != '/' && byte != '?' && byte != '#';
}

static bool
is_hex_digit(int byte)
{
	return sts_is_digit(byte) || (byte >= 'a' && byte <= 'f') ||
	    (byte >= 'A' && byte <= 'F');
}

/* Consumes any one byte; -1 at the end. */
static int
next_byte(struct sts_cursor *c)
{
	int byte = sts_cursor_peek(c);

	if (byte >= 0)
		(void)sts_cursor_byte(c, (char)byte);
	return byte;
}

/* Brackets only enclose an IPv6 host (RFC 3986 3.2.2). */
static bool
bytes_are_valid(struct sts_span s, bool brackets)
{
	struct sts_cursor c = sts_cursor_make(s.p, s.len);
	int byte;

	while ((byte = next_byte(&c)) >= 0) {
		if (!is_uri_byte(byte))
			return false;
		if ((byte == '[' || byte == ']') && !brackets)
			return false;
		/* An escape is "%" and two hex digits, RFC 3986 2.1. */
		if (byte == '%' &&
		    !(is_hex_digit(next_byte(&c)) &&
			is_hex_digit(next_byte(&c))))
			return false;
	}
	return true;
}

/* "#" begins the fragment and does not occur in it, RFC 3986 3.5. */
static bool
has_one_fragment_at_most(struct sts_span s)
{
	const char *first = s.len > 0 ? memchr(s.p, '#', s.len) : NULL;
	size_t after;

	if (first == NULL)
		return true;
	after = s.len - (size_t)(first - s.p) - 1;
	return memchr(first + 1, '#', after) == NULL;
}

bool
sts_uri_is_valid(struct sts_span uri)
{
	struct sts_cursor c = sts_cursor_make(uri.p, uri.len);
	struct sts_span authority = {uri.p, 0}, rest;

	/* A scheme begins with a letter: "1x:" is a relative reference. */
	if (!sts_is_alnum(sts_cursor_peek(&c)) ||
	    sts_is_digit(sts_cursor_peek(&c)))
		return false;
	(void)sts_cursor_while(&c, is_scheme_byte);
	if (!sts_cursor_byte(&c, ':'))
		return false;
	if (sts_cursor_literal(&c, "//"))
		authority = sts_cursor_while(&c, is_authority_byte);
	rest.p = c.p;
	rest.len = sts_cursor_left(&c);
	return bytes_are_valid(authority, true) &&
	    bytes_are_valid(rest, false) && has_one_fragment_at_most(rest);
}

/* Consumes `scheme`, given in lower case, in either case. */
static bool
parse_scheme(struct sts_cursor *c, const char *scheme)
{
	struct sts_cursor at = *c;

	for (; *scheme != '\0'; scheme++) {
		int byte = next_byte(&at);

		if (byte < 0 || sts_ascii_lower((char)byte) != *scheme)
			return false;
	}
	*c = at;
	return true;
}

/* Splits after the last "@"; false if there is none. */
static bool
after_at(struct sts_span s, struct sts_span *before, struct sts_span *after)
{
	for (size_t i = s.len; i > 0; i--) {
		if (s.p[i - 1] == '@') {
			before->p = s.p;
			before->len = i - 1;
			after->p = s.p + i;
			after->len = s.len - i;
			return true;
		}
	}
	return false;
}

/* [":" port], RFC 3986 3.2.3: the port may be empty. */
static bool
is_port(struct sts_cursor *c)
{
	int64_t port = 0;

	if (sts_cursor_byte(c, ':') && sts_cursor_left(c) > 0 &&
	    !sts_cursor_number(c, PORT_DIGITS_MAX, &port))
		return false;
	return sts_cursor_left(c) == 0 && port <= PORT_MAX;
}

/* A port follows ":", so a name cannot contain one. */
static bool
is_host_byte(int byte)
{
	return byte != ':' && byte != '[' && byte != ']';
}

/* An IPv6 address can, and is therefore in brackets. */
static bool
is_bracketed_byte(int byte)
{
	return byte != '[' && byte != ']';
}

/*
 * RFC 3986 allows an empty host, to which no report can be sent.  A user before
 * the last "@" is allowed and ignored.
 */
static bool
has_host(struct sts_span authority)
{
	struct sts_cursor c;
	struct sts_span user, host = authority;

	(void)after_at(authority, &user, &host);
	c = sts_cursor_make(host.p, host.len);
	if (sts_cursor_byte(&c, '[')) {
		return sts_cursor_while(&c, is_bracketed_byte).len > 1 &&
		    sts_cursor_byte(&c, ']') && is_port(&c);
	}
	return sts_cursor_while(&c, is_host_byte).len > 0 && is_port(&c);
}

bool
sts_uri_is_destination(struct sts_span uri)
{
	struct sts_cursor c = sts_cursor_make(uri.p, uri.len);
	struct sts_span local, domain;

	if (parse_scheme(&c, "mailto:")) {
		/* An address ends where its header fields begin, RFC 6068. */
		struct sts_span address =
		    sts_cursor_while(&c, is_authority_byte);

		return after_at(address, &local, &domain) && local.len > 0 &&
		    domain.len > 0;
	}
	return parse_scheme(&c, "https://") &&
	    has_host(sts_cursor_while(&c, is_authority_byte));
}
