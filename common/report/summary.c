/* SPDX-License-Identifier: ISC */
#include "report/summary.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/datetime.h"

enum { RATE_OF_ALL = 100000 };

/* malloc's own bytes of each piece, about. */
enum { PIECE_BYTES = 16 };

const char sts_summary_no_memory[] = "no memory";

/* A report that was counted; several of its policy domains may be. */
struct sts_kept_report {
	struct sts_kept_report *next;
	const char *id, *where; /* in `organization`, behind it */
	char organization[];
};

/* A policy domain of a report that was counted. */
struct seen {
	struct sts_hashmap_node node; /* first */
	const struct sts_kept_report *report;
	struct seen *fresh;
	char domain[];
};

/* A report, and what became of its policies. */
struct adding {
	struct sts_summary *summary;
	const struct sts_report *report;
	uint64_t hash; /* of its organization and id */
	const char *where;
	sts_summary_duplicate *duplicate;
	void *arg;
	/* At first room is made for all of it, so that it counts whole. */
	bool counts;
	const char *refused; /* or NULL */
	bool counted, seen_before;
	/* What has been made for it. */
	struct sts_kept_report *kept;
	struct sts_tally_row *row[STS_BY_COUNT];
	struct seen *seen;
	size_t bytes;
	unsigned domains, hosts;
};

struct sts_summary *
sts_summary_create(const struct sts_summary_filter *filter)
{
	struct sts_summary *summary = calloc(1, sizeof(*summary));

	if (summary == NULL)
		return NULL;
	summary->filter = *filter;
	/* Without it the table is only slower for hostile names. */
	(void)!getentropy(&summary->secret, sizeof(summary->secret));
	return summary;
}

static void
free_tally(struct sts_tally *tally)
{
	struct sts_tally_row *row;

	while ((row = sts_hashmap_pop(&tally->rows)) != NULL)
		free(row);
	free(tally->sorted);
}

void
sts_summary_destroy(struct sts_summary *summary)
{
	struct sts_kept_report *kept;
	struct seen *seen;

	if (summary == NULL)
		return;
	for (size_t i = 0; i < STS_BY_COUNT; i++)
		free_tally(&summary->by[i]);
	while ((seen = sts_hashmap_pop(&summary->seen)) != NULL)
		free(seen);
	while ((kept = summary->kept) != NULL) {
		summary->kept = kept->next;
		free(kept);
	}
	free(summary);
}

/* Of what came from outside, so it stops rather than wraps. */
static void
add_count(int64_t *sum, int64_t count)
{
	*sum = *sum > INT64_MAX - count ? INT64_MAX : *sum + count;
}

/* Zeroed bytes that stay; NULL, and the report is refused: no room for them. */
static void *
keep(struct adding *adding, size_t size)
{
	size_t used = adding->summary->bytes + adding->bytes;
	void *piece;

	if (size + PIECE_BYTES > STS_SUMMARY_BYTES_MAX - used) {
		adding->summary->full = true;
		adding->refused = "does not fit: what is kept of all reports "
				  "has at most 32 MiB";
		return NULL;
	}
	if ((piece = calloc(1, size)) == NULL) {
		adding->refused = sts_summary_no_memory;
		return NULL;
	}
	adding->bytes += size + PIECE_BYTES;
	return piece;
}

static struct sts_tally_row *
make_row(struct adding *adding, enum sts_summary_by by, const char *name,
    uint64_t hash)
{
	size_t len = strlen(name);
	struct sts_tally_row *row;

	if (by == STS_BY_HOST && ++adding->hosts > STS_SUMMARY_HOSTS_MAX) {
		adding->refused = "has more than 10000 new MX hosts";
		return NULL;
	}
	if ((row = keep(adding, sizeof(*row) + len + 1)) == NULL)
		return NULL;
	memcpy(row->name, name, len);
	row->fresh = adding->row[by];
	adding->row[by] = row;
	sts_hashmap_insert(&adding->summary->by[by].rows, &row->node, hash);
	return row;
}

static bool
count(struct adding *adding, enum sts_summary_by by, const char *name,
    int64_t successes, int64_t failures)
{
	uint64_t hash = sts_hashmap_keyed(adding->summary->secret, name);
	struct sts_tally_row *row =
	    sts_hashmap_find(&adding->summary->by[by].rows, hash);

	while (row != NULL && strcmp(row->name, name) != 0)
		row = sts_hashmap_next(&row->node);
	if (row == NULL)
		row = make_row(adding, by, name, hash);
	if (row != NULL && adding->counts) {
		add_count(&row->successes, successes);
		add_count(&row->failures, failures);
	}
	return row != NULL;
}

/* A host's name in lower case without a dot at its end; NULL: no memory. */
static char *
plain_name(struct adding *adding, const char *name)
{
	char *copy = strdup(name);
	size_t len = strlen(name);

	if (copy == NULL) {
		adding->refused = sts_summary_no_memory;
		return NULL;
	}
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

/* Of the report, made with its first policy domain. */
static const struct sts_kept_report *
keep_report(struct adding *adding)
{
	const struct sts_report *report = adding->report;
	size_t organization = strlen(report->organization) + 1;
	size_t id = strlen(report->id) + 1, where = strlen(adding->where) + 1;
	struct sts_kept_report *kept = adding->kept;

	if (kept != NULL)
		return kept;
	kept = keep(adding, sizeof(*kept) + organization + id + where);
	if (kept == NULL)
		return NULL;
	memcpy(kept->organization, report->organization, organization);
	kept->id = memcpy(kept->organization + organization, report->id, id);
	kept->where = memcpy(
	    kept->organization + organization + id, adding->where, where);
	adding->kept = kept;
	return kept;
}

static uint64_t
report_hash(const struct sts_summary *summary, const struct sts_report *report)
{
	return sts_hashmap_keyed(
	    sts_hashmap_keyed(summary->secret, report->organization),
	    report->id);
}

static struct seen *
find_seen(const struct adding *adding, const char *domain, uint64_t hash)
{
	const struct sts_report *report = adding->report;
	struct seen *seen = sts_hashmap_find(&adding->summary->seen, hash);

	while (seen != NULL &&
	    (strcmp(seen->domain, domain) != 0 ||
		strcmp(seen->report->id, report->id) != 0 ||
		strcmp(seen->report->organization, report->organization) != 0))
		seen = sts_hashmap_next(&seen->node);
	return seen;
}

static struct seen *
make_seen(struct adding *adding, const char *domain, uint64_t hash)
{
	const struct sts_kept_report *report = keep_report(adding);
	size_t len = strlen(domain);
	struct seen *seen;

	if (report == NULL)
		return NULL;
	if (++adding->domains > STS_SUMMARY_DOMAINS_MAX) {
		adding->refused = "has more than 10000 policy domains";
		return NULL;
	}
	if ((seen = keep(adding, sizeof(*seen) + len + 1)) == NULL)
		return NULL;
	memcpy(seen->domain, domain, len);
	seen->report = report;
	seen->fresh = adding->seen;
	adding->seen = seen;
	sts_hashmap_insert(&adding->summary->seen, &seen->node, hash);
	return seen;
}

/*
 * The entry of a policy domain of this report, made if it is the first; one of
 * another report, if it is not.  NULL: it is refused.
 */
static struct seen *
look_up(struct adding *adding, const char *domain)
{
	uint64_t hash = sts_hashmap_keyed(adding->hash, domain);
	struct seen *seen = find_seen(adding, domain, hash);

	return seen != NULL ? seen : make_seen(adding, domain, hash);
}

static bool
count_failure(
    struct adding *adding, const char *type, const char *host, int64_t sessions)
{
	char *name = plain_name(adding, host);
	bool good = name != NULL &&
	    count(adding, STS_BY_TYPE, type, 0, sessions) &&
	    count(adding, STS_BY_HOST, name, 0, sessions);

	free(name);
	return good;
}

static bool
count_failures(struct adding *adding, const struct sts_report_policy *policy)
{
	int64_t explained = 0;

	for (size_t i = 0; i < policy->failure_count; i++) {
		const struct sts_report_failure *failure = &policy->failure[i];

		if (failure->sessions > 0 &&
		    !count_failure(adding, sts_result_name(failure->result),
			failure->receiving_mx, failure->sessions))
			return false;
		add_count(&explained, failure->sessions);
	}
	return explained >= policy->failures ||
	    count_failure(adding, "", "", policy->failures - explained);
}

static bool
count_policy(struct adding *adding, const struct sts_report_policy *policy,
    const char *domain)
{
	struct sts_summary *summary = adding->summary;
	const struct sts_report *report = adding->report;
	char day[STS_DATE_TEXT];
	int64_t good = policy->successes, bad = policy->failures;

	if (adding->counts) {
		add_count(&summary->successes, good);
		add_count(&summary->failures, bad);
	}
	return count(adding, STS_BY_DAY,
		   sts_date_text(day, sts_report_day(report)), good, bad) &&
	    count(adding, STS_BY_SENDER, report->organization, good, bad) &&
	    count(adding, STS_BY_DOMAIN, domain, good, bad) &&
	    count_failures(adding, policy);
}

static bool
add_policy(struct adding *adding, const struct sts_report_policy *policy)
{
	char *domain = plain_name(adding, policy->domain);
	struct seen *seen;
	bool good = domain != NULL;

	if (good && is_wanted(&adding->summary->filter, domain, policy->type)) {
		seen = look_up(adding, domain);
		good = seen != NULL;
		if (good && seen->report == adding->kept) {
			adding->counted = true;
			good = count_policy(adding, policy, domain);
		} else if (good) {
			adding->seen_before = true;
			if (adding->counts)
				adding->duplicate(
				    adding->arg, domain, seen->report->where);
		}
	}
	free(domain);
	return good;
}

static bool
add_policies(struct adding *adding, bool counts)
{
	const struct sts_report *report = adding->report;
	bool good = true;

	adding->counts = counts;
	for (size_t i = 0; i < report->policy_count && good; i++)
		good = add_policy(adding, &report->policy[i]);
	return good;
}

/* Removes what was made for a report that is refused. */
static void
take_back(struct adding *adding)
{
	struct sts_summary *summary = adding->summary;
	struct sts_tally_row *row;
	struct seen *seen;

	for (size_t by = 0; by < STS_BY_COUNT; by++) {
		while ((row = adding->row[by]) != NULL) {
			adding->row[by] = row->fresh;
			sts_hashmap_remove(&summary->by[by].rows, &row->node);
			free(row);
		}
	}
	while ((seen = adding->seen) != NULL) {
		adding->seen = seen->fresh;
		sts_hashmap_remove(&summary->seen, &seen->node);
		free(seen);
	}
	free(adding->kept);
}

static void
keep_all(struct adding *adding)
{
	struct sts_summary *summary = adding->summary;

	summary->bytes += adding->bytes;
	if (adding->kept == NULL)
		return;
	adding->kept->next = summary->kept;
	summary->kept = adding->kept;
}

const char *
sts_summary_add(struct sts_summary *summary, const struct sts_report *report,
    const char *where, sts_summary_duplicate *duplicate, void *arg)
{
	struct adding adding = {.summary = summary,
	    .report = report,
	    .hash = report_hash(summary, report),
	    .where = where,
	    .duplicate = duplicate,
	    .arg = arg};
	int64_t day = sts_report_day(report);

	if (day >= summary->filter.first_day &&
	    day <= summary->filter.last_day) {
		if (!add_policies(&adding, false)) {
			take_back(&adding);
			return adding.refused;
		}
		keep_all(&adding);
		if (!add_policies(&adding, true))
			return adding.refused;
	}
	if (adding.counted)
		summary->reports++;
	else if (adding.seen_before)
		summary->duplicates++;
	else
		summary->outside++;
	return NULL;
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
