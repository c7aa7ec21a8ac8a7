/* SPDX-License-Identifier: ISC */
/* `mta-sts cache`: lists the domains in the store, counts what is refreshed. */
#ifndef STS_TOOL_CACHE_H
#define STS_TOOL_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/store.h"
#include "tool/tool.h"

/* Seconds after which a failure needs the operator's attention. */
enum { STS_LONG_FAILURE = 86400 };

/* One line of the list. */
struct sts_cache_line {
	const char *domain;
	const char *kind; /* "policy" or "absent" */
	const char *mode; /* of a policy, else "-" */
	char id[STS_ID_MAX + 1];
	int64_t since; /* fetched, or looked up; 0: unknown */
	int64_t until; /* expires; 0: unknown */
	/*
	 * "fresh" (used without a query), "stale" (in force, queried again),
	 * "expired", "failed" (the last fetch failed), "corrupt".
	 */
	const char *state;
	enum sts_status reason; /* or STS_OK */
	bool marked;            /* has failed for more than a day */
};

/* Fills the line of a policy as of `now`; `check` may be zero. */
void sts_cache_policy_line(struct sts_cache_line *line,
    const struct sts_entry *entry, const struct sts_check *check,
    const struct sts_config *config, int64_t now);

/* The same for "no policy". */
void sts_cache_none_line(
    struct sts_cache_line *line, const struct sts_check *check, int64_t now);

/* The same for a policy file that is unreadable or damaged. */
void sts_cache_fault_line(struct sts_cache_line *line, enum sts_status fault);

/* The columns: their names, and one entry. */
void sts_cache_print_head(FILE *out);
void sts_cache_print_line(
    FILE *out, const struct sts_cache_line *line, int64_t now);

/* One JSON object; false: no memory. */
bool sts_cache_print_json(FILE *out, const struct sts_cache_line *line);

/* The results of `cache refresh`. */
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
