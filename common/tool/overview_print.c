/* SPDX-License-Identifier: ISC */
/*
 * One table for text and JSON, so that both have the same content. mta-sts(1)
 * promises the sections and names: fields may be added, but not removed, and
 * all are always present.
 */
#include "tool/overview.h"

#include <string.h>

#include <jansson.h>

#include "base/escape.h"
#include "tool/out.h"
#include "tool/query_command.h"

enum type {
	TEXT,   /* a char array; "" is null */
	NUMBER, /* an int64_t; STS_OVERVIEW_UNKNOWN is null */
	SPAN,   /* likewise, in seconds */
	TIME,   /* likewise; 0, never, is null too */
	COUNTS  /* a struct sts_overview_counts */
};

static const struct field {
	const char *section, *name; /* of the JSON */
	const char *label;          /* of the text, at most 14 bytes */
	enum type type;
	size_t offset;
	const char *empty; /* of a text: shown for "", unless NULL */
} fields[] = {
#define FIELD(section, name, label, type, member, empty)         \
	{                                                        \
		section, name, label, type,                      \
		    offsetof(struct sts_overview, member), empty \
	}
    FIELD("configuration", "file", "configuration", TEXT, config_file,
	"built-in values"),
    FIELD("configuration", "bad_lines", "bad lines", NUMBER, bad_lines, NULL),
    FIELD("state", "directory", "state-dir", TEXT, state_dir, "not set"),
    FIELD("state", "owner", "owner", TEXT, owner,
	"directory missing or unreadable"),
    FIELD("state", "group", "group", TEXT, group,
	"directory missing or unreadable"),
    FIELD(
	"state", "mode", "mode", TEXT, mode, "directory missing or unreadable"),
    FIELD("policies", "count", "policies", NUMBER, policies, NULL),
    FIELD("policies", "max", "policies-max", NUMBER, policies_max, NULL),
    FIELD("policies", "read", "policies read", NUMBER, policies_read, NULL),
    FIELD("policies", "enforce", "enforce", NUMBER, enforced, NULL),
    FIELD("policies", "testing", "testing", NUMBER, testing, NULL),
    FIELD("policies", "none", "none", NUMBER, none, NULL),
    FIELD("policies", "expired", "expired", NUMBER, expired, NULL),
    FIELD("policies", "corrupt", "corrupt", NUMBER, corrupt, NULL),
    FIELD("checks", "count", "checks", NUMBER, checks, NULL),
    FIELD("checks", "max", "checks-max", NUMBER, checks_max, NULL),
    FIELD("routes", "count", "routes", NUMBER, routes, NULL),
    FIELD("refresh", "newest_fetch", "newest fetch", TIME, newest, NULL),
    FIELD("refresh", "next_due", "next due", TIME, next_due, NULL),
    FIELD("refresh", "overdue", "overdue", NUMBER, overdue, NULL),
    FIELD("refresh", "failing", "failing", NUMBER, failing, NULL),
    FIELD("refresh", "failing_long", "over a day", NUMBER, failing_long, NULL),
    FIELD("refresh", "ending_soon", "ending soon", NUMBER, ending, NULL),
    FIELD("refresh", "oldest_fetch", "oldest fetch", TIME, oldest, NULL),
    FIELD(
	"refresh", "least_max_age", "least max_age", SPAN, least_max_age, NULL),
    FIELD("refresh", "last_round", "last round", TIME, last_round, NULL),
    FIELD("refresh", "job", "refreshed by", TEXT, job,
	"no timer or cron job found"),
    FIELD("resolver", "path", "resolver", TEXT, resolver, "not set"),
    FIELD(
	"resolver", "state", "resolver is", TEXT, resolver_state, "not tried"),
    FIELD("fetcher", "path", "fetcher", TEXT, fetcher, "not set"),
    FIELD("fetcher", "state", "fetcher is", TEXT, fetcher_state, "not tried"),
    FIELD("nameservers", "count", "name servers", NUMBER, nameservers, NULL),
    FIELD("nameservers", "answering", "that answer", NUMBER,
	nameservers_answering, NULL),
    FIELD("nameservers", "last_answer", "last answer", TIME, last_answer, NULL),
    FIELD("lookups", "results", "lookups", COUNTS, lookups, NULL),
    FIELD("lookups", "refreshes", "refreshes", COUNTS, refreshes, NULL),
    FIELD("deferred", "last_day", "waited today", NUMBER, deferred, NULL),
    FIELD("deferred", "last_hour_by_fault", "by our fault", NUMBER,
	deferred_by_fault, NULL),
    FIELD("deferred", "reasons", "because of", COUNTS, deferred_why, NULL),
    FIELD("deferred", "domains", "last of them", TEXT, deferred_domains, NULL),
    FIELD("unprotected", "domain", "unprotected", TEXT, unprotected, NULL),
    FIELD("unprotected", "when", "at", TIME, unprotected_when, NULL),
    FIELD("exim", "configuration", "Exim", TEXT, exim,
	"no configuration found that uses the policies"),
    FIELD("opensmtpd", "configuration", "OpenSMTPD", TEXT, smtpd,
	"no configuration found that uses the policies"),
    FIELD("reports", "state", "TLS reports", TEXT, reports, NULL),
    FIELD("reports", "from", "from", TEXT, report_from, NULL),
    FIELD("reports", "submitter", "submitter", TEXT, report_submitter, NULL),
    FIELD("reports", "recorded", "recorded", TEXT, report_recorded, NULL),
    FIELD("reports", "last_run", "last sent", TIME, report_last_run, NULL),
    FIELD("reports", "sent", "sent", NUMBER, reports_sent, NULL),
    FIELD("reports", "waiting", "waiting", NUMBER, reports_waiting, NULL),
    FIELD("reports", "lost", "lost", NUMBER, reports_lost, NULL),
    FIELD("reports", "job", "sent by", TEXT, report_job, NULL),
    FIELD("reports", "dkim_key", "DKIM key", TEXT, report_key, NULL),
#undef FIELD
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

void
sts_overview_forget(struct sts_overview *o)
{
	static const int64_t unknown = STS_OVERVIEW_UNKNOWN;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (fields[i].type != TEXT && fields[i].type != COUNTS)
			memcpy((char *)o + fields[i].offset, &unknown,
			    sizeof(unknown));
	}
}

static const char *
text_of(const struct sts_overview *o, const struct field *f)
{
	return (const char *)o + f->offset;
}

static int64_t
number_of(const struct sts_overview *o, const struct field *f)
{
	int64_t value;

	memcpy(&value, (const char *)o + f->offset, sizeof(value));
	return value;
}

static const struct sts_overview_counts *
counts_of(const struct sts_overview *o, const struct field *f)
{
	return (const void *)((const char *)o + f->offset);
}

static void
print_counts(
    FILE *out, const char *label, const struct sts_overview_counts *counts)
{
	char text[STS_OVERVIEW_TEXT] = "";
	size_t used = 0;

	for (size_t i = 0; i < counts->count; i++) {
		int got = snprintf(text + used, sizeof(text) - used,
		    "%s%s %lld", i > 0 ? ", " : "", counts->item[i].token,
		    (long long)counts->item[i].number);

		if (got < 0 || (size_t)got >= sizeof(text) - used)
			break;
		used += (size_t)got;
	}
	if (used > 0)
		sts_print_line(out, label, "%s", text);
}

static void
print_number(FILE *out, const struct sts_overview *o, const struct field *f)
{
	int64_t value = number_of(o, f);
	char span[STS_AGE_TEXT];

	if (value == STS_OVERVIEW_UNKNOWN)
		return;
	if (f->type == TIME)
		sts_print_time_line(out, f->label, value, o->now);
	else if (f->type == SPAN)
		sts_print_line(
		    out, f->label, "%s", sts_print_span(span, value));
	else
		sts_print_line(out, f->label, "%lld", (long long)value);
}

static bool
is_wanted(const struct sts_overview *o, const struct field *f)
{
	return o->only == NULL || strcmp(o->only, f->section) == 0;
}

/* Unknown values are left out; the findings say why. */
static void
print_field(FILE *out, const struct sts_overview *o, const struct field *f)
{
	if (f->type == TEXT && text_of(o, f)[0] != '\0')
		sts_print_line(out, f->label, "%s", text_of(o, f));
	else if (f->type == TEXT && o->loaded && f->empty != NULL)
		sts_print_line(out, f->label, "%s", f->empty);
	else if (f->type == COUNTS)
		print_counts(out, f->label, counts_of(o, f));
	else if (f->type != TEXT)
		print_number(out, o, f);
}

static void
print_findings(FILE *out, const struct sts_overview *o)
{
	for (size_t i = 0; i < o->problem_count; i++) {
		const struct sts_overview_problem *p = &o->problems[i];
		struct sts_finding finding = {
		    p->severity, p->place, p->text, p->fix};

		if (p->text != NULL)
			sts_finding_print(out, &finding);
	}
}

/* The conclusion is the last line. */
static void
print_verdict(FILE *out, const struct sts_overview *o)
{
	unsigned count = o->findings.count[STS_FIND_ERROR] +
	    o->findings.count[STS_FIND_WARNING];

	if (count > 0)
		(void)fprintf(
		    out, "%u problem%s\n", count, count == 1 ? "" : "s");
	else if (o->unseen.count > 0)
		(void)fprintf(out, "no problem found in what was seen\n");
	else
		(void)fprintf(out, "no problem found\n");
}

void
sts_overview_print(FILE *out, const struct sts_overview *o)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (is_wanted(o, &fields[i]))
			print_field(out, o, &fields[i]);
	(void)putc('\n', out);
	print_findings(out, o);
	for (size_t i = 0; i < o->unseen.count; i++) {
		(void)fputs("not seen as this user: ", out);
		sts_escape_write(
		    out, o->unseen.name[i], strlen(o->unseen.name[i]));
		(void)putc('\n', out);
	}
	print_verdict(out, o);
}

static json_t *
counts_json(const struct sts_overview_counts *counts)
{
	json_t *object = json_object();

	for (size_t i = 0; object != NULL && i < counts->count; i++)
		if (!sts_json_set(object, counts->item[i].token,
			json_integer(counts->item[i].number))) {
			json_decref(object);
			object = NULL;
		}
	return object;
}

static json_t *
field_json(const struct sts_overview *o, const struct field *f)
{
	if (f->type == TEXT)
		return text_of(o, f)[0] != '\0' ? sts_json_text(text_of(o, f))
						: json_null();
	if (f->type == COUNTS)
		return counts_json(counts_of(o, f));
	if (number_of(o, f) == STS_OVERVIEW_UNKNOWN)
		return json_null();
	return f->type == TIME ? sts_json_time(number_of(o, f))
			       : json_integer(number_of(o, f));
}

static bool
set_fields(json_t *object, const struct sts_overview *o)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		json_t *section;

		if (!is_wanted(o, &fields[i]))
			continue;
		section = sts_json_section(object, fields[i].section);
		if (section == NULL ||
		    !sts_json_set(
			section, fields[i].name, field_json(o, &fields[i])))
			return false;
	}
	return true;
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? sts_json_text(text) : json_null();
}

static json_t *
findings_json(const struct sts_overview *o)
{
	json_t *array = json_array();

	for (size_t i = 0; i < o->problem_count; i++) {
		const struct sts_overview_problem *p = &o->problems[i];

		array = sts_json_append(array,
		    json_pack("{s:s, s:o, s:o, s:o}", "severity",
			sts_severity_name(p->severity), "place",
			text_or_null(p->place), "text", text_or_null(p->text),
			"fix", text_or_null(p->fix)));
	}
	return array;
}

static json_t *
unseen_json(const struct sts_overview *o)
{
	json_t *array = json_array();

	for (size_t i = 0; i < o->unseen.count; i++)
		array =
		    sts_json_append(array, sts_json_text(o->unseen.name[i]));
	return array;
}

bool
sts_overview_print_json(FILE *out, const struct sts_overview *o)
{
	json_t *object = json_object();
	bool fine = object != NULL &&
	    sts_json_set(object, "ok",
		json_boolean(sts_overview_exit(o) == STS_EXIT_OK)) &&
	    set_fields(object, o) &&
	    sts_json_set(object, "findings", findings_json(o)) &&
	    sts_json_set(object, "unseen", unseen_json(o)) &&
	    sts_json_set(object, "now", sts_json_time(o->now)) &&
	    sts_json_print(out, object);

	json_decref(object);
	return fine;
}

int
sts_overview_exit(const struct sts_overview *o)
{
	if (o->findings.count[STS_FIND_ERROR] +
		o->findings.count[STS_FIND_WARNING] >
	    0)
		return STS_EXIT_NO;
	return o->blind ? STS_EXIT_OUTSIDE : STS_EXIT_OK;
}
