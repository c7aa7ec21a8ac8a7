/* SPDX-License-Identifier: ISC */
#include "report/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/datetime.h"

enum { RATE_OF_ALL = 100000 };

/* A policy domain of a report that was counted. */
struct seen {
	struct sts_hashmap_node node; /* first */
	char *key;
	char *where;
	int64_t report; /* its number; several of its policies may be counted */
};

struct sts_summary *
sts_summary_create(const struct sts_summary_filter *filter)
{
	struct sts_summary *summary = calloc(1, sizeof(*summary));

	if (summary != NULL)
		summary->filter = *filter;
	return summary;
}

static void
free_tally(struct sts_tally *tally)
{
	struct sts_tally_row *row;

	while ((row = sts_hashmap_pop(&tally->rows)) != NULL) {
		free(row->name);
		free(row);
	}
	free(tally->sorted);
}

static void
free_seen(struct seen *seen)
{
	free(seen->key);
	free(seen->where);
	free(seen);
}

void
sts_summary_destroy(struct sts_summary *summary)
{
	struct seen *seen;

	if (summary == NULL)
		return;
	for (size_t i = 0; i < STS_BY_COUNT; i++)
		free_tally(&summary->by[i]);
	while ((seen = sts_hashmap_pop(&summary->seen)) != NULL)
		free_seen(seen);
	free(summary);
}

/* Of what came from outside, so it stops rather than wraps. */
static void
add_count(int64_t *sum, int64_t count)
{
	*sum = *sum > INT64_MAX - count ? INT64_MAX : *sum + count;
}

static struct sts_tally_row *
find_row(struct sts_tally *tally, const char *name)
{
	uint64_t hash = sts_hashmap_hash(name);
	struct sts_tally_row *row = sts_hashmap_find(&tally->rows, hash);

	while (row != NULL && strcmp(row->name, name) != 0)
		row = sts_hashmap_next(&row->node);
	if (row != NULL)
		return row;
	if ((row = calloc(1, sizeof(*row))) == NULL)
		return NULL;
	if ((row->name = strdup(name)) == NULL) {
		free(row);
		return NULL;
	}
	sts_hashmap_insert(&tally->rows, &row->node, hash);
	return row;
}

static bool
count(struct sts_summary *summary, enum sts_summary_by by, const char *name,
    int64_t successes, int64_t failures)
{
	struct sts_tally_row *row = find_row(&summary->by[by], name);

	if (row == NULL)
		return false;
	add_count(&row->successes, successes);
	add_count(&row->failures, failures);
	return true;
}

/* A host's name in lower case without a dot at its end; NULL: no memory. */
static char *
plain_name(const char *name)
{
	char *copy = strdup(name);
	size_t len = strlen(name);

	if (copy == NULL)
		return NULL;
	if (len > 0 && copy[len - 1] == '.')
		copy[len - 1] = '\0';
	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

static bool
is_below(const char *name, const char *domain)
{
	size_t len = strlen(name), domain_len = strlen(domain);

	return len > domain_len && name[len - domain_len - 1] == '.' &&
	    strcmp(name + len - domain_len, domain) == 0;
}

static bool
is_wanted(const struct sts_summary_filter *filter, const char *domain,
    enum sts_policy_type type)
{
	return filter->domain[0] == '\0' ||
	    strcmp(domain, filter->domain) == 0 ||
	    (type == STS_POLICY_TYPE_TLSA && is_below(domain, filter->domain));
}

static struct seen *
find_seen(const struct sts_summary *summary, const char *key, uint64_t hash)
{
	struct seen *seen = sts_hashmap_find(&summary->seen, hash);

	while (seen != NULL && strcmp(seen->key, key) != 0)
		seen = sts_hashmap_next(&seen->node);
	return seen;
}

/* Takes `key` over. */
static struct seen *
note_seen(
    struct sts_summary *summary, char *key, uint64_t hash, const char *where)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (seen == NULL) {
		free(key);
		return NULL;
	}
	seen->key = key;
	seen->where = strdup(where);
	seen->report = summary->reports;
	if (seen->where == NULL) {
		free_seen(seen);
		return NULL;
	}
	sts_hashmap_insert(&summary->seen, &seen->node, hash);
	return seen;
}

/*
 * The entry of a policy domain of this report, made if it is the first; one of
 * another report, if it is not.  NULL: no memory.
 */
static struct seen *
look_up(struct sts_summary *summary, const struct sts_report *report,
    const char *domain, const char *where)
{
	struct seen *seen;
	char *key;
	uint64_t hash;

	/* No string in JSON that was read has a NUL; a line feed may be there.
	 */
	if (asprintf(&key, "%zu:%s %zu:%s %s", strlen(report->organization),
		report->organization, strlen(report->id), report->id,
		domain) < 0)
		return NULL;
	hash = sts_hashmap_hash(key);
	if ((seen = find_seen(summary, key, hash)) == NULL)
		return note_seen(summary, key, hash, where);
	free(key);
	return seen;
}

static bool
count_failure(struct sts_summary *summary, const char *type, const char *host,
    int64_t sessions)
{
	char *name = plain_name(host);
	bool good = name != NULL &&
	    count(summary, STS_BY_TYPE, type, 0, sessions) &&
	    count(summary, STS_BY_HOST, name, 0, sessions);

	free(name);
	return good;
}

static bool
count_failures(
    struct sts_summary *summary, const struct sts_report_policy *policy)
{
	int64_t explained = 0;

	for (size_t i = 0; i < policy->failure_count; i++) {
		const struct sts_report_failure *failure = &policy->failure[i];

		if (failure->sessions > 0 &&
		    !count_failure(summary, sts_result_name(failure->result),
			failure->receiving_mx, failure->sessions))
			return false;
		add_count(&explained, failure->sessions);
	}
	return explained >= policy->failures ||
	    count_failure(summary, "", "", policy->failures - explained);
}

static bool
count_policy(struct sts_summary *summary, const struct sts_report *report,
    const struct sts_report_policy *policy, const char *domain)
{
	char day[STS_DATE_TEXT];
	int64_t good = policy->successes, bad = policy->failures;

	add_count(&summary->successes, good);
	add_count(&summary->failures, bad);
	return count(summary, STS_BY_DAY,
		   sts_date_text(day, sts_report_day(report)), good, bad) &&
	    count(summary, STS_BY_SENDER, report->organization, good, bad) &&
	    count(summary, STS_BY_DOMAIN, domain, good, bad) &&
	    count_failures(summary, policy);
}

/* What became of the policies of one report. */
struct adding {
	struct sts_summary *summary;
	const struct sts_report *report;
	const char *where;
	sts_summary_duplicate *duplicate;
	void *arg;
	bool counted, seen_before;
};

static bool
add_policy(struct adding *adding, const struct sts_report_policy *policy)
{
	struct sts_summary *summary = adding->summary;
	char *domain = plain_name(policy->domain);
	struct seen *seen;
	bool good = domain != NULL;

	if (good && is_wanted(&summary->filter, domain, policy->type)) {
		seen = look_up(summary, adding->report, domain, adding->where);
		good = seen != NULL;
		if (good && seen->report == summary->reports) {
			adding->counted = true;
			good = count_policy(
			    summary, adding->report, policy, domain);
		} else if (good) {
			adding->seen_before = true;
			adding->duplicate(adding->arg, domain, seen->where);
		}
	}
	free(domain);
	return good;
}

bool
sts_summary_add(struct sts_summary *summary, const struct sts_report *report,
    const char *where, sts_summary_duplicate *duplicate, void *arg)
{
	struct adding adding = {
	    summary, report, where, duplicate, arg, false, false};
	int64_t day = sts_report_day(report);
	bool good = true;

	if (day >= summary->filter.first_day && day <= summary->filter.last_day)
		for (size_t i = 0; i < report->policy_count && good; i++)
			good = add_policy(&adding, &report->policy[i]);
	if (adding.counted)
		summary->reports++;
	else if (adding.seen_before)
		summary->duplicates++;
	else
		summary->outside++;
	return good;
}

static int
compare_names(const void *a, const void *b)
{
	const struct sts_tally_row *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Most failures first, then most sessions, then by name. */
static int
compare_counts(const void *a, const void *b)
{
	const struct sts_tally_row *const *x = a, *const *y = b;

	if ((*x)->failures != (*y)->failures)
		return (*x)->failures < (*y)->failures ? 1 : -1;
	if ((*x)->successes != (*y)->successes)
		return (*x)->successes < (*y)->successes ? 1 : -1;
	return compare_names(a, b);
}

static bool
sort_tally(struct sts_tally *tally, int (*compare)(const void *, const void *))
{
	struct sts_hashmap_node *node;

	free(tally->sorted);
	tally->count = 0;
	tally->sorted =
	    calloc(tally->rows.count + 1, sizeof(struct sts_tally_row *));
	if (tally->sorted == NULL)
		return false;
	for (size_t i = 0; i < STS_MAP_BUCKETS; i++)
		for (node = tally->rows.bucket[i]; node != NULL;
		     node = node->next)
			tally->sorted[tally->count++] =
			    (struct sts_tally_row *)(void *)node;
	qsort(tally->sorted, tally->count, sizeof(struct sts_tally_row *),
	    compare);
	return true;
}

bool
sts_summary_sort(struct sts_summary *summary)
{
	bool good = true;

	for (size_t i = 0; i < STS_BY_COUNT && good; i++)
		good = sort_tally(&summary->by[i],
		    i == STS_BY_DAY ? compare_names : compare_counts);
	return good;
}

int64_t
sts_success_rate(int64_t successes, int64_t failures)
{
	long double all = (long double)successes + (long double)failures;
	int64_t rate;

	if (successes == 0 && failures == 0)
		return -1;
	rate =
	    (int64_t)((long double)successes * (long double)RATE_OF_ALL / all);
	return rate == RATE_OF_ALL && failures > 0 ? RATE_OF_ALL - 1 : rate;
}
