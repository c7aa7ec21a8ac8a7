/* SPDX-License-Identifier: ISC */
/* `mta-sts cache refresh`: counts the resolver's results. */
#ifndef STS_TOOL_CACHE_REFRESH_H
#define STS_TOOL_CACHE_REFRESH_H

#include "tool/tool.h"

struct sts_refresh {
	struct sts_tool *tool;
	bool terminal; /* progress is shown */
	size_t done, total;
	size_t succeeded, failed, faults;
	size_t not_due, removed;
};

/*
 * Parses one line of the resolver, without its line feed: "progress N TOTAL",
 * "done refresh DOMAIN ok | failed REASON | fault REASON", or "refreshed
 * fetched=N not_due=N failed=N removed=N".  Ignores anything else.  Cuts the
 * line into words.
 */
void sts_refresh_parse(struct sts_refresh *refresh, char *line);

/*
 * Prints the summary and returns the exit status; `died`: the resolver did not
 * end by itself.
 */
int sts_refresh_summary(struct sts_refresh *refresh, bool died);

#endif
