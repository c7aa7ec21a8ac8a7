/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report show`: what was recorded of our own sessions, day by day.  It
 * is what reports to these domains say, whether they are sent or not.
 */
#include <string.h>

#include "core/domain.h"
#include "report/aggregate.h"
#include "report/datetime.h"
#include "store/outcomes.h"
#include "tool/report_command.h"
#include "tool/tool.h"

/*
 * Days before today that are looked at, where expiry leaves no more than 7; and
 * one after it, of a clock that was ahead.
 */
enum { DAYS_MAX = 31 };

struct showing {
	struct sts_tool *tool;
	struct sts_store *store;
	char domain[STS_NAME_MAX + 1]; /* "": each */
	int64_t first, last;
	bool json;
	bool any; /* a day was printed */
	struct sts_report_day day;
};

static bool
on_domain(void *arg, const char *domain, struct sts_aggregate_policy *policies,
    size_t count)
{
	struct showing *showing = arg;

	if (showing->domain[0] == '\0' || strcmp(domain, showing->domain) == 0)
		sts_report_day_add(&showing->day, domain, policies, count);
	return !showing->day.failed;
}

/* A day without a file is no fault. */
static enum sts_status
show_day(struct showing *showing, int64_t number)
{
	struct sts_report_day *day = &showing->day;
	enum sts_status status;

	*day = (struct sts_report_day){.out = showing->tool->out,
	    .json = showing->json,
	    .so_far = number == showing->tool->now / STS_DAY,
	    .all = showing->domain[0] != '\0',
	    .later = showing->any};
	(void)sts_date_text(day->date, number);
	status = sts_aggregate_day(
	    showing->store, number, STS_AGGREGATE_BYTES, on_domain, showing);
	showing->any = showing->any || day->domains > 0;
	sts_report_day_end(day);
	if (status == STS_NOT_FOUND)
		return STS_OK;
	return status == STS_OK && day->failed ? STS_NO_MEMORY : status;
}

static int
show(struct showing *showing)
{
	struct sts_tool *tool = showing->tool;
	enum sts_status status = STS_OK;
	int64_t day = showing->first;

	if (showing->json)
		(void)fputs("{\n  \"days\": [", tool->out);
	for (; day <= showing->last; day++)
		if ((status = show_day(showing, day)) != STS_OK)
			break;
	if (showing->json)
		(void)fputs(showing->any ? "\n  ]\n}\n" : "]\n}\n", tool->out);
	if (status != STS_OK)
		return sts_tool_outside(tool, "%s/outcomes/%s: %s",
		    tool->config.state_dir, showing->day.date,
		    sts_status_text(status));
	return showing->any ? STS_EXIT_OK : STS_EXIT_NO;
}

/* Why there may be nothing is said, on standard error. */
static void
explain_nothing(const struct showing *showing)
{
	const struct sts_config *config = &showing->tool->config;
	char first[STS_DATE_TEXT], last[STS_DATE_TEXT];
	const char *to = showing->domain[0] != '\0' ? " to " : "";

	(void)fprintf(showing->tool->err,
	    "mta-sts: no session%s%s was recorded from %s to %s%s\n", to,
	    showing->domain, sts_date_text(first, showing->first),
	    sts_date_text(last, showing->last),
	    sts_config_reports(config)
		? "; only sessions with domains that want reports are"
		: "; sessions are recorded once organization and contact are "
		  "set");
}

/* All days that are there, or those of --date. */
static int
parse(struct showing *showing)
{
	struct sts_tool *tool = showing->tool;
	int64_t today = tool->now / STS_DAY, oldest = today - DAYS_MAX;
	int code;

	showing->first = today - STS_OUTCOMES_DAYS;
	showing->last = today;
	code = sts_report_days(tool, &showing->first, &showing->last);
	if (showing->first < oldest)
		showing->first = oldest;
	if (showing->last > today + 1)
		showing->last = today + 1;
	if (code == STS_EXIT_OK && tool->operand_count > 0)
		code = sts_tool_domain(tool, 0, showing->domain);
	return code;
}

int
sts_tool_report_show(struct sts_tool *tool)
{
	struct showing showing = {
	    .tool = tool, .json = (tool->args.given & STS_OPT_JSON) != 0};
	int code = parse(&showing);

	if (code == STS_EXIT_OK)
		code = sts_tool_open_store(tool, false, &showing.store);
	if (code != STS_EXIT_OK)
		return code;
	code = show(&showing);
	if (code == STS_EXIT_NO)
		explain_nothing(&showing);
	sts_store_close(showing.store);
	return code;
}
