/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a day, added up by recipient domain: what a report to each of
 * them says.
 */
#ifndef STS_REPORT_AGGREGATE_H
#define STS_REPORT_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "report/report.h"
#include "store/outcomes.h"

enum {
	STS_AGGREGATE_BYTES = 16 * 1024 * 1024, /* for entries, about */
	/* Rows of one domain with all that is known of a failure; */
	STS_AGGREGATE_ROWS_MAX = 1000,
	/* and of those with MX host and result alone. */
	STS_AGGREGATE_HOSTS_MAX = 1000
};

/* What was in force for some sessions to a domain, and what became of them. */
struct sts_aggregate_policy {
	int64_t fetched; /* of struct sts_outcome */
	/*
	 * type, domain (with DANE an MX host, and a policy for each), counts
	 * and failures; the caller may fill in strings and mx_hosts.  Failures
	 * add up to the count of the failed sessions.
	 */
	struct sts_report_policy report;
};

/*
 * Called once for each domain, in no order; what it is given lasts until it
 * returns.  False ends the aggregation.
 */
typedef bool sts_aggregate_take(void *arg, const char *domain,
    struct sts_aggregate_policy *policies, size_t count);

/*
 * Adds up the file of a day, counted from 1970.  Of a domain with more rows
 * than the limits above further failures are added up by MX host and result,
 * and then by result.  Where the domains do not fit into `bytes`
 * (STS_AGGREGATE_BYTES but in tests) the file is read several times, each time
 * for a part of the domains.  Notes of the resolver that are no sessions are
 * left out.
 *
 * STS_OK also where `take` ended it; statuses of sts_outcomes_read;
 * STS_NO_MEMORY also where a part is still too large after 2^16 of them.  Some
 * domains may have been taken before a failure.
 */
enum sts_status sts_aggregate_day(struct sts_store *store, int64_t day,
    size_t bytes, sts_aggregate_take *take, void *arg);

#endif
