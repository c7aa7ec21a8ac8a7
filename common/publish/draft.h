/* SPDX-License-Identifier: ISC */
/*
 * A policy that is going to be published: made from the MX hosts and from the
 * policy that is there, compared with that, and written as RFC 8461 3.2 has it.
 */
#ifndef STS_PUBLISH_DRAFT_H
#define STS_PUBLISH_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/policy.h"

enum {
	STS_DRAFT_MX = 64, /* patterns */
	STS_DRAFT_BYTES = STS_DRAFT_MX * (STS_PATTERN_MAX + 8) + 128,
	/* max_age by phase, in seconds */
	STS_AGE_TESTING = 86400,
	STS_AGE_ENFORCE = 7 * 86400,  /* when enforcing begins */
	STS_AGE_SETTLED = 14 * 86400, /* when it has worked */
	STS_AGE_NONE = 86400
};

struct sts_draft { /* zeroed: mode none, no pattern */
	enum sts_mode mode;
	int64_t max_age;
	char mx[STS_DRAFT_MX][STS_PATTERN_MAX + 1];
	size_t mx_count;
};

/* Takes mode, max_age and patterns of a policy; patterns beyond the bound not.
 */
void sts_draft_take(struct sts_draft *draft, const struct sts_policy *policy);

/*
 * Adds a pattern, in lower case, unless it is there.  STS_BAD_PATTERN: RFC 8461
 * 3.2 does not allow it; STS_POLICY_TOO_LARGE: there is no room.
 */
enum sts_status sts_draft_add(struct sts_draft *draft, const char *pattern);

/* True if a pattern matches the host, RFC 8461 4.1. */
bool sts_draft_permits(const struct sts_draft *draft, const char *host);

/*
 * True if each host that a pattern of a policy (sts_policy_mx_next) matches is
 * permitted; so for an address, which matches none.
 */
bool sts_draft_covers(const struct sts_draft *draft, const char *pattern);

/* The max_age that a mode begins with. */
int64_t sts_draft_first_age(enum sts_mode mode);

/*
 * True if senders would act on both alike: same mode, max_age and patterns,
 * whatever their order and the form of the lines.
 */
bool sts_draft_is(
    const struct sts_draft *draft, const struct sts_policy *policy);

/*
 * Lines of a policy that a draft does not take over: those that are neither
 * blank nor one of the fields above.
 */
size_t sts_draft_lost_lines(const struct sts_policy *policy);

/* Writes the file into buf[STS_DRAFT_BYTES], lines in CR LF; its length. */
size_t sts_draft_write(const struct sts_draft *draft, char *buf);

#endif
