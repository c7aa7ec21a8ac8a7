/* SPDX-License-Identifier: ISC */
/*
 * Every row of tests/vectors/txt.tsv and tlsrpt_txt.tsv.  Records are given to
 * the parser on guard pages, and a second time through sts_record_unquote.
 */
#include <stdio.h>
#include <string.h>

#include "core/record.h"
#include "tests/unit/lib/tap.h"

enum { RECORDS_MAX = 4, BYTES_MAX = 1024 };

/* A record set as a row has it: records by "|", their strings in quotes. */
struct set {
	struct sts_span records[RECORDS_MAX];
	char *copies[RECORDS_MAX];
	size_t count;
};

/* Where the record that begins at `from` ends: at a "|" outside quotes. */
static size_t
record_extent(const char *from)
{
	bool quoted = false;
	size_t i;

	for (i = 0; from[i] != '\0' && (quoted || from[i] != '|'); i++) {
		if (from[i] == '\\' && from[i + 1] != '\0')
			i++;
		else if (from[i] == '"')
			quoted = !quoted;
	}
	return i;
}

/* The bytes of a record: its strings joined, the row's escapes undone. */
static size_t
join_strings(const char *text, size_t len, char out[BYTES_MAX])
{
	bool quoted = false;
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"') {
			quoted = !quoted;
		} else if (quoted) {
			if (text[i] == '\\')
				out[used++] = text[i++];
			out[used++] = text[i];
		}
	}
	out[used] = '\0';
	return vector_unescape(out);
}

static void
add_record(struct set *set, const char *bytes, size_t len)
{
	char *copy = guard_copy(bytes, len);

	set->copies[set->count] = copy;
	set->records[set->count].p = copy;
	set->records[set->count].len = len;
	set->count++;
}

static void
make_set(struct set *set, const char *text)
{
	char bytes[BYTES_MAX];

	memset(set, 0, sizeof(*set));
	while (*text == '"' && set->count < RECORDS_MAX) {
		size_t extent = record_extent(text);
		size_t len = join_strings(text, extent, bytes);

		add_record(set, bytes, len);
		text += extent + (text[extent] == '|');
	}
}

static void
free_set(struct set *set)
{
	for (size_t i = 0; i < set->count; i++)
		guard_free(set->copies[i], set->records[i].len);
}

/* The same set, each record written as a zone-file string and read back. */
static bool
through_zone_file(const struct set *set, struct set *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < set->count; i++) {
		char line[BYTES_MAX * 4 + 3] = "\"", bytes[BYTES_MAX];
		struct sts_span span = {line, 1};
		size_t len;

		for (size_t j = 0; j < set->records[i].len; j++)
			span.len += (size_t)sprintf(line + span.len, "\\%03u",
			    (unsigned char)set->records[i].p[j]);
		line[span.len++] = '"';
		if (sts_record_unquote(span, bytes, sizeof(bytes), &len) !=
		    STS_OK)
			return false;
		add_record(out, bytes, len);
	}
	return true;
}

static void
check_sts(const char *id, const struct set *set, const char *verdict,
    const char *values)
{
	char got[3 + STS_ID_MAX + 1] = "id=";
	enum sts_status status =
	    sts_record_sts(set->records, set->count, got + 3);

	if (strcmp(verdict, "accept") == 0) {
		is_str(sts_status_name(status), "ok", "%s is accepted", id);
		is_str(got, values, "%s has exactly its id", id);
	} else {
		ok(status != STS_OK && got[3] == '\0', "%s is rejected (%s)",
		    id, sts_status_name(status));
	}
}

static void
check_tlsrpt(const char *id, const struct set *set, const char *verdict,
    const char *values)
{
	struct sts_rua_list list;
	char got[BYTES_MAX] = "";
	enum sts_status status =
	    sts_record_tlsrpt(set->records, set->count, &list);

	if (strcmp(verdict, "accept") != 0) {
		ok(status != STS_OK && list.count == 0, "%s is rejected (%s)",
		    id, sts_status_name(status));
		return;
	}
	is_str(sts_status_name(status), "ok", "%s is accepted", id);
	for (size_t i = 0; i < list.count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s",
		    i > 0 ? "," : "", (int)list.uri[i].len, list.uri[i].p);
	is_str(got, values, "%s has exactly its destinations", id);
}

typedef void check_row(const char *id, const struct set *set,
    const char *verdict, const char *values);

static void
check_file(const char *name, unsigned at_least, check_row *check)
{
	struct vector_file *file = vector_open(name);
	char *fields[5];
	unsigned rows = 0;

	while (vector_next(file, fields, 5)) {
		struct set set, again;

		make_set(&set, fields[2]);
		check(fields[0], &set, fields[3], fields[4]);
		if (ok(through_zone_file(&set, &again),
			"%s can be written as zone-file strings", fields[0]))
			check(fields[0], &again, fields[3], fields[4]);
		free_set(&again);
		free_set(&set);
		rows++;
	}
	vector_close(file);
	ok(rows >= at_least, "%u rows of %s were read", rows, name);
}

int
main(void)
{
	check_file("txt.tsv", 48, check_sts);
	check_file("tlsrpt_txt.tsv", 32, check_tlsrpt);
	return tap_done();
}
