/* SPDX-License-Identifier: ISC */
/*
 * A day of `report show`.  As text, a domain that belongs into the table is
 * rendered at once, since what is known of it ends with the call; a domain that
 * a worse one displaces is dropped.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/escape.h"
#include "tool/query_command.h"
#include "tool/report_command.h"

enum {
	ROWS_MAX = 20,    /* domains of a day */
	FAILURES_MAX = 5, /* of each, unless one domain is asked for */
	RATE_UNIT = 1000
};

struct sts_report_row {
	char domain[STS_NAME_MAX + 1];
	int64_t successes, failures;
	char *text;
};

struct counts {
	int64_t successes, failures;
};

static struct counts
count(const struct sts_aggregate_policy *policies, size_t n)
{
	struct counts sum = {0, 0};

	for (size_t i = 0; i < n; i++) {
		sum.successes += policies[i].report.successes;
		sum.failures += policies[i].report.failures;
	}
	return sum;
}

static void
print_counts(FILE *out, const char *name, int64_t successes, int64_t failures)
{
	char rate[STS_RATE_TEXT];

	sts_report_print_name(out, name);
	(void)fprintf(out, " %12" PRId64 " %12" PRId64 " %10s\n", successes,
	    failures,
	    sts_rate_text(rate, sts_success_rate(successes, failures)));
}

/* A failure, and the policy under which it happened. */
struct failed {
	enum sts_policy_type type;
	const struct sts_report_failure *failure;
};

/* Most sessions first, then as they came. */
static int
compare_failed(const void *a, const void *b)
{
	const struct sts_report_failure *x =
	    ((const struct failed *)a)->failure;
	const struct sts_report_failure *y =
	    ((const struct failed *)b)->failure;

	if (x->sessions != y->sessions)
		return x->sessions < y->sessions ? 1 : -1;
	return (x > y) - (x < y);
}

/* All of them, sorted; NULL: no memory, or none. */
static struct failed *
sort_failures(
    const struct sts_aggregate_policy *policies, size_t n, size_t *total)
{
	struct failed *list;
	size_t used = 0;

	*total = 0;
	for (size_t i = 0; i < n; i++)
		*total += policies[i].report.failure_count;
	list = *total > 0 ? calloc(*total, sizeof(*list)) : NULL;
	for (size_t i = 0; list != NULL && i < n; i++)
		for (size_t j = 0; j < policies[i].report.failure_count; j++)
			list[used++] = (struct failed){policies[i].report.type,
			    &policies[i].report.failure[j]};
	if (list != NULL)
		qsort(list, used, sizeof(*list), compare_failed);
	return list;
}

static void
print_escaped(FILE *out, const char *before, const char *text, const char *end)
{
	if (text[0] == '\0')
		return;
	(void)fputs(before, out);
	sts_escape_write(out, text, strlen(text));
	(void)fputs(end, out);
}

/* "12 certificate-expired, sts, MX [ADDRESS] from [OURS], REASON: MORE" */
static void
print_failure(FILE *out, const struct failed *failed)
{
	const struct sts_report_failure *f = failed->failure;

	(void)fprintf(out, "  %10" PRId64 " %s, %s", f->sessions,
	    sts_result_name(f->result), sts_policy_type_name(failed->type));
	print_escaped(out, ", ", f->receiving_mx, "");
	print_escaped(out, " [", f->receiving_ip, "]");
	print_escaped(out, " from [", f->sending_ip, "]");
	print_escaped(out, ", ", f->reason, "");
	print_escaped(out, ": ", f->additional, "");
	(void)putc('\n', out);
}

bool
sts_report_domain_text(FILE *out, const char *domain,
    const struct sts_aggregate_policy *policies, size_t n, size_t limit)
{
	struct counts sum = count(policies, n);
	size_t total;
	struct failed *list = sort_failures(policies, n, &total);

	print_counts(out, domain, sum.successes, sum.failures);
	for (size_t i = 0; list != NULL && i < total && i < limit; i++)
		print_failure(out, &list[i]);
	if (total > limit)
		(void)fprintf(
		    out, "  (%zu more kinds of failure)\n", total - limit);
	free(list);
	return list != NULL || total == 0;
}

/* Whether `a` comes before `b`: more failures, more sessions, its name. */
static bool
comes_before(const struct sts_report_row *a, const struct sts_report_row *b)
{
	if (a->failures != b->failures)
		return a->failures > b->failures;
	if (a->successes != b->successes)
		return a->successes > b->successes;
	return strcmp(a->domain, b->domain) < 0;
}

/* Puts a row where it belongs; the last one leaves a full table. */
static void
insert(struct sts_report_day *day, const struct sts_report_row *row)
{
	size_t at = day->row_count;

	while (at > 0 && comes_before(row, &day->row[at - 1]))
		at--;
	if (day->row_count == ROWS_MAX)
		free(day->row[--day->row_count].text);
	memmove(&day->row[at + 1], &day->row[at],
	    (day->row_count - at) * sizeof(*row));
	day->row[at] = *row;
	day->row_count++;
}

static bool
is_among_first(
    const struct sts_report_day *day, const struct sts_report_row *row)
{
	return day->row_count < ROWS_MAX ||
	    comes_before(row, &day->row[ROWS_MAX - 1]);
}

static char *
render(const struct sts_report_day *day, const char *domain,
    const struct sts_aggregate_policy *policies, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool good = out != NULL &&
	    sts_report_domain_text(
		out, domain, policies, n, day->all ? SIZE_MAX : FAILURES_MAX);

	if (out != NULL && fclose(out) == 0 && good)
		return text;
	free(text);
	return NULL;
}

static bool
add_row(struct sts_report_day *day, const char *domain,
    const struct sts_aggregate_policy *policies, size_t n)
{
	struct counts sum = count(policies, n);
	struct sts_report_row row = {"", sum.successes, sum.failures, NULL};

	if (day->row == NULL)
		day->row = calloc(ROWS_MAX, sizeof(*day->row));
	if (day->row == NULL)
		return false;
	(void)snprintf(row.domain, sizeof(row.domain), "%s", domain);
	if (!is_among_first(day, &row))
		return true;
	row.text = render(day, domain, policies, n);
	if (row.text != NULL)
		insert(day, &row);
	return row.text != NULL;
}

static bool
write_json(struct sts_report_day *day, const char *domain,
    const struct sts_aggregate_policy *policies, size_t n)
{
	json_t *object = sts_report_domain_json(domain, policies, n);
	bool good;

	if (object == NULL)
		return false;
	if (day->domains == 0)
		(void)fprintf(day->out,
		    "%s\n    {\n      \"day\": \"%s\",\n      \"domains\": [",
		    day->later ? "," : "", day->date);
	(void)fputs(day->domains == 0 ? "\n        " : ",\n        ", day->out);
	good = json_dumpf(object, day->out, JSON_REAL_PRECISION(6)) == 0;
	json_decref(object);
	return good;
}

void
sts_report_day_add(struct sts_report_day *day, const char *domain,
    const struct sts_aggregate_policy *policies, size_t n)
{
	struct counts sum = count(policies, n);
	bool good = day->json ? write_json(day, domain, policies, n)
			      : add_row(day, domain, policies, n);

	if (!good) {
		day->failed = true;
		return;
	}
	day->domains++;
	day->successes += sum.successes;
	day->failures += sum.failures;
}

static void
end_json(struct sts_report_day *day)
{
	int64_t rate = sts_success_rate(day->successes, day->failures);

	(void)fprintf(day->out,
	    "\n      ],\n      \"successful\": %" PRId64
	    ",\n      \"failed\": %" PRId64 ",\n      \"success_rate\": ",
	    day->successes, day->failures);
	if (rate < 0)
		(void)fputs("null", day->out);
	else
		(void)fprintf(day->out, "%" PRId64 ".%03d", rate / RATE_UNIT,
		    (int)(rate % RATE_UNIT));
	(void)fputs("\n    }", day->out);
}

static void
end_text(struct sts_report_day *day)
{
	char name[STS_DATE_TEXT + 10];

	(void)snprintf(name, sizeof(name), "%s%s", day->date,
	    day->so_far ? " (so far)" : "");
	(void)fprintf(day->out, "%s%-*s %12s %12s %10s\n",
	    day->later ? "\n" : "", STS_REPORT_NAME, name, "successful",
	    "failed", "rate");
	for (size_t i = 0; i < day->row_count; i++)
		(void)fputs(day->row[i].text, day->out);
	if (day->domains > (int64_t)day->row_count)
		(void)fprintf(day->out, "(%" PRId64 " more domains)\n",
		    day->domains - (int64_t)day->row_count);
	if (day->domains > 1)
		print_counts(day->out, "all", day->successes, day->failures);
}

void
sts_report_day_end(struct sts_report_day *day)
{
	if (day->domains > 0 && day->json)
		end_json(day);
	else if (day->domains > 0)
		end_text(day);
	for (size_t i = 0; i < day->row_count; i++)
		free(day->row[i].text);
	free(day->row);
	day->row = NULL;
	day->row_count = 0;
}
