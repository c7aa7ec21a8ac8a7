/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report read`: reads what its operands name, names on standard error
 * what is wrong, and prints a summary of the rest.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/escape.h"
#include "base/limits.h"
#include "core/domain.h"
#include "report/report.h"
#include "report/summary.h"
#include "tool/report_command.h"
#include "tool/report_opener.h"
#include "tool/tool.h"

enum {
	TWICE_MAX = 20, /* domains counted before that are named, of a report */
	PERCENT_DIGITS = 3,
	RATE_OF_PERCENT = 1000,
	MEMORY_MIB = 256 /* with each bound reached, less than that is used */
};

struct reading {
	struct sts_tool *tool;
	struct sts_reports_read read;
	const char *operand; /* the one that is being read */
	const char *where;   /* the report that is being read */
	unsigned twice;      /* policy domains of it counted before */
	bool no_memory;
};

/* "mta-sts: WHERE: [PLACE: ]TEXT" on standard error, escaped. */
static void
complain(const struct reading *reading, const char *where, const char *place,
    const char *text)
{
	FILE *err = reading->tool->err;

	(void)fputs("mta-sts: ", err);
	sts_escape_write(err, where, strlen(where));
	(void)fputs(": ", err);
	sts_escape_write(err, place, strlen(place));
	(void)fputs(place[0] != '\0' ? ": " : "", err);
	sts_escape_write(err, text, strlen(text));
	(void)putc('\n', err);
}

static void
on_report_fault(void *arg, const char *place, const char *reason)
{
	const struct reading *reading = arg;

	complain(reading, reading->where, place, reason);
}

static void
on_duplicate(void *arg, const char *domain, const char *where)
{
	struct reading *reading = arg;
	char text[1024];

	if (reading->twice++ >= TWICE_MAX)
		return;
	(void)snprintf(text, sizeof(text), "has been counted in %s", where);
	complain(reading, reading->where, domain[0] != '\0' ? domain : "report",
	    text);
}

/* The others, which are not named. */
static void
end_duplicates(struct reading *reading)
{
	char text[80];

	if (reading->twice > TWICE_MAX) {
		(void)snprintf(text, sizeof(text),
		    "%u more have been counted before",
		    reading->twice - TWICE_MAX);
		complain(reading, reading->where, "", text);
	}
	reading->twice = 0;
}

static void
on_fault(void *arg, const char *where, const char *reason)
{
	struct reading *reading = arg;

	reading->read.faulty++;
	complain(reading, where, "", reason);
}

static void
on_json(void *arg, const char *where, const char *json, size_t len)
{
	struct reading *reading = arg;
	struct sts_report report;
	const char *refused = NULL;

	reading->where = where;
	if (!sts_report_parse(&report, json, len, on_report_fault, reading))
		reading->read.faulty++;
	else
		refused = sts_summary_add(reading->read.summary, &report, where,
		    on_duplicate, reading);
	end_duplicates(reading);
	if (refused == sts_summary_no_memory)
		reading->no_memory = true;
	if (refused != NULL)
		on_fault(arg, where, refused);
	sts_report_free(&report);
}

/* Said of what was named itself: folders and mboxes have other mail as well. */
static void
on_none(void *arg, const char *where, const char *reason)
{
	struct reading *reading = arg;

	if (strcmp(where, reading->operand) == 0 ||
	    strcmp(reading->operand, "-") == 0)
		on_fault(arg, where, reason);
	else
		reading->read.without++;
}

/* "99.9" as 99900; false for what is no number from 0 to 100. */
static bool
parse_percent(const char *text, int64_t *rate)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	int64_t whole, part = 0;
	const char *begin;

	if (!sts_cursor_number(&c, PERCENT_DIGITS, &whole))
		return false;
	if (sts_cursor_byte(&c, '.')) {
		begin = c.p;
		if (!sts_cursor_number(&c, PERCENT_DIGITS, &part))
			return false;
		for (long digits = c.p - begin; digits < PERCENT_DIGITS;
		     digits++)
			part *= 10;
	}
	(void)sts_cursor_byte(&c, '%');
	*rate = whole * RATE_OF_PERCENT + part;
	return sts_cursor_left(&c) == 0 && *rate <= 100 * RATE_OF_PERCENT;
}

/* *least is -1 without --warn-below. */
static int
parse_options(
    struct sts_tool *tool, struct sts_summary_filter *filter, int64_t *least)
{
	const struct sts_args *args = &tool->args;
	enum sts_status status;
	int code;

	*least = -1;
	*filter = (struct sts_summary_filter){0, INT64_MAX, ""};
	if (args->warn_below != NULL && !parse_percent(args->warn_below, least))
		return sts_report_bad_option(tool, "--warn-below",
		    args->warn_below,
		    "is no number from 0 to 100 with at most three decimals");
	code = sts_report_days(tool, &filter->first_day, &filter->last_day);
	if (code != STS_EXIT_OK || args->domain == NULL)
		return code;
	status = sts_domain_normalise(args->domain, filter->domain);
	return status == STS_OK ? STS_EXIT_OK
				: sts_report_bad_option(tool, "--domain",
				      args->domain, sts_status_text(status));
}

static bool
has_read_nothing(const struct reading *reading)
{
	const struct sts_summary *summary = reading->read.summary;

	return summary->reports + summary->duplicates + summary->outside == 0;
}

/* Whether it is below what was asked for, which is said. */
static int
compare_rate(const struct reading *reading, int64_t least)
{
	const struct sts_summary *summary = reading->read.summary;
	int64_t rate = sts_success_rate(summary->successes, summary->failures);
	char text[STS_RATE_TEXT];

	if (rate < 0 || rate >= least)
		return STS_EXIT_OK;
	(void)fprintf(reading->tool->err,
	    "mta-sts: the success rate, %s, is below %s %%\n",
	    sts_rate_text(text, rate), reading->tool->args.warn_below);
	return STS_EXIT_NO;
}

static int
print(struct reading *reading, int64_t least)
{
	struct sts_tool *tool = reading->tool;
	int fd = fileno(tool->out);
	bool json = (tool->args.given & STS_OPT_JSON) != 0;

	if (reading->no_memory || !sts_summary_sort(reading->read.summary))
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	if (json && !sts_report_print_json(tool->out, &reading->read))
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	if (!json)
		sts_report_print(
		    tool->out, &reading->read, fd >= 0 && isatty(fd));
	if (has_read_nothing(reading))
		return sts_tool_outside(tool, "no report could be read");
	/* A stranger's report may be what took the room of the others. */
	if (reading->read.summary->full)
		return sts_tool_outside(tool,
		    "the sums are incomplete: reports did not fit; read fewer "
		    "at once, or with --domain or --date");
	return compare_rate(reading, least);
}

int
sts_tool_report_read(struct sts_tool *tool)
{
	struct reading reading = {.tool = tool};
	struct sts_inbox_sink sink = {on_json, on_fault, on_none, &reading};
	struct sts_summary_filter filter;
	struct sts_opener opener;
	int64_t least;
	int code = parse_options(tool, &filter, &least);

	sts_limit_memory(MEMORY_MIB);
	if (code == STS_EXIT_OK)
		code = sts_opener_begin(&opener, tool);
	if (code != STS_EXIT_OK)
		return code;
	reading.read.summary = sts_summary_create(&filter);
	if (reading.read.summary == NULL) {
		sts_opener_end(&opener);
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	}
	for (size_t i = 0; i < tool->operand_count; i++) {
		reading.operand = tool->operand[i];
		sts_opener_read(&opener, reading.operand, &sink);
	}
	sts_opener_end(&opener);
	code = print(&reading, least);
	sts_summary_destroy(reading.read.summary);
	return code;
}
