/* SPDX-License-Identifier: ISC */
/*
 * Two kinds of record of one shape: RFC 8461 3.1 and RFC 8460 3 share version,
 * delimiters, extensions and the rule that exactly one record must be left.
 * They differ in the version and one field, which the functions passed to
 * parse_fields handle.
 *
 * A record is checked strictly against its grammar: by 3.1 an ill-formed one
 * counts as none, and a guess would decide whether mail is protected.
 */
#include "core/record.h"

#include "core/grammar.h"
#include "core/uri.h"

/* sts-field-delim of RFC 8461 3.1 and field-delim of RFC 8460 3. */
static bool
field_delim(struct sts_cursor *c)
{
	struct sts_cursor at = *c;

	(void)sts_cursor_blanks(&at);
	if (!sts_cursor_byte(&at, ';'))
		return false;
	(void)sts_cursor_blanks(&at);
	*c = at;
	return true;
}

/* sts-ext-value and tlsrpt-ext-value: no "=", ";", blank or control. */
static bool
is_value_byte(int byte)
{
	return byte > ' ' && byte < 0x7f && byte != '=' && byte != ';';
}

/*
 * Finds the one record that begins with the version; *fields is left behind the
 * version.  The text of both RFCs drops what does not begin with the version
 * and an immediate ";", while their grammar allows blanks before the ";" (RFC
 * 8461 erratum 6285).  Such blanks occur in practice, so the record counts; one
 * without ";" is dropped.
 */
static enum sts_status
select_record(const struct sts_span *records, size_t count, const char *version,
    struct sts_cursor *fields)
{
	size_t found = 0;
	bool near_miss = false;

	for (size_t i = 0; i < count; i++) {
		struct sts_cursor c =
		    sts_cursor_make(records[i].p, records[i].len);
		struct sts_cursor at;

		if (!sts_cursor_literal(&c, version))
			continue;
		at = c;
		if (field_delim(&at)) {
			*fields = c;
			found++;
		} else if (!sts_is_alnum(sts_cursor_peek(&c))) {
			/* Not for "v=STSv10", which is another version. */
			near_miss = true;
		}
	}
	if (found > 1)
		return STS_RECORD_MULTIPLE;
	if (found == 0)
		return near_miss ? STS_RECORD_SYNTAX : STS_NO_RECORD;
	return STS_OK;
}

/* Reads one field's value; the cursor is after its "=". */
typedef enum sts_status field_value(
    struct sts_cursor *c, struct sts_span name, void *arg);

/* 1*(delim field) [delim]; `value` checks each field. */
static enum sts_status
parse_fields(struct sts_cursor *c, field_value *value, void *arg)
{
	while (sts_cursor_left(c) > 0) {
		struct sts_span name;
		enum sts_status status;

		if (!field_delim(c))
			return STS_RECORD_SYNTAX;
		/* The one delimiter that may end a record. */
		if (sts_cursor_left(c) == 0)
			break;
		if (!sts_field_name(c, &name) || !sts_cursor_byte(c, '='))
			return STS_RECORD_SYNTAX;
		status = value(c, name, arg);
		if (status != STS_OK)
			return status;
	}
	return STS_OK;
}

/* Unknown fields are ignored (3.2) if they have the form of a field. */
static enum sts_status
extension_value(struct sts_cursor *c)
{
	return sts_cursor_while(c, is_value_byte).len > 0 ? STS_OK
							  : STS_RECORD_SYNTAX;
}

/* 1*32(ALPHA / DIGIT) */
static bool
is_id(struct sts_span s)
{
	struct sts_cursor c = sts_cursor_make(s.p, s.len);

	return s.len > 0 && s.len <= STS_ID_MAX &&
	    sts_cursor_while(&c, sts_is_alnum).len == s.len;
}

/*
 * Of two ids only the first counts: the last paragraph of RFC 8461 3.2 is about
 * TXT records as well as policies, and ignores all entries of a duplicate field
 * but the first.  The second must still have the form of a field.  "id=a-b" has
 * the form of an extension named "id", but reading it so and using the next id
 * would ignore the first.
 */
static enum sts_status
sts_field(struct sts_cursor *c, struct sts_span name, void *arg)
{
	char *id = arg;
	struct sts_span value;

	if (!sts_span_is(name, "id") || id[0] != '\0')
		return extension_value(c);
	/* Up to the delimiter: "a-b" is a bad id, not "a" and a rest. */
	value = sts_cursor_while(c, is_value_byte);
	if (!is_id(value) || !sts_span_copy(value, id, STS_ID_MAX + 1))
		return STS_RECORD_BAD_ID;
	return STS_OK;
}

enum sts_status
sts_record_sts(
    const struct sts_span *records, size_t count, char id[STS_ID_MAX + 1])
{
	struct sts_cursor c;
	enum sts_status status;

	id[0] = '\0';
	status = select_record(records, count, "v=STSv1", &c);
	if (status == STS_OK)
		status = parse_fields(&c, sts_field, id);
	if (status == STS_OK && id[0] == '\0')
		status = STS_RECORD_NO_ID;
	if (status != STS_OK)
		id[0] = '\0';
	return status;
}

/* Ends a destination, whose bytes are checked later. */
static bool
is_rua_byte(int byte)
{
	return byte > ' ' && byte != ',' && byte != ';';
}

/*
 * tlsrpt-rua.  The destinations of all rua fields count: RFC 8460 3 has no rule
 * that only the first does, and allows more than one.  It speaks of delivery
 * "to each of the supported" ones, so another scheme does not make a record
 * ill-formed.
 */
static enum sts_status
tlsrpt_field(struct sts_cursor *c, struct sts_span name, void *arg)
{
	struct sts_rua_list *list = arg;
	struct sts_cursor at;

	if (!sts_span_is(name, "rua"))
		return extension_value(c);
	for (;;) {
		struct sts_span uri = sts_cursor_while(c, is_rua_byte);

		if (!sts_uri_is_valid(uri))
			return STS_RECORD_BAD_RUA;
		if (!sts_uri_is_destination(uri))
			list->unusable++;
		else if (list->count < STS_RUA_MAX)
			list->uri[list->count++] = uri;
		/* Blanks belong to the list only if a comma follows. */
		at = *c;
		(void)sts_cursor_blanks(&at);
		if (!sts_cursor_byte(&at, ','))
			return STS_OK;
		(void)sts_cursor_blanks(&at);
		*c = at;
	}
}

enum sts_status
sts_record_tlsrpt(
    const struct sts_span *records, size_t count, struct sts_rua_list *out)
{
	struct sts_cursor c;
	enum sts_status status;

	memset(out, 0, sizeof(*out));
	status = select_record(records, count, "v=TLSRPTv1", &c);
	if (status == STS_OK)
		status = parse_fields(&c, tlsrpt_field, out);
	/* The statuses tell the linter whether there were destinations. */
	if (status == STS_OK && out->count == 0)
		status =
		    out->unusable > 0 ? STS_RECORD_BAD_RUA : STS_RECORD_NO_RUA;
	if (status != STS_OK)
		memset(out, 0, sizeof(*out));
	return status;
}

/* The three digits of \DDD, RFC 1035 5.1. */
static int
decimal_escape(struct sts_cursor *c)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		int byte = sts_cursor_peek(c);

		if (!sts_is_digit(byte))
			return -1;
		(void)sts_cursor_byte(c, (char)byte);
		value = value * 10 + (byte - '0');
	}
	return value <= 0xff ? value : -1;
}

/*
 * One byte of a quoted string, unescaped; -1 if there is none.  Only three
 * escapes are accepted: a zone file reads "\;" as ";", a web form publishes the
 * backslash as well, and a linter cannot know which is used.
 */
static int
quoted_byte(struct sts_cursor *c)
{
	int byte = sts_cursor_peek(c);

	if (byte < 0)
		return -1;
	(void)sts_cursor_byte(c, (char)byte);
	if (byte != '\\')
		return byte;
	if (sts_cursor_byte(c, '"'))
		return '"';
	if (sts_cursor_byte(c, '\\'))
		return '\\';
	return decimal_escape(c);
}

/* The rest of a string whose opening quote is consumed, appended to buf. */
static bool
unquote_string(struct sts_cursor *c, char *buf, size_t size, size_t *len)
{
	while (!sts_cursor_byte(c, '"')) {
		int byte = quoted_byte(c);

		if (byte < 0 || *len >= size)
			return false;
		buf[(*len)++] = (char)byte;
	}
	return true;
}

enum sts_status
sts_record_unquote(struct sts_span line, char *buf, size_t size, size_t *len)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);

	*len = 0;
	(void)sts_cursor_blanks(&c);
	/* At least one string: a blank line is not a record. */
	do {
		if (!sts_cursor_byte(&c, '"') ||
		    !unquote_string(&c, buf, size, len))
			return STS_BAD_LINE;
		(void)sts_cursor_blanks(&c);
	} while (sts_cursor_left(&c) > 0);
	return STS_OK;
}
