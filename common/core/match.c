/* SPDX-License-Identifier: ISC */
/*
 * RFC 8461 4.1.  Both sides are normalised first, so that matching is a string
 * comparison that ill-formed patterns and hosts never reach.
 */
#include "core/policy.h"

#include "core/domain.h"
#include "core/grammar.h"

/* A well-formed pattern in lower case, and a normalised host. */
static bool
matches(const char *pattern, const char *host)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, host) == 0;
	/* "*" is exactly one label, so compare after the host's first dot. */
	host = strchr(host, '.');
	return host != NULL && strcmp(pattern + 2, host + 1) == 0;
}

bool
sts_mx_match(const char *pattern, const char *host)
{
	char lower[STS_PATTERN_MAX + 1], name[STS_NAME_MAX + 1];
	size_t len = strlen(pattern);

	if (sts_pattern_check(pattern) != STS_OK ||
	    sts_domain_normalise(host, name) != STS_OK)
		return false;
	for (size_t i = 0; i <= len; i++)
		lower[i] = sts_ascii_lower(pattern[i]);
	return matches(lower, name);
}

bool
sts_policy_permits(const struct sts_policy *policy, const char *host)
{
	char name[STS_NAME_MAX + 1], pattern[STS_PATTERN_MAX + 1];
	struct sts_mx_walk walk = {0};

	/* Once, not for each pattern: a policy may have 5,000 of them. */
	if (sts_domain_normalise(host, name) != STS_OK)
		return false;
	while (sts_policy_mx_next(policy, &walk, pattern)) {
		if (matches(pattern, name))
			return true;
	}
	return false;
}
