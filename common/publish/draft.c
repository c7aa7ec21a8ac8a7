/* SPDX-License-Identifier: ISC */
#include "publish/draft.h"

#include <stdio.h>
#include <string.h>

static bool
has(const struct sts_draft *draft, const char *pattern)
{
	for (size_t i = 0; i < draft->mx_count; i++)
		if (strcmp(draft->mx[i], pattern) == 0)
			return true;
	return false;
}

enum sts_status
sts_draft_add(struct sts_draft *draft, const char *pattern)
{
	char lower[STS_PATTERN_MAX + 1];
	size_t len = strlen(pattern);

	if (len > STS_PATTERN_MAX || sts_pattern_check(pattern) != STS_OK)
		return STS_BAD_PATTERN;
	for (size_t i = 0; i <= len; i++) {
		char c = pattern[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	if (has(draft, lower))
		return STS_OK;
	if (draft->mx_count == STS_DRAFT_MX)
		return STS_POLICY_TOO_LARGE;
	memcpy(draft->mx[draft->mx_count++], lower, len + 1);
	return STS_OK;
}

void
sts_draft_take(struct sts_draft *draft, const struct sts_policy *policy)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	draft->mode = policy->mode;
	draft->max_age = policy->max_age;
	draft->mx_count = 0;
	while (sts_policy_mx_next(policy, &walk, pattern))
		(void)sts_draft_add(draft, pattern);
}

bool
sts_draft_permits(const struct sts_draft *draft, const char *host)
{
	for (size_t i = 0; i < draft->mx_count; i++)
		if (sts_mx_match(draft->mx[i], host))
			return true;
	return false;
}

/* No pattern is wider than "*." and a name; an address matches nothing. */
bool
sts_draft_covers(const struct sts_draft *draft, const char *pattern)
{
	if (pattern[0] == '*')
		return has(draft, pattern);
	return sts_draft_permits(draft, pattern) ||
	    !sts_mx_match(pattern, pattern);
}

int64_t
sts_draft_first_age(enum sts_mode mode)
{
	switch (mode) {
	case STS_MODE_ENFORCE:
		return STS_AGE_ENFORCE;
	case STS_MODE_TESTING:
		return STS_AGE_TESTING;
	default:
		return STS_AGE_NONE;
	}
}

bool
sts_draft_is(const struct sts_draft *draft, const struct sts_policy *policy)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	struct sts_draft seen = {.mx_count = 0};

	if (draft->mode != policy->mode || draft->max_age != policy->max_age)
		return false;
	while (sts_policy_mx_next(policy, &walk, pattern)) {
		/* An address matches no host: it is as good as not there. */
		if (sts_pattern_check(pattern) != STS_OK)
			continue;
		if (!has(draft, pattern))
			return false;
		(void)sts_draft_add(&seen, pattern);
	}
	return seen.mx_count == draft->mx_count;
}

size_t
sts_draft_lost_lines(const struct sts_policy *policy)
{
	static const char *const fields[] = {
	    "version:", "mode:", "max_age:", "mx:"};
	struct sts_cursor c = sts_cursor_make(policy->body, policy->body_len);
	struct sts_span line;
	size_t lost = 0;

	while (sts_cursor_line(&c, &line)) {
		bool known = sts_span_trim(line).len == 0;

		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			known = known ||
			    (line.len >= strlen(fields[i]) &&
				memcmp(line.p, fields[i], strlen(fields[i])) ==
				    0);
		lost += !known;
	}
	return lost;
}

size_t
sts_draft_write(const struct sts_draft *draft, char *buf)
{
	size_t size = STS_DRAFT_BYTES;
	size_t used = (size_t)snprintf(buf, size,
	    "version: STSv1\r\nmode: %s\r\n", sts_mode_name(draft->mode));

	for (size_t i = 0; i < draft->mx_count; i++)
		used += (size_t)snprintf(
		    buf + used, size - used, "mx: %s\r\n", draft->mx[i]);
	used += (size_t)snprintf(buf + used, size - used, "max_age: %lld\r\n",
	    (long long)draft->max_age);
	return used;
}
