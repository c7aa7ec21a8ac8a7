/* SPDX-License-Identifier: ISC */
/*
 * A TLS report (RFC 8460 4.4) as data: what senders report about a domain, read
 * from JSON, and what is reported about other domains.
 *
 * The reader accepts what senders write in practice (see sts_report_parse), and
 * refuses every other deviation, naming its place.
 */
#ifndef STS_REPORT_REPORT_H
#define STS_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/result.h"

enum {
	STS_REPORT_JSON_MAX = 10 * 1024 * 1024, /* bytes of JSON text */
	STS_REPORT_DEPTH_MAX = 32,              /* nested objects and arrays */
	STS_REPORT_VALUES_MAX = 500000,         /* JSON values, about */
	STS_REPORT_TEXT_MAX = 4096,             /* bytes of one string */
	STS_REPORT_PLACE_MAX = 128,
	STS_REPORT_FAULTS_MAX = 20 /* reported of one report */
};

/* Sessions in one count: a sum of a million of them is still an int64_t. */
#define STS_REPORT_COUNT_MAX INT64_C(1000000000000)

/* One element of "failure-details"; missing strings are "". */
struct sts_report_failure {
	enum sts_result result;
	const char *sending_ip;
	const char *receiving_mx; /* "receiving-mx-hostname" */
	const char *receiving_helo;
	const char *receiving_ip;
	const char *additional; /* "additional-information" */
	const char *reason;     /* "failure-reason-code" */
	int64_t sessions;
};

/* A list of strings. */
struct sts_report_list {
	const char **text;
	size_t count;
};

/* One element of "policies". */
struct sts_report_policy {
	enum sts_policy_type type;
	const char *domain; /* "" only if no policy was found */
	struct sts_report_list strings;
	struct sts_report_list mx_hosts;
	int64_t successes; /* sessions, 0 to STS_REPORT_COUNT_MAX */
	int64_t failures;
	struct sts_report_failure *failure;
	size_t failure_count;
};

struct sts_report {
	const char *organization;
	const char *contact; /* or "" */
	const char *id;      /* never empty */
	int64_t begin, end;  /* seconds since 1970, begin <= end */
	struct sts_report_policy *policy;
	size_t policy_count;
	/* Of a parsed report: the JSON to which the strings belong. */
	void *source;
};

/*
 * Called for each fault: its place, such as "policies[0].policy.policy-type",
 * "line 3, column 7" if it is not JSON, or "" for the whole; and a reason,
 * which may quote bytes of the report.
 */
typedef void sts_report_fault(void *arg, const char *place, const char *reason);

/*
 * Parses the JSON text of a report.  False if `fault` was called at least once
 * (for at most STS_REPORT_FAULTS_MAX faults), also without memory; *report is
 * then empty.  The caller frees with sts_report_free in both cases.  Accepted
 * beyond RFC 8460 4.4, since senders write it:
 *
 *	a byte order mark; members that the RFC does not have, anywhere
 *	an optional member that is null or "", among them contact-info and
 *	every address
 *	no sending-mta-ip
 *	mx-host and policy-string as a string, where an array is due
 *	no policy-domain, where no policy was found
 *	a summary with one count: the other is 0
 *	no failure-details
 *	a date-time without an offset, which is UTC then
 *	an end that is the beginning of the next day
 *
 * Refused, besides what is not JSON: a duplicate member, a count that is not an
 * integer from 0 to STS_REPORT_COUNT_MAX, a policy type or a result that RFC
 * 8460 does not define, and what exceeds the limits above.
 */
bool sts_report_parse(struct sts_report *report, const char *json, size_t len,
    sts_report_fault *fault, void *arg);

/* Frees what sts_report_parse made; harmless on a zeroed struct. */
void sts_report_free(struct sts_report *report);

/*
 * The UTC day of a report, in days since 1970: that of the middle of its range,
 * so that neither an offset nor an end at the next midnight changes it.
 */
int64_t sts_report_day(const struct sts_report *report);

#endif
