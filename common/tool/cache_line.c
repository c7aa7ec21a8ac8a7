/* SPDX-License-Identifier: ISC */
/*
 * The lines of `mta-sts cache list`.  The words for the state of an entry and
 * the keys of the JSON are in mta-sts(1) and used by scripts: they must not
 * change.
 */
#include "tool/cache.h"

#include <stddef.h>
#include <string.h>

#include "tool/out.h"
#include "tool/query_command.h"

void
sts_cache_policy_line(struct sts_cache_line *line,
    const struct sts_entry *entry, const struct sts_check *check,
    const struct sts_config *config, int64_t now)
{
	memset(line, 0, sizeof(*line));
	line->domain = entry->domain;
	line->kind = "policy";
	line->mode = sts_mode_name(entry->policy.mode);
	(void)snprintf(line->id, sizeof(line->id), "%s", entry->id);
	line->since = entry->fetched;
	line->until = entry->expires;
	if (!sts_entry_is_live(entry, now)) {
		line->state = "expired";
	} else if (check->failed_reason != STS_OK) {
		line->state = "failed";
		line->marked = now - check->failed_since > STS_LONG_FAILURE;
	} else if (sts_entry_is_fresh(entry, check, now, config->recheck)) {
		line->state = "fresh";
	} else {
		line->state = "stale";
	}
	line->reason = check->failed_reason;
}

void
sts_cache_none_line(
    struct sts_cache_line *line, const struct sts_check *check, int64_t now)
{
	bool failed = check->failed_reason != STS_OK &&
	    check->failed_reason == check->reason;

	memset(line, 0, sizeof(*line));
	line->domain = check->domain;
	line->kind = "absent";
	line->mode = "-";
	if (failed)
		(void)snprintf(
		    line->id, sizeof(line->id), "%s", check->failed_id);
	line->since = check->checked;
	line->until = check->until;
	line->state = !sts_check_is_none(check, now) ? "expired"
	    : failed                                 ? "failed"
	    : sts_check_is_fresh(check, now)         ? "fresh"
						     : "stale";
	line->reason = check->reason;
}

void
sts_cache_fault_line(struct sts_cache_line *line, enum sts_status fault)
{
	memset(line, 0, sizeof(*line));
	line->kind = "policy";
	line->mode = "-";
	line->state = "corrupt";
	line->reason = fault;
	line->marked = true;
}

enum type {
	WORD,   /* a string; "-" is null */
	ID,     /* a char array; "" is null, and "-" for people */
	AGE,    /* the time it was, an int64_t; how long ago, for people */
	LEFT,   /* the time it will be; how long from now */
	REASON, /* enum sts_status; STS_OK is null, and nothing for people */
	MARK    /* a bool; an exclamation mark, or nothing */
};

/* One table for text and JSON, in the order of the columns. */
static const struct column {
	const char *key;
	const char *head; /* NULL: the text belongs to the column before */
	int width;        /* as printf has it: negative is to the left */
	enum type type;
	size_t offset;
} columns[] = {
#define COLUMN(key, head, width, type, member)              \
	{                                                   \
		key, head, width, type,                     \
		    offsetof(struct sts_cache_line, member) \
	}
    COLUMN("domain", "DOMAIN", -32, WORD, domain),
    COLUMN("kind", "KIND", -6, WORD, kind),
    COLUMN("mode", "MODE", -7, WORD, mode),
    COLUMN("id", "ID", -20, ID, id),
    COLUMN("since", "AGE", 6, AGE, since),
    COLUMN("expires", "LEFT", 6, LEFT, until),
    COLUMN("state", "STATE", 0, WORD, state),
    COLUMN("reason", NULL, 0, REASON, reason),
    COLUMN("long", NULL, 0, MARK, marked),
#undef COLUMN
};

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

/* The text of a column, which may be in buf; "": it takes no room. */
static const char *
text_of(char buf[STS_AGE_TEXT], const struct column *c, const void *value,
    int64_t now)
{
	const char *id = value;
	const int64_t *when = value;
	const enum sts_status *reason = value;

	switch (c->type) {
	case WORD:
		return *(const char *const *)value;
	case ID:
		return id[0] != '\0' ? id : "-";
	case AGE:
		return *when != 0 ? sts_print_short_span(buf, now - *when)
				  : "-";
	case LEFT:
		return *when != 0 ? sts_print_short_span(buf, *when - now)
				  : "-";
	case REASON:
		return *reason != STS_OK ? sts_status_name(*reason) : "";
	default:
		return *(const bool *)value ? "!" : "";
	}
}

/* The last one has no trailing blanks. */
static void
print_column(FILE *out, const struct column *c, const char *text)
{
	if (text[0] != '\0')
		(void)fprintf(
		    out, "%s%*s", c == columns ? "" : " ", c->width, text);
}

void
sts_cache_print_head(FILE *out)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (columns[i].head != NULL)
			print_column(out, &columns[i], columns[i].head);
	}
	(void)putc('\n', out);
}

void
sts_cache_print_line(FILE *out, const struct sts_cache_line *line, int64_t now)
{
	char buf[STS_AGE_TEXT];

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		const void *value = (const char *)line + columns[i].offset;

		print_column(
		    out, &columns[i], text_of(buf, &columns[i], value, now));
	}
	(void)putc('\n', out);
}

static json_t *
json_of(enum type type, const void *value)
{
	const char *id = value;
	const char *const *word = value;
	const enum sts_status *reason = value;

	switch (type) {
	case WORD:
		return strcmp(*word, "-") != 0 ? sts_json_text(*word)
					       : json_null();
	case ID:
		return id[0] != '\0' ? sts_json_text(id) : json_null();
	case AGE:
	case LEFT:
		return sts_json_time(*(const int64_t *)value);
	case REASON:
		return *reason != STS_OK ? json_string(sts_status_name(*reason))
					 : json_null();
	default:
		return json_boolean(*(const bool *)value);
	}
}

bool
sts_cache_print_json(FILE *out, const struct sts_cache_line *line)
{
	json_t *object = json_object();
	bool fine = object != NULL;

	for (size_t i = 0; fine && i < COLUMN_COUNT; i++)
		fine = sts_json_set(object, columns[i].key,
		    json_of(columns[i].type,
			(const char *)line + columns[i].offset));
	fine = fine && json_dumpf(object, out, JSON_COMPACT) == 0;
	json_decref(object);
	return fine;
}
