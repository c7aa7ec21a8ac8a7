/* SPDX-License-Identifier: ISC */
/*
 * An outcome: the result of TLS in one SMTP session with a domain that wants
 * reports (RFC 8460), and its form as a line of a file to which many processes
 * append.
 *
 * Fields are separated by single blanks, and the last one is a dot:
 *
 *	1 TIME DOMAIN TYPE FETCHED RESULT MX RECEIVING-IP SENDING-IP HELO
 *	    REASON ADDITIONAL .
 *	P TIME DOMAIN FETCHED POLICY .
 *
 * "-" is an empty field; bytes outside 0x21 to 0x7e, "%", and a "-" that is the
 * whole field, are %XX.  A line is written with a line feed before and after
 * it: what a full disk or a killed process left incomplete has no dot at its
 * end, does not count, and ends before the next line.
 */
#ifndef STS_CORE_OUTCOME_H
#define STS_CORE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/cursor.h"
#include "base/status.h"
#include "core/result.h"

enum {
	STS_OUTCOME_LINE_MAX = 1000, /* bytes, with both line feeds */
	STS_OUTCOME_IP_MAX = 45,
	STS_OUTCOME_REASON_MAX = 63,
	STS_OUTCOME_TEXT_MAX = 127,
	STS_OUTCOME_POLICY_MAX = 8000,       /* bytes of a policy's text */
	STS_OUTCOME_POLICY_LINE_MAX = 25000, /* bytes of its line */
	STS_OUTCOME_LOG_MAX = 800            /* bytes of a log line and a NUL */
};

/* The failure-reason-code of an MX host that the policy does not permit. */
#define STS_OUTCOME_MX_MISMATCH "mtasts-policy-mx-mismatch"

struct sts_outcome {
	int64_t time; /* seconds since 1970, above 0 */
	/* The policy domain of RFC 8460: normalised, the recipients'. */
	char domain[STS_NAME_MAX + 1];
	enum sts_policy_type type;
	/* `fetched` of the STS policy in force; 0: none, or unknown. */
	int64_t fetched;
	enum sts_result result; /* STS_RESULT_NONE: success */
	/* Each may be "".  MX and HELO as the MTA has them. */
	char mx[STS_NAME_MAX + 1];
	char receiving_ip[STS_OUTCOME_IP_MAX + 1];
	char sending_ip[STS_OUTCOME_IP_MAX + 1];
	char helo[STS_NAME_MAX + 1]; /* the name that the MX host gave */
	/* failure-reason-code: a token of [a-z0-9-]. */
	char reason[STS_OUTCOME_REASON_MAX + 1];
	char additional[STS_OUTCOME_TEXT_MAX + 1];
};

/*
 * The text of a policy that was fetched at `fetched`, as it was served; or,
 * with 0, of what was served and is no policy, for the sessions without one.
 */
struct sts_outcome_policy {
	int64_t time; /* when it was stored, seconds since 1970 */
	char domain[STS_NAME_MAX + 1];
	int64_t fetched;
	size_t len;
	char text[STS_OUTCOME_POLICY_MAX + 1]; /* lines, ended by LF; a NUL */
};

/*
 * Writes an outcome's line into buf, without a NUL, and returns its length; 0
 * if the outcome is not well-formed, or is too long even without `additional`
 * and `helo`, which a line that is too long omits.  Also omits invalid
 * addresses.
 */
size_t sts_outcome_format(
    const struct sts_outcome *outcome, char buf[STS_OUTCOME_LINE_MAX]);

/*
 * Reads a line, without its line feeds, into *out.  False if it is not the line
 * of an outcome: then *out is undefined.
 */
bool sts_outcome_parse(struct sts_span line, struct sts_outcome *out);

/*
 * The same for a policy's line: `text` is to be reported, in lines.  Of more
 * than STS_OUTCOME_POLICY_MAX bytes only the first whole lines are written.
 */
size_t sts_outcome_format_policy(int64_t time, const char *domain,
    int64_t fetched, struct sts_span text,
    char buf[STS_OUTCOME_POLICY_LINE_MAX]);
bool sts_outcome_parse_policy(
    struct sts_span line, struct sts_outcome_policy *out);

/*
 * False for what the resolver records when a fetch fails: that is no session,
 * and is in no count of a report.  It has no MX host, and its result is of RFC
 * 8460 4.3.2.2.  A session without a policy, because its fetch had failed, has
 * the same result, and an MX host.
 */
bool sts_outcome_is_session(const struct sts_outcome *outcome);

/*
 * The result and the reason of a failed fetch, probe or check: "fetch_timeout"
 * is sts-policy-fetch-error with the reason "fetch-timeout".  False, and
 * nothing is set, for what is not reported (sts_result_of_status).
 */
bool sts_outcome_set_failure(
    struct sts_outcome *outcome, enum sts_status status);

/*
 * The line that Postfix logs for such a session, so that readers of its logs
 * can read ours: "TLSRPT: status=failure, domain=D, receiving_mx=H[IP],
 * failure_type=T, failure_reason=R".  Bytes from outside are unchanged: the
 * logger escapes them.
 */
void sts_outcome_log_text(
    const struct sts_outcome *outcome, char buf[STS_OUTCOME_LOG_MAX]);

#endif
