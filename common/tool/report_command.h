/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report`: a summary of received reports, and what was recorded for
 * our own, as text and as JSON.
 */
#ifndef STS_TOOL_REPORT_COMMAND_H
#define STS_TOOL_REPORT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "report/aggregate.h"
#include "report/datetime.h"
#include "report/summary.h"
#include "tool/tool.h"

/* Says what is wrong with an option's value; returns STS_EXIT_USAGE. */
int sts_report_bad_option(struct sts_tool *tool, const char *option,
    const char *value, const char *why);

/*
 * --date FROM[..TO], both included, in days since 1970; without it nothing is
 * changed.  STS_EXIT_OK, or STS_EXIT_USAGE with a message.
 */
int sts_report_days(struct sts_tool *tool, int64_t *first, int64_t *last);

/* What was found beside reports that count. */
struct sts_reports_read {
	struct sts_summary *summary;
	int64_t faulty;  /* reports and files that could not be read */
	int64_t without; /* mails and files without a report */
};

/* Sorted rows of each table, the longest cut; bars beside days. */
void sts_report_print(
    FILE *out, const struct sts_reports_read *read, bool bars);

/* One JSON object, as mta-sts(1) describes it.  False: no memory. */
bool sts_report_print_json(FILE *out, const struct sts_reports_read *read);

enum { STS_RATE_TEXT = 24 }; /* "99.93 %", "-" */

enum { STS_REPORT_NAME = 30 }; /* the column of names */

/* A name in its column, escaped, "-" for ""; filled up to the width. */
void sts_report_print_name(FILE *out, const char *name);

/* A rate of sts_success_rate, cut after two digits; "-" for -1. */
const char *sts_rate_text(char buf[STS_RATE_TEXT], int64_t rate);

/*
 * One day of `report show`.  As text, the domains with the most failures in a
 * table of bounded size; as JSON all of them, each written when it is added.
 * Nothing is printed of a day without domains.
 */
struct sts_report_day {
	FILE *out;
	char date[STS_DATE_TEXT];
	bool json;
	bool so_far; /* it is today */
	bool all;    /* of one domain, each of its failures */
	bool later;  /* another day was printed before */
	int64_t successes, failures, domains;
	struct sts_report_row *row; /* sorted */
	size_t row_count;
	bool failed; /* no memory */
};

void sts_report_day_add(struct sts_report_day *day, const char *domain,
    const struct sts_aggregate_policy *policies, size_t count);

/* Prints what has not been printed, and frees what `add` has allocated. */
void sts_report_day_end(struct sts_report_day *day);

/*
 * What `day` prints of a domain with --json, and as text: its sum, and at most
 * `limit` of its failures.  NULL, or false: no memory.
 */
json_t *sts_report_domain_json(const char *domain,
    const struct sts_aggregate_policy *policies, size_t count);
bool sts_report_domain_text(FILE *out, const char *domain,
    const struct sts_aggregate_policy *policies, size_t count, size_t limit);

#endif
