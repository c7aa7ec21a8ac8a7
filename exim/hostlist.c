/* SPDX-License-Identifier: ISC */
#include "exim/hostlist.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/domain.h"

/* All patterns of a policy: one block of text, and pointers into it. */
struct patterns {
	char *text;
	const char **list;
	size_t count;
};

/* "mx.example", also for "*.mx.example". */
static const char *
name_of(const char *pattern)
{
	return pattern[0] == '*' ? pattern + 2 : pattern;
}

/*
 * Addresses match no MX host.  The parser has checked the bytes; but this text
 * becomes a regular expression in Exim, so it is checked again.
 */
static bool
is_wanted(const char *pattern)
{
	const char *name = name_of(pattern);
	struct sts_span s = {name, strlen(name)};

	return sts_domain_is_ldh(s) && !sts_domain_is_address_like(s);
}

/* A pattern and its NUL are no longer than its line in the body. */
static enum sts_status
collect(const struct sts_policy *policy, struct patterns *p)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	size_t used = 0;

	*p = (struct patterns){0};
	p->text = malloc(policy->body_len + 1);
	p->list = calloc((size_t)policy->mx_count + 1, sizeof(*p->list));
	if (p->text == NULL || p->list == NULL)
		return STS_NO_MEMORY;
	while (p->count < policy->mx_count &&
	    sts_policy_mx_next(policy, &walk, pattern)) {
		size_t size = strlen(pattern) + 1;

		if (!is_wanted(pattern))
			continue;
		if (size > policy->body_len - used)
			return STS_INTERNAL;
		memcpy(p->text + used, pattern, size);
		p->list[p->count++] = p->text + used;
		used += size;
	}
	return STS_OK;
}

/* Sorted, so that duplicates are adjacent and wildcards found by bisection. */
static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* True if "*." and all but the first label of `name` is in the list. */
static bool
is_covered(const struct patterns *p, const char *name)
{
	char wildcard[STS_PATTERN_MAX + 1] = "*";
	const char *key = wildcard;
	const char *rest = strchr(name, '.');
	size_t len = rest != NULL ? strlen(rest) : 0;

	if (len == 0 || len + 1 > STS_PATTERN_MAX)
		return false;
	memcpy(wildcard + 1, rest, len + 1);
	return bsearch(&key, p->list, p->count, sizeof(*p->list), by_text) !=
	    NULL;
}

/* A list being written; `full` if something did not fit. */
struct output {
	char *buf;
	size_t size;
	size_t len;
	bool full;
};

/* Appends a string as a whole or not at all. */
static void
put(struct output *o, const char *string)
{
	size_t len = strlen(string);

	if (o->full || len >= o->size - o->len) {
		o->full = true;
		return;
	}
	memcpy(o->buf + o->len, string, len + 1);
	o->len += len;
}

/* RFC 8461 4.1: "*" is exactly one label. */
static void
put_pattern(struct output *o, const char *pattern)
{
	char literal[2] = "";

	if (pattern[0] == '*')
		put(o, "[^.]+[.]");
	for (const char *p = name_of(pattern); *p != '\0'; p++) {
		literal[0] = *p;
		put(o, *p == '.' ? "[.]" : literal);
	}
}

/* Exim's cost grows with the list, so it has no redundant items. */
static void
put_all(struct output *o, const struct patterns *p)
{
	const char *before = NULL;

	for (size_t i = 0; i < p->count && !o->full; i++) {
		const char *pattern = p->list[i];

		if ((before != NULL && strcmp(before, pattern) == 0) ||
		    (pattern[0] != '*' && is_covered(p, pattern)))
			continue;
		put(o, before == NULL ? "!^(" : "|");
		put_pattern(o, pattern);
		before = pattern;
	}
	put(o, before == NULL ? "*" : ")$:*");
}

/* Sorts the patterns, writes the list and frees them. */
static enum sts_status
write_list(struct patterns *p, enum sts_status status, char *buf, size_t size)
{
	struct output o = {buf, size, 0, size == 0};

	if (status == STS_OK) {
		qsort(p->list, p->count, sizeof(*p->list), by_text);
		put_all(&o, p);
		if (o.full)
			status = STS_POLICY_TOO_LARGE;
	}
	free(p->list);
	free(p->text);
	return status;
}

enum sts_status
sts_hostlist(const struct sts_policy *policy, char *buf, size_t size)
{
	struct patterns p;
	enum sts_status status = collect(policy, &p);

	return write_list(&p, status, buf, size);
}

enum sts_status
sts_hostlist_present(const struct sts_policy *policy,
    const struct sts_routes *routes, char *buf, size_t size)
{
	struct patterns p = {0};

	p.list = calloc(STS_ROUTES_MAX, sizeof(*p.list));
	if (p.list == NULL)
		return STS_NO_MEMORY;
	for (size_t i = 0; i < routes->count; i++) {
		const char *host = routes->route[i].host;

		if (is_wanted(host) && sts_policy_permits(policy, host))
			p.list[p.count++] = host;
	}
	return write_list(&p, STS_OK, buf, size);
}
