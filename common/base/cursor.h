/* SPDX-License-Identifier: ISC */
/*
 * A bounded cursor over bytes that came from outside.  Every parser of the
 * suite reads through it; none does pointer arithmetic of its own, and no
 * function here reads at or past the end.
 *
 * A cursor borrows its bytes.  Copying the struct saves a position.
 */
#ifndef STS_BASE_CURSOR_H
#define STS_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sts_cursor {
	const char *p;   /* next byte */
	const char *end; /* one past the last */
};

/* A run of borrowed bytes; may contain any byte, and has no NUL at its end. */
struct sts_span {
	const char *p;
	size_t len;
};

/* `bytes` may be NULL if there are none. */
static inline struct sts_cursor
sts_cursor_make(const void *bytes, size_t len)
{
	struct sts_cursor c = {bytes, bytes};

	if (len > 0)
		c.end += len;
	return c;
}

static inline size_t
sts_cursor_left(const struct sts_cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The next byte as 0 to 255 without consuming it, or -1 at the end. */
static inline int
sts_cursor_peek(const struct sts_cursor *c)
{
	return c->p < c->end ? (unsigned char)*c->p : -1;
}

/* Consumes one byte if it is `byte`; says whether it did. */
static inline bool
sts_cursor_byte(struct sts_cursor *c, char byte)
{
	if (c->p >= c->end || *c->p != byte)
		return false;
	c->p++;
	return true;
}

/* Consumes `literal` (case matters) if all of it is next. */
bool sts_cursor_literal(struct sts_cursor *c, const char *literal);

/* Consumes and returns the longest run of bytes for which `is` is true. */
struct sts_span sts_cursor_while(struct sts_cursor *c, bool (*is)(int byte));

/* Consumes spaces and tabs; says whether there was at least one. */
bool sts_cursor_blanks(struct sts_cursor *c);

/*
 * Returns the bytes up to `stop` or the end, and consumes `stop`. False only at
 * the end.
 */
bool sts_cursor_until(struct sts_cursor *c, char stop, struct sts_span *out);

/*
 * Returns one line without its LF or CR LF, which is consumed.  A CR without LF
 * is an ordinary byte.  False only at the end.
 */
bool sts_cursor_line(struct sts_cursor *c, struct sts_span *out);

/*
 * Reads a decimal number of 1 to `max_digits` digits (at most 18), leading
 * zeros allowed, into *out.  Returns false and consumes nothing if there is no
 * digit or there are too many.
 */
bool sts_cursor_number(struct sts_cursor *c, unsigned max_digits, int64_t *out);

/* True if a span equals a string, byte for byte. */
bool sts_span_is(struct sts_span s, const char *string);

/* True if a string, not "", is somewhere in a span. */
bool sts_span_contains(struct sts_span s, const char *string);

/* Without leading and trailing spaces and tabs (OWS of RFC 9110 5.6.3). */
struct sts_span sts_span_trim(struct sts_span s);

/*
 * Copies a span into buf as a string.  If it does not fit or contains a NUL,
 * returns false and buf is "".
 */
bool sts_span_copy(struct sts_span s, char *buf, size_t size);

/*
 * Copies as much of a string as fits into buf[size], size at least 1, as a
 * string: strlcpy(3), for which a resolver would have to load libbsd.
 */
void sts_copy_head(char *buf, const char *text, size_t size);

/* ASCII classes, the same in every locale. */
bool sts_is_digit(int byte);
bool sts_is_alnum(int byte);
bool sts_is_blank(int byte); /* space, tab */

#endif
