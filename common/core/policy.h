/* SPDX-License-Identifier: ISC */
/*
 * Policy bodies, RFC 8461 3.2, and whether an MX host is permitted, 4.1.
 *
 * The fields that 3.2 defines are checked strictly against its grammar.
 * Anything else (blank lines, comments, ill-formed extension lines) is ignored
 * with a warning.  Nothing is allocated: a policy borrows its body, and its mx
 * patterns are read in place.
 */
#ifndef STS_CORE_POLICY_H
#define STS_CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/config.h"
#include "base/status.h"

enum { STS_MAX_AGE_LIMIT = 31557600 }; /* seconds, RFC 8461 3.2 */

/* "*." and a name */
enum { STS_PATTERN_MAX = STS_NAME_MAX + 2 };

enum sts_mode { STS_MODE_NONE, STS_MODE_TESTING, STS_MODE_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	int64_t max_age;   /* seconds, 0 to STS_MAX_AGE_LIMIT */
	unsigned mx_count; /* that sts_policy_mx_next returns */
	const char *body;  /* borrowed */
	size_t body_len;
};

/*
 * Called for each finding, in the order of the lines; `line` counts from 1, and
 * is 0 for the whole file.  `error`: it rejects the policy; warnings have
 * STS_WARN_ statuses.
 */
typedef void sts_policy_note(
    void *arg, unsigned line, enum sts_status reason, bool error);

/*
 * Parses body[0..len), at most STS_BODY_MAX bytes (else STS_FETCH_TOO_LARGE),
 * into *policy, which borrows it, RFC 8461 3.2.  Returns STS_OK or the first
 * error's status, and then *policy must not be used; all errors and warnings go
 * to `note`, which may be NULL.
 *
 * Of a duplicate field, except mx, the first counts, without a warning.  In
 * mode none an ill-formed mx is dropped with a warning, but one with bytes
 * outside ASCII rejects the policy.  Any other mode needs an mx that does not
 * look like an address.
 */
enum sts_status sts_policy_parse(struct sts_policy *policy, const char *body,
    size_t len, sts_policy_note *note, void *arg);

/* An iteration over the mx patterns; begins zeroed. */
struct sts_mx_walk {
	size_t offset; /* into the body */
};

/*
 * The next pattern, in lower case and file order, with duplicates and
 * addresses, without ill-formed ones (mode none).  False at the end.
 */
bool sts_policy_mx_next(const struct sts_policy *policy,
    struct sts_mx_walk *walk, char pattern[STS_PATTERN_MAX + 1]);

/* "none", "testing" or "enforce", RFC 8461 3.2. */
const char *sts_mode_name(enum sts_mode mode);

/*
 * STS_OK if `pattern` is a name or "*." and a name (RFC 8461 3.2), else
 * STS_BAD_PATTERN.
 */
enum sts_status sts_pattern_check(const char *pattern);

/*
 * True if the pattern matches the MX host: case does not matter, "*" stands for
 * exactly one whole left-most label (RFC 8461 4.1, RFC 6125).  The host may
 * have U-labels or a trailing dot.  False for an ill-formed pattern or host and
 * for anything that looks like an address.
 */
bool sts_mx_match(const char *pattern, const char *host);

/* True if any pattern of the policy matches the host, RFC 8461 4.1. */
bool sts_policy_permits(const struct sts_policy *policy, const char *host);

#endif
