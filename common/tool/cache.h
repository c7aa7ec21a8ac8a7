/* SPDX-License-Identifier: ISC */
/* `mta-sts cache`: lists the domains in the store. */
#ifndef STS_TOOL_CACHE_H
#define STS_TOOL_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

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

#endif
