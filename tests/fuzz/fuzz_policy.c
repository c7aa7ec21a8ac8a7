/* SPDX-License-Identifier: ISC */
/* Any bytes as a policy body, and a host for it to judge. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/domain.h"
#include "core/policy.h"

struct notes {
	unsigned last_line, errors;
};

static void
check_note(void *arg, unsigned line, enum sts_status reason, bool error)
{
	struct notes *notes = arg;

	REQUIRE(reason != STS_OK);
	REQUIRE(line == 0 || line >= notes->last_line);
	REQUIRE(error || strncmp(sts_status_name(reason), "warn_", 5) == 0);
	if (line > 0)
		notes->last_line = line;
	notes->errors += error;
}

/* A host that the pattern must match, whatever the pattern is. */
static void
check_pattern(const struct sts_policy *policy, const char *pattern)
{
	char host[STS_PATTERN_MAX + 8] = "", normal[STS_NAME_MAX + 1];

	REQUIRE(sts_pattern_check(pattern) == STS_OK);
	if (strncmp(pattern, "*.", 2) == 0)
		strcpy(host, "x");
	strcat(host, pattern + (host[0] != '\0'));
	if (sts_domain_normalise(host, normal) != STS_OK)
		return;
	REQUIRE(strcmp(host, normal) == 0);
	REQUIRE(sts_mx_match(pattern, host));
	REQUIRE(sts_policy_permits(policy, host));
}

static void
check_policy(const struct sts_policy *policy)
{
	char pattern[STS_PATTERN_MAX + 1];
	struct sts_mx_walk walk = {0};
	unsigned count = 0;

	REQUIRE(policy->max_age >= 0 && policy->max_age <= STS_MAX_AGE_LIMIT);
	REQUIRE(policy->mode == STS_MODE_NONE || policy->mx_count > 0);
	while (sts_policy_mx_next(policy, &walk, pattern)) {
		count++;
		if (count <= 16)
			check_pattern(policy, pattern);
	}
	REQUIRE(count == policy->mx_count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_policy policy;
	struct notes notes = {0, 0};
	enum sts_status status = sts_policy_parse(
	    &policy, (const char *)data, size, check_note, &notes);

	REQUIRE((status == STS_OK) == (notes.errors == 0));
	if (status == STS_OK)
		check_policy(&policy);
	return 0;
}
