/* SPDX-License-Identifier: ISC */
#include "report/mime.h"

#include <string.h>
#include <strings.h>

enum { FIELD_MAX = 8192 }; /* bytes of a field that are read */

/* One header field, its lines joined. */
struct field {
	char text[FIELD_MAX];
	size_t len;
};

static void
append(struct field *field, struct sts_span line)
{
	size_t room = sizeof(field->text) - field->len;
	size_t len = line.len < room ? line.len : room;

	memcpy(field->text + field->len, line.p, len);
	field->len += len;
}

/* Skips blanks and comments, RFC 5322 3.2.2; comments are not nested. */
static void
skip_blanks(struct sts_cursor *c)
{
	struct sts_span comment;

	while (sts_cursor_blanks(c) ||
	    (sts_cursor_byte(c, '(') && sts_cursor_until(c, ')', &comment))) {
	}
}

/* RFC 5322 3.6.8 */
static bool
is_field_name(int byte)
{
	return byte > ' ' && byte < 0x7f && byte != ':';
}

static bool
is_token(int byte)
{
	return byte > ' ' && byte < 0x7f && byte != ';' && byte != '"' &&
	    byte != '(' && byte != '=' && byte != '*';
}

/* Unquoted values in use contain "=" and more that is not in a token. */
static bool
is_value(int byte)
{
	return byte > ' ' && byte != ';' && byte != '"';
}

/* Reads up to size - 1 bytes of a value, quoted or not; returns the number. */
static size_t
take_value(struct sts_cursor *c, char *buf, size_t size)
{
	size_t used = 0;
	bool quoted = sts_cursor_byte(c, '"');

	while (c->p < c->end) {
		if (quoted && sts_cursor_byte(c, '"'))
			break;
		if (!quoted && !is_value(sts_cursor_peek(c)))
			break;
		if (quoted && sts_cursor_byte(c, '\\') && c->p == c->end)
			break;
		if (used + 1 < size && *c->p != '\0')
			buf[used++] = *c->p;
		c->p++;
	}
	buf[used] = '\0';
	return used;
}

static bool
span_is_word(struct sts_span span, const char *word)
{
	return span.len == strlen(word) &&
	    strncasecmp(span.p, word, span.len) == 0;
}

/* "; NAME=VALUE", RFC 2045 5.1, and "NAME*0*=VALUE", RFC 2231. */
static void
take_parameters(struct sts_mime_entity *entity, struct sts_cursor *c)
{
	struct sts_span name, skipped;
	char unused[1];
	size_t used = 0; /* only the last name counts */

	while (sts_cursor_until(c, ';', &skipped) && c->p < c->end) {
		skip_blanks(c);
		name = sts_cursor_while(c, is_token);
		while (sts_cursor_byte(c, '*'))
			(void)sts_cursor_while(c, sts_is_digit);
		skip_blanks(c);
		if (!sts_cursor_byte(c, '='))
			continue;
		skip_blanks(c);
		if (span_is_word(name, "boundary"))
			(void)take_value(
			    c, entity->boundary, sizeof(entity->boundary));
		else if (span_is_word(name, "filename") ||
		    span_is_word(name, "name"))
			used += take_value(c, entity->name + used,
			    sizeof(entity->name) - used);
		else
			(void)take_value(c, unused, sizeof(unused));
	}
}

static void
take_type(struct sts_mime_entity *entity, struct sts_cursor *c)
{
	struct sts_span type;

	skip_blanks(c);
	type = sts_cursor_while(c, is_token);
	if (type.len == 0 ||
	    !sts_span_copy(type, entity->type, sizeof(entity->type)))
		sts_copy_head(entity->type, "unknown", sizeof(entity->type));
	for (char *p = entity->type; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	take_parameters(entity, c);
}

static void
take_encoding(struct sts_mime_entity *entity, struct sts_cursor *c)
{
	struct sts_span word;

	skip_blanks(c);
	word = sts_cursor_while(c, is_token);
	if (span_is_word(word, "base64"))
		entity->encoding = STS_MIME_BASE64;
	else if (span_is_word(word, "quoted-printable"))
		entity->encoding = STS_MIME_QUOTED;
	else if (span_is_word(word, "7bit") || span_is_word(word, "8bit") ||
	    span_is_word(word, "binary"))
		entity->encoding = STS_MIME_PLAIN;
	else
		entity->encoding = STS_MIME_UNKNOWN;
}

static void
take_field(struct sts_mime_entity *entity, struct field *field)
{
	struct sts_cursor c = sts_cursor_make(field->text, field->len);
	struct sts_span name = sts_cursor_while(&c, is_field_name);

	(void)sts_cursor_blanks(&c);
	if (name.len == 0 || !sts_cursor_byte(&c, ':'))
		return;
	entity->has_fields = true;
	if (span_is_word(name, "Content-Type"))
		take_type(entity, &c);
	else if (span_is_word(name, "Content-Transfer-Encoding"))
		take_encoding(entity, &c);
	else if (span_is_word(name, "Content-Disposition"))
		take_parameters(entity, &c);
}

void
sts_mime_parse(struct sts_mime_entity *entity, struct sts_span bytes)
{
	struct sts_cursor c = sts_cursor_make(bytes.p, bytes.len);
	struct field field = {.len = 0};
	struct sts_span line;

	memset(entity, 0, sizeof(*entity));
	sts_copy_head(entity->type, "text/plain", sizeof(entity->type));
	while (sts_cursor_line(&c, &line) && line.len > 0) {
		if (!sts_is_blank((unsigned char)line.p[0])) {
			take_field(entity, &field);
			field.len = 0;
		}
		append(&field, line);
	}
	take_field(entity, &field);
	entity->body = (struct sts_span){c.p, sts_cursor_left(&c)};
}

enum boundary { NONE, NEXT, LAST };

/* The role of a line in a multipart, RFC 2046 5.1.1. */
static enum boundary
delimiter(const struct sts_mime_entity *entity, struct sts_span line)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	bool last;

	if (!sts_cursor_literal(&c, "--") ||
	    !sts_cursor_literal(&c, entity->boundary))
		return NONE;
	last = sts_cursor_literal(&c, "--");
	(void)sts_cursor_blanks(&c);
	if (sts_cursor_left(&c) > 0)
		return NONE;
	return last ? LAST : NEXT;
}

/* Without the line break at the end, which belongs to the boundary. */
static struct sts_span
without_break(const char *begin, const char *end)
{
	if (end > begin && end[-1] == '\n')
		end--;
	if (end > begin && end[-1] == '\r')
		end--;
	return (struct sts_span){begin, (size_t)(end - begin)};
}

/* Reads up to a boundary, which it consumes, or the end; returns which. */
static enum boundary
find_boundary(const struct sts_mime_entity *entity, struct sts_cursor *rest,
    struct sts_span *before)
{
	const char *begin = rest->p, *at = rest->p;
	struct sts_span line;

	while (sts_cursor_line(rest, &line)) {
		enum boundary kind = delimiter(entity, line);

		if (kind != NONE) {
			*before = without_break(begin, at);
			return kind;
		}
		at = rest->p;
	}
	*before = (struct sts_span){begin, (size_t)(rest->end - begin)};
	return NONE;
}

bool
sts_mime_next_part(const struct sts_mime_entity *entity,
    struct sts_cursor *rest, struct sts_span *part)
{
	struct sts_span preamble;

	if (entity->boundary[0] == '\0')
		return false;
	if (rest->p == entity->body.p &&
	    find_boundary(entity, rest, &preamble) != NEXT)
		return false;
	if (sts_cursor_left(rest) == 0)
		return false;
	if (find_boundary(entity, rest, part) == LAST)
		rest->p = rest->end;
	return true;
}
