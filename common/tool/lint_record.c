/* SPDX-License-Identifier: ISC */
/*
 * TXT records in the forms in which people have them: from a zone file, from a
 * web form, or as printed by dig; and the cause of a fault in one.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/resemble.h"
#include "core/grammar.h"
#include "core/record.h"
#include "tool/lint.h"

static enum sts_status
bad_line(char cause[STS_CAUSE_BYTES], const char *why)
{
	(void)snprintf(cause, STS_CAUSE_BYTES, "%s", why);
	return STS_BAD_LINE;
}

/* Up to the next blank. */
static size_t
word_length(struct sts_span s)
{
	size_t len = 0;

	while (len < s.len && !sts_is_blank((unsigned char)s.p[len]))
		len++;
	return len;
}

/* "TXT", or how host(1) and nslookup(1) print it. */
static bool
is_type(struct sts_span word)
{
	return (word.len == 3 && strncasecmp(word.p, "TXT", 3) == 0) ||
	    (word.len == 4 && strncasecmp(word.p, "text", 4) == 0);
}

/*
 * What follows the type in a line of a zone file, "NAME 3600 IN TXT ...", and
 * the name, empty if there is none; false if no word of the line is a type.
 */
static bool
behind_type(struct sts_span line, struct sts_span *name, struct sts_span *data)
{
	struct sts_span left = sts_span_trim(line);

	name->p = left.p;
	/* Behind a blank it is that of the line before. */
	name->len = left.p == line.p ? word_length(left) : 0;
	while (left.len > 0 && left.p[0] != '"') {
		struct sts_span word = {left.p, word_length(left)};

		left.p += word.len;
		left.len -= word.len;
		left = sts_span_trim(left);
		if (!is_type(word))
			continue;
		if (word.p == name->p)
			name->len = 0;
		if (word.len == 4 && left.len > 0 && left.p[0] == '=')
			left = sts_span_trim(
			    (struct sts_span){left.p + 1, left.len - 1});
		*data = left;
		return true;
	}
	return false;
}

bool
sts_lint_record_name(
    struct sts_span line, const char *wanted, struct sts_span *name)
{
	struct sts_span data;
	size_t len = strlen(wanted);

	if (!behind_type(line, name, &data) || name->len == 0 ||
	    sts_span_is(*name, "@") || sts_is_digit(name->p[0]) ||
	    sts_span_is(*name, "IN"))
		return true;
	return name->len >= len && strncasecmp(name->p, wanted, len) == 0 &&
	    (name->len == len || name->p[len] == '.');
}

/*
 * The data of a line of a zone file without what only a zone file has:
 * parentheses, and the comment after a ";" outside quotes.  Returns the length
 * in buf, at most that of the data.
 */
static size_t
strip_zone_syntax(struct sts_span data, char *buf)
{
	bool quoted = false;
	size_t used = 0;

	for (size_t i = 0; i < data.len; i++) {
		char byte = data.p[i];

		if (byte == '\\' && i + 1 < data.len) {
			buf[used++] = byte;
			byte = data.p[++i];
		} else if (byte == '"') {
			quoted = !quoted;
		} else if (!quoted && byte == ';') {
			break;
		} else if (!quoted && (byte == '(' || byte == ')')) {
			byte = ' ';
		}
		buf[used++] = byte;
	}
	return used;
}

/* Words without quotes: each is a string; "\;" is ";" (RFC 1035 5.1). */
static size_t
join_words(struct sts_span words, char *buf)
{
	size_t used = 0;

	for (size_t i = 0; i < words.len; i++) {
		if (sts_is_blank((unsigned char)words.p[i]))
			continue;
		if (words.p[i] == '\\' && i + 1 < words.len)
			i++;
		buf[used++] = words.p[i];
	}
	return used;
}

/* Why a line with a quote at its beginning is not accepted. */
static const char *
quoted_cause(struct sts_span line)
{
	size_t quotes = 0;

	for (size_t i = 0; i < line.len; i++)
		quotes += line.p[i] == '"';
	if (sts_span_contains(line, "\\;"))
		return "in quotes a \";\" takes no backslash";
	if (line.len > 2 && line.p[1] == '"' &&
	    !sts_is_blank((unsigned char)line.p[2]))
		return "the quotes are doubled";
	if (quotes % 2 != 0)
		return "a quote is missing";
	if (sts_span_contains(line, "\\"))
		return "of backslashes only \\\", \\\\ and \\DDD are read";
	return "there is text outside the quotes";
}

/* Data after the type: quoted strings, or words. */
static enum sts_status
read_zone_data(struct sts_span data, char *buf, size_t size, size_t *len,
    char cause[STS_CAUSE_BYTES])
{
	char text[STS_BODY_MAX + 1];
	struct sts_span stripped;

	if (data.len >= sizeof(text))
		return bad_line(cause, "the line is too long");
	stripped = sts_span_trim(
	    (struct sts_span){text, strip_zone_syntax(data, text)});
	if (stripped.len > 0 && stripped.p[0] == '"') {
		if (sts_record_unquote(stripped, buf, size, len) == STS_OK)
			return STS_OK;
		return bad_line(cause, quoted_cause(stripped));
	}
	if (stripped.len < sts_span_trim(data).len)
		return bad_line(cause,
		    "in a zone file a \";\" outside of quotes begins a "
		    "comment: put the value in quotes");
	if (stripped.len == 0 || stripped.len > size)
		return bad_line(cause, "there is no value");
	*len = join_words(stripped, buf);
	return STS_OK;
}

enum sts_status
sts_lint_read_record(struct sts_span line, char *buf, size_t size, size_t *len,
    char cause[STS_CAUSE_BYTES])
{
	struct sts_span text = sts_span_trim(line), name, data;

	cause[0] = '\0';
	if (text.len == 0)
		return bad_line(cause, "the line is empty");
	if (text.p[0] == '"') {
		if (sts_record_unquote(line, buf, size, len) == STS_OK)
			return STS_OK;
		return bad_line(cause, quoted_cause(text));
	}
	if (behind_type(text, &name, &data))
		return read_zone_data(data, buf, size, len, cause);
	if (text.len > size)
		return bad_line(cause, "the line is too long");
	memcpy(buf, text.p, text.len);
	*len = text.len;
	return STS_OK;
}

/* The beginning of a record, up to what may end a version. */
static struct sts_span
first_word(struct sts_span record)
{
	size_t len = 0;

	while (len < record.len && strchr(";,\\\" \t", record.p[len]) == NULL)
		len++;
	return (struct sts_span){record.p, len};
}

/*
 * Skips what may be before the version by mistake.  False if the record does
 * not resemble one with that version.
 */
static bool
find_version(struct sts_span record, const char *version, struct sts_span *at)
{
	static const char before[] = " \t\"'(\xe2\x80\x9c\x9d";
	size_t skip = 0;

	while (skip < record.len && record.p[skip] != '\0' &&
	    strchr(before, record.p[skip]) != NULL)
		skip++;
	*at = (struct sts_span){record.p + skip, record.len - skip};
	if (first_word(*at).len > 0 &&
	    sts_resembles(at->p, first_word(*at).len, version))
		return true;
	/* "v = STSv1", "STSv1; id=1" */
	return sts_span_contains(*at, version + 2);
}

/* One field of a record, "NAME=VALUE", without blanks around it. */
static const char *
field_cause(
    struct sts_span text, const char *field, char cause[STS_CAUSE_BYTES])
{
	const char *equals = memchr(text.p, '=', text.len);
	struct sts_span name, value;

	if (equals == NULL)
		return "a field has no \"=\"";
	name = (struct sts_span){text.p, (size_t)(equals - text.p)};
	value = (struct sts_span){equals + 1, text.len - name.len - 1};
	if (sts_span_trim(name).len != name.len ||
	    sts_span_trim(value).len != value.len)
		return "there is a blank beside a \"=\"";
	if (!sts_span_is(name, field)) {
		if (!sts_resembles(name.p, name.len, field))
			return "";
		(void)snprintf(cause, STS_CAUSE_BYTES,
		    "\"%.*s\" is not a field; was \"%s\" meant?", (int)name.len,
		    name.p, field);
		return NULL;
	}
	if (value.len == 0)
		return "there is no value";
	if (strcmp(field, "id") != 0)
		return memchr(value.p, ':', value.len) == NULL
		    ? "a destination is mailto:ADDRESS or https://..."
		    : "";
	if (value.len > STS_ID_MAX)
		return "an id has at most 32 letters and digits";
	for (size_t i = 0; i < value.len; i++) {
		if (!sts_is_alnum((unsigned char)value.p[i])) {
			(void)snprintf(cause, STS_CAUSE_BYTES,
			    "an id is made of letters and digits alone, "
			    "\"%.*s\" is not",
			    (int)value.len, value.p);
			return NULL;
		}
	}
	return "";
}

/* The fields after the version, each after a ";". */
static const char *
fields_cause(
    struct sts_span fields, const char *field, char cause[STS_CAUSE_BYTES])
{
	struct sts_span left = sts_span_trim(fields);
	const char *why = "";

	if (left.len == 0)
		return "there is no \";\" after the version";
	if (left.p[0] == ',')
		return "fields are separated by \";\", not by \",\"";
	if (left.p[0] != ';')
		return "there is no \";\" after the version";
	while (left.len > 0 && why != NULL && why[0] == '\0') {
		const char *end = memchr(left.p + 1, ';', left.len - 1);
		size_t len = end != NULL ? (size_t)(end - left.p) : left.len;
		struct sts_span one =
		    sts_span_trim((struct sts_span){left.p + 1, len - 1});

		if (one.len > 0)
			why = field_cause(one, field, cause);
		else if (end != NULL)
			why = "there is an empty field (\";\" twice)";
		left.p += len;
		left.len -= len;
	}
	return why;
}

bool
sts_lint_record_cause(struct sts_span record, const char *version,
    const char *field, char cause[STS_CAUSE_BYTES])
{
	struct sts_span at;
	const char *why;

	cause[0] = '\0';
	if (record.len == 0 || !find_version(record, version, &at))
		return false;
	if (memchr(record.p, '"', record.len) != NULL)
		why = "it has quotes in it; a web form needs the value "
		      "without";
	else if (sts_has_non_ascii(record))
		why = "it has a character outside of ASCII, such as a "
		      "typographic quote";
	else if (memchr(record.p, '\\', record.len) != NULL)
		why = "it has a backslash in it; a \";\" takes none";
	else if (at.p != record.p)
		why = "it does not begin with the version";
	else if (!sts_span_is(first_word(at), version)) {
		(void)snprintf(cause, STS_CAUSE_BYTES,
		    "it begins with \"%.*s\"; write %s, which is "
		    "case-sensitive",
		    first_word(at).len > 40 ? 40 : (int)first_word(at).len,
		    at.p, version);
		return true;
	} else {
		at.p += strlen(version);
		at.len -= strlen(version);
		why = fields_cause(at, field, cause);
	}
	if (why != NULL)
		(void)snprintf(cause, STS_CAUSE_BYTES, "%s", why);
	return true;
}
