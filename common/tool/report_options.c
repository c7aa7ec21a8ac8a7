/* SPDX-License-Identifier: ISC */
/* Options of `mta-sts report ...` that more than one of them has. */
#include <string.h>

#include "base/cursor.h"
#include "report/datetime.h"
#include "tool/report_command.h"

int
sts_report_bad_option(struct sts_tool *tool, const char *option,
    const char *value, const char *why)
{
	(void)sts_tool_outside(tool, "%s \"%s\": %s", option, value, why);
	return STS_EXIT_USAGE;
}

static bool
parse_range(const char *text, int64_t *first, int64_t *last)
{
	char from[16];
	const char *dots = strstr(text, "..");
	struct sts_span begin = {
	    text, dots != NULL ? (size_t)(dots - text) : strlen(text)};

	return sts_span_copy(begin, from, sizeof(from)) &&
	    sts_date_parse(from, first) &&
	    sts_date_parse(dots != NULL ? dots + 2 : from, last) &&
	    *first <= *last;
}

int
sts_report_days(struct sts_tool *tool, int64_t *first, int64_t *last)
{
	const char *date = tool->args.date;

	if (date == NULL || parse_range(date, first, last))
		return STS_EXIT_OK;
	return sts_report_bad_option(tool, "--date", date,
	    "is no day or range of days, as in 2026-11-01..2026-11-30");
}
