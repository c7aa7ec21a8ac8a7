/* SPDX-License-Identifier: ISC */
/*
 * What many reports about a domain say together: the success rate, and failures
 * by day, type, MX host, sender and policy domain.  Each report counts once.
 */
#ifndef STS_REPORT_SUMMARY_H
#define STS_REPORT_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/hashmap.h"
#include "report/report.h"

/*
 * Reports come from strangers, so what is kept of them is bounded.  Senders
 * write a report for each domain; a mailbox of 100,000 reports with the names
 * that are usual fits.
 */
enum {
	STS_SUMMARY_DOMAINS_MAX = 10000, /* policy domains of one report */
	/* MX hosts of one report that no report before it has named */
	STS_SUMMARY_HOSTS_MAX = 10000,
	STS_SUMMARY_BYTES_MAX = 32 * 1024 * 1024 /* of all reports */
};

/* What of the reports counts. */
struct sts_summary_filter {
	int64_t first_day, last_day; /* days since 1970, both included */
	/*
	 * A normalised policy domain; of DANE, whose policy domain is an MX
	 * host, also what is below it.  "": every domain.
	 */
	char domain[STS_NAME_MAX + 1];
};

/* Sessions of a day, a sender...  Counts stop at INT64_MAX. */
struct sts_tally_row {
	struct sts_hashmap_node node; /* first */
	struct sts_tally_row *fresh;  /* private */
	int64_t successes, failures;
	char name[]; /* "": not told by the report */
};

struct sts_tally {
	struct sts_hashmap rows;
	/* The rows in order, once sts_summary_sort has run. */
	struct sts_tally_row **sorted;
	size_t count;
};

enum sts_summary_by {
	STS_BY_DAY,    /* "2026-11-22"; sorted by the day */
	STS_BY_TYPE,   /* result types, failures alone */
	STS_BY_HOST,   /* MX hosts, failures alone */
	STS_BY_SENDER, /* organizations */
	STS_BY_DOMAIN, /* policy domains */
	STS_BY_COUNT
};

struct sts_summary {
	struct sts_summary_filter filter;
	int64_t reports;    /* that counted */
	int64_t duplicates; /* that had been counted before */
	int64_t outside;    /* that the filter left out */
	int64_t successes, failures;
	bool full; /* a report did not fit, though its own bounds were kept */
	struct sts_tally by[STS_BY_COUNT]; /* all but the first two: most
					      failures first */
	/* private */
	struct sts_hashmap seen;
	struct sts_kept_report *kept;
	size_t bytes;
	uint64_t secret; /* of the hashes */
};

/*
 * Called where a policy domain of a report has been counted before, in a
 * report of the same organization with the same id: the domain, and where that
 * was.
 */
typedef void sts_summary_duplicate(
    void *arg, const char *domain, const char *where);

/* An empty summary, destroyed with sts_summary_destroy; NULL: no memory. */
struct sts_summary *sts_summary_create(const struct sts_summary_filter *filter);

/* Harmless with NULL. */
void sts_summary_destroy(struct sts_summary *summary);

/*
 * Adds a report that was read from `where`.  What its failure-details do not
 * explain of its failures counts for type and host "".  NULL; or why nothing of
 * it was added, as a sentence that names the bound that it exceeds.
 * sts_summary_no_memory: no memory.
 */
const char *sts_summary_add(struct sts_summary *summary,
    const struct sts_report *report, const char *where,
    sts_summary_duplicate *duplicate, void *arg);
extern const char sts_summary_no_memory[];

/* Puts the rows of each table in order.  False: no memory. */
bool sts_summary_sort(struct sts_summary *summary);

/*
 * Successes of all sessions in thousandths of a percent, 0 to 100000, rounded
 * down, so that 100 % has no failure; -1 where there is no session.
 */
int64_t sts_success_rate(int64_t successes, int64_t failures);

#endif
