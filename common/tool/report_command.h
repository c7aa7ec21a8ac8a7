/* SPDX-License-Identifier: ISC */
/* `mta-sts report read`: a summary of received reports, as text and as JSON. */
#ifndef STS_TOOL_REPORT_COMMAND_H
#define STS_TOOL_REPORT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/summary.h"

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

/* A rate of sts_success_rate, cut after two digits; "-" for -1. */
const char *sts_rate_text(char buf[STS_RATE_TEXT], int64_t rate);

#endif
