/* SPDX-License-Identifier: ISC */
/* A summary of reports as tables, and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/escape.h"
#include "tool/out.h"
#include "tool/query_command.h"
#include "tool/report_command.h"

enum {
	ROWS_MAX = 20, /* of a table of names; all of them are in the JSON */
	BAR_WIDTH = 30,
	RATE_UNIT = 1000
};

/* The tables, in the order in which they are printed. */
static const struct table {
	enum sts_summary_by by;
	const char *heading;
	const char *list, *name; /* of the JSON */
	bool failures_only;
} tables[] = {
    {STS_BY_DAY, "day", "days", "day", false},
    {STS_BY_TYPE, "failure", "failures", "result_type", true},
    {STS_BY_HOST, "MX host", "mx_hosts", "mx_host", true},
    {STS_BY_SENDER, "sender", "senders", "organization", false},
    {STS_BY_DOMAIN, "policy domain", "domains", "policy_domain", false},
};

const char *
sts_rate_text(char buf[STS_RATE_TEXT], int64_t rate)
{
	if (rate < 0)
		(void)snprintf(buf, STS_RATE_TEXT, "-");
	else
		(void)snprintf(buf, STS_RATE_TEXT, "%" PRId64 ".%02d %%",
		    rate / RATE_UNIT, (int)(rate % RATE_UNIT / 10));
	return buf;
}

static int64_t
most_failures(const struct sts_tally *tally)
{
	int64_t most = 0;

	for (size_t i = 0; i < tally->count; i++)
		if (tally->sorted[i]->failures > most)
			most = tally->sorted[i]->failures;
	return most;
}

void
sts_report_print_name(FILE *out, const char *name)
{
	char *text = sts_escape(name, strlen(name));
	const char *shown = text != NULL && text[0] != '\0' ? text : "-";

	(void)fprintf(out, "%-*s", STS_REPORT_NAME, shown);
	free(text);
}

static void
print_bar(FILE *out, int64_t failures, int64_t most)
{
	long double width = (long double)failures * (long double)BAR_WIDTH /
	    (long double)(most > 0 ? most : 1);

	if (failures == 0)
		return;
	(void)fputs("  ", out);
	for (int i = 0; i == 0 || i < (int)width; i++)
		(void)putc('#', out);
}

static void
print_row(FILE *out, const struct table *table, const struct sts_tally_row *row,
    int64_t most, bool bars)
{
	char rate[STS_RATE_TEXT];

	sts_report_print_name(out, row->name);
	if (!table->failures_only)
		(void)fprintf(out, " %12" PRId64, row->successes);
	(void)fprintf(out, " %12" PRId64, row->failures);
	if (!table->failures_only)
		(void)fprintf(out, " %10s",
		    sts_rate_text(
			rate, sts_success_rate(row->successes, row->failures)));
	if (bars)
		print_bar(out, row->failures, most);
	(void)putc('\n', out);
}

static void
print_table(FILE *out, const struct table *table, const struct sts_tally *tally,
    bool bars)
{
	size_t rows = tally->count;
	int64_t most = most_failures(tally);

	if (rows == 0)
		return;
	if (rows > ROWS_MAX && table->by != STS_BY_DAY)
		rows = ROWS_MAX;
	(void)fprintf(out, "\n%-*s", STS_REPORT_NAME, table->heading);
	(void)fprintf(out,
	    table->failures_only ? " %12s\n" : " %12s %12s %10s\n",
	    table->failures_only ? "failed" : "successful", "failed", "rate");
	for (size_t i = 0; i < rows; i++)
		print_row(out, table, tally->sorted[i], most, bars);
	if (rows < tally->count)
		(void)fprintf(out, "(%zu more)\n", tally->count - rows);
}

static void
print_head(FILE *out, const struct sts_reports_read *read)
{
	const struct sts_summary *summary = read->summary;
	const struct sts_tally *days = &summary->by[STS_BY_DAY];
	char rate[STS_RATE_TEXT];

	sts_print_line(out, "reports", "%" PRId64, summary->reports);
	if (days->count > 0)
		sts_print_line(out, "days", "%s to %s", days->sorted[0]->name,
		    days->sorted[days->count - 1]->name);
	sts_print_line(out, "sessions",
	    "%" PRId64 " successful, %" PRId64 " failed", summary->successes,
	    summary->failures);
	sts_print_line(out, "success rate", "%s",
	    sts_rate_text(
		rate, sts_success_rate(summary->successes, summary->failures)));
	sts_print_line(out, "left out",
	    "%" PRId64 " counted before, %" PRId64
	    " of other days or domains, %" PRId64 " unreadable, %" PRId64
	    " without a report",
	    summary->duplicates, summary->outside, read->faulty, read->without);
}

void
sts_report_print(FILE *out, const struct sts_reports_read *read, bool bars)
{
	print_head(out, read);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		print_table(out, &tables[i], &read->summary->by[tables[i].by],
		    bars && tables[i].by == STS_BY_DAY);
}

static json_t *
json_rate(int64_t successes, int64_t failures)
{
	int64_t rate = sts_success_rate(successes, failures);

	return rate < 0 ? json_null()
			: json_real((double)rate / (double)RATE_UNIT);
}

/* The counts, where there are successes with the rate. */
static bool
set_counts(json_t *object, int64_t successes, int64_t failures, bool both)
{
	if (both &&
	    (!sts_json_set(object, "successful", json_integer(successes)) ||
		!sts_json_set(
		    object, "success_rate", json_rate(successes, failures))))
		return false;
	return sts_json_set(object, "failed", json_integer(failures));
}

static json_t *
json_row(const struct table *table, const struct sts_tally_row *row)
{
	json_t *object = json_object();
	bool good = object != NULL &&
	    sts_json_set(object, table->name,
		row->name[0] != '\0' ? sts_json_text(row->name)
				     : json_null()) &&
	    set_counts(
		object, row->successes, row->failures, !table->failures_only);

	if (good)
		return object;
	json_decref(object);
	return NULL;
}

/* Lines of an object inside others; its last `cut` bytes are left out. */
static bool
write_object(FILE *out, json_t *object, const char *indent, size_t cut)
{
	char *text = object != NULL
	    ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(6))
	    : NULL;
	size_t len = text != NULL ? strlen(text) - cut : 0;

	for (size_t i = 0; i < len; i++) {
		(void)putc(text[i], out);
		if (text[i] == '\n')
			(void)fputs(indent, out);
	}
	free(text);
	json_decref(object);
	return text != NULL;
}

static bool
write_table(FILE *out, const struct table *table, const struct sts_tally *tally)
{
	(void)fprintf(out, ",\n  \"%s\": [", table->list);
	for (size_t i = 0; i < tally->count; i++) {
		(void)fputs(i > 0 ? ",\n    " : "\n    ", out);
		if (!write_object(
			out, json_row(table, tally->sorted[i]), "    ", 0))
			return false;
	}
	(void)fputs(tally->count > 0 ? "\n  ]" : "]", out);
	return true;
}

static bool
set_head(json_t *root, const struct sts_reports_read *read)
{
	const struct sts_summary *summary = read->summary;

	return sts_json_set(root, "reports", json_integer(summary->reports)) &&
	    sts_json_set(
		root, "duplicates", json_integer(summary->duplicates)) &&
	    sts_json_set(root, "outside", json_integer(summary->outside)) &&
	    sts_json_set(root, "unreadable", json_integer(read->faulty)) &&
	    sts_json_set(root, "without_report", json_integer(read->without)) &&
	    set_counts(root, summary->successes, summary->failures, true);
}

/* Row by row, since all of them as objects take ten times their memory. */
bool
sts_report_print_json(FILE *out, const struct sts_reports_read *read)
{
	json_t *head = json_object();
	bool good = head != NULL && set_head(head, read);

	if (!good)
		json_decref(head);
	good = good && write_object(out, head, "", strlen("\n}"));
	for (size_t i = 0; good && i < sizeof(tables) / sizeof(tables[0]); i++)
		good = write_table(
		    out, &tables[i], &read->summary->by[tables[i].by]);
	if (good)
		(void)fputs("\n}\n", out);
	return good && !ferror(out);
}
