/* SPDX-License-Identifier: ISC */
/*
 * A domain's policy, or why it has none: one table for text and JSON, so that
 * both have the same content. mta-sts(1) promises that all keys are always
 * present, so that a script finds null and not a missing key.
 */
#include "tool/query_command.h"

#include <stddef.h>

#include "tool/out.h"

enum part {
	POLICY,  /* there is one */
	FAILURE, /* and its last fetch failed */
	NONE     /* there is none, for a known reason */
};

enum type {
	ID,       /* a char array; "" is null */
	MODE,     /* enum sts_mode */
	SPAN,     /* an int64_t in seconds */
	PATTERNS, /* a policy's, lower case, in file order */
	TIME,     /* an int64_t; 0, never, is null */
	REASON    /* enum sts_status */
};

static const struct field {
	enum part part;
	const char *section; /* of the JSON; NULL: its top */
	const char *key;
	const char *label; /* of the text; NULL: shown by the next field */
	enum type type;
	size_t offset;
} fields[] = {
#define FIELD(part, section, key, label, type, member)  \
	{                                               \
		part, section, key, label, type,        \
		    offsetof(struct sts_answer, member) \
	}
    FIELD(POLICY, NULL, "record_id", "record id", ID, entry.id),
    FIELD(POLICY, "policy", "mode", "policy mode", MODE, entry.policy.mode),
    FIELD(POLICY, "policy", "max_age", "max_age", SPAN, entry.policy.max_age),
    FIELD(POLICY, "policy", "mx", "mx pattern", PATTERNS, entry.policy),
    FIELD(POLICY, NULL, "fetched", "fetched", TIME, entry.fetched),
    FIELD(POLICY, NULL, "expires", "expires", TIME, entry.expires),
    FIELD(
	POLICY, NULL, "record_checked", "record checked", TIME, check.checked),
    FIELD(FAILURE, "failed_fetch", "id", NULL, ID, check.failed_id),
    FIELD(FAILURE, "failed_fetch", "reason", "failed fetch", REASON,
	check.failed_reason),
    FIELD(FAILURE, "failed_fetch", "since", "failed since", TIME,
	check.failed_since),
    FIELD(FAILURE, "failed_fetch", "next_attempt", "next attempt", TIME,
	check.failed_next),
    FIELD(NONE, "absence", "reason", "policy", REASON, check.reason),
    FIELD(NONE, NULL, "record_id", "record id", ID, check.failed_id),
    FIELD(NONE, "absence", "looked_up", "looked up", TIME, check.checked),
    FIELD(NONE, "absence", "until", "next query", TIME, check.until),
#undef FIELD
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

static const void *
value_of(const struct sts_answer *answer, const struct field *f)
{
	return (const char *)answer + f->offset;
}

static bool
applies(const struct sts_answer *answer, enum part part)
{
	switch (part) {
	case POLICY:
		return answer->has_entry;
	case FAILURE:
		return answer->has_entry &&
		    answer->check.failed_reason != STS_OK;
	default:
		return !answer->has_entry && answer->has_check;
	}
}

/* One line each: a policy may have hundreds. */
static void
print_patterns(FILE *out, const char *label, const struct sts_policy *policy)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	while (sts_policy_mx_next(policy, &walk, pattern))
		sts_print_line(out, label, "%s", pattern);
}

static void
print_reason(FILE *out, const struct field *f, enum sts_status reason,
    const char *failed_id)
{
	bool none = f->part == NONE;
	const char *id = failed_id[0] != '\0' ? failed_id : "-";

	sts_print_line(out, f->label, "%s%s: %s (%s)", none ? "none" : "id ",
	    none ? "" : id, sts_status_text(reason), sts_status_name(reason));
}

static void
print_field(FILE *out, const struct sts_answer *answer, const struct field *f,
    int64_t now)
{
	const void *value = value_of(answer, f);
	const char *id = value;
	const int64_t *number = value;
	char span[STS_AGE_TEXT];

	switch (f->type) {
	case ID:
		if (id[0] != '\0' || f->part == POLICY)
			sts_print_line(
			    out, f->label, "%s", id[0] != '\0' ? id : "-");
		break;
	case MODE:
		sts_print_line(out, f->label, "%s",
		    sts_mode_name(*(const enum sts_mode *)value));
		break;
	case SPAN:
		sts_print_line(out, f->label, "%lld (%s)", (long long)*number,
		    sts_print_span(span, *number));
		break;
	case PATTERNS:
		print_patterns(out, f->label, value);
		break;
	case TIME:
		sts_print_time_line(out, f->label, *number, now);
		break;
	case REASON:
		print_reason(out, f, *(const enum sts_status *)value,
		    answer->check.failed_id);
		break;
	}
}

void
sts_query_print_fields(FILE *out, const struct sts_answer *answer, int64_t now)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (fields[i].label != NULL && applies(answer, fields[i].part))
			print_field(out, answer, &fields[i], now);
	}
}

static json_t *
patterns_json(const struct sts_policy *policy)
{
	json_t *array = json_array();
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	while (sts_policy_mx_next(policy, &walk, pattern))
		array = sts_json_append(array, sts_json_text(pattern));
	return array;
}

static json_t *
field_json(const struct sts_answer *answer, const struct field *f)
{
	const void *value = value_of(answer, f);
	const char *id = value;

	switch (f->type) {
	case ID:
		return id[0] != '\0' ? sts_json_text(id) : json_null();
	case MODE:
		return json_string(
		    sts_mode_name(*(const enum sts_mode *)value));
	case SPAN:
		return json_integer(*(const int64_t *)value);
	case PATTERNS:
		return patterns_json(value);
	case TIME:
		return sts_json_time(*(const int64_t *)value);
	default:
		return json_string(
		    sts_status_name(*(const enum sts_status *)value));
	}
}

bool
sts_query_set_fields(json_t *object, const struct sts_answer *answer)
{
	bool fine = true;

	for (size_t i = 0; fine && i < FIELD_COUNT; i++) {
		const struct field *f = &fields[i];
		const char *top = f->section != NULL ? f->section : f->key;

		if (applies(answer, f->part))
			fine = sts_json_set(f->section != NULL
				? sts_json_section(object, f->section)
				: object,
			    f->key, field_json(answer, f));
		else if (json_object_get(object, top) == NULL)
			fine = sts_json_set(object, top, json_null());
	}
	return fine;
}
