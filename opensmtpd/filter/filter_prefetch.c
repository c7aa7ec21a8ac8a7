/* SPDX-License-Identifier: ISC */
/*
 * Rounds over the store: policies are fetched again before they expire (RFC
 * 8461 3.3, 10.2), and the domains of the prefetch list are looked up ahead,
 * since the targets of aliases pass no filter.  What another process refreshed
 * meanwhile is not due any more.
 *
 * A round reads the names of all domains at once, which is fast, and then their
 * entries a few at a time between smtpd's requests; of the due policies the
 * resolver gets those that expire first, at most four at a time.  So a store of
 * any size delays no session noticeably, and policy hosts see no burst.
 */
#include "opensmtpd/filter/filter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/minmax.h"
#include "core/domain.h"

enum {
	ROUND_MIN = 10,        /* seconds between two rounds */
	ROUND_MAX = 3000,      /* before a policy of one hour has expired */
	ROUNDS_A_REFRESH = 24, /* in `refresh-after` */
	NAMES_MAX = 8 * 1024 * 1024, /* bytes of names in a round */
	NAMES_A_STEP = 32,           /* read from the store at a time */
	STEP_MS = 20
};

/* Ends a round. */
static void
end_round(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;

	free(r->names);
	r->names = NULL;
	r->len = r->size = r->at = 0;
	free(r->due);
	r->due = NULL;
	r->due_count = r->due_size = r->due_at = 0;
}

/* Appends a name and its NUL; false: too many, or no memory. */
static bool
add_name(struct sts_refresh *r, const char *name)
{
	size_t len = strlen(name) + 1, size = r->size == 0 ? 4096 : r->size;
	char *more;

	while (size - r->len < len)
		size *= 2;
	if (size > NAMES_MAX)
		return false;
	if (size != r->size) {
		if ((more = realloc(r->names, size)) == NULL)
			return false;
		r->names = more;
		r->size = size;
	}
	memcpy(r->names + r->len, name, len);
	r->len += len;
	return true;
}

static bool
add_domain(void *arg, const char *domain)
{
	return add_name(arg, domain);
}

/* Often enough for a refresh soon after `refresh-after`. */
static int64_t
round_ms(const struct sts_filter *f)
{
	int64_t seconds = f->config.refresh_after / ROUNDS_A_REFRESH;

	return sts_min(sts_max(seconds, ROUND_MIN), ROUND_MAX) * 1000;
}

/* Names that cannot be read now are left to the next round. */
static void
begin_round(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;
	char domain[STS_NAME_MAX + 1];
	struct sts_store *store;

	end_round(f);
	r->next_ms = sts_monotonic_ms() + round_ms(f);
	for (size_t i = 0; i < f->config.prefetch.count; i++) {
		if (sts_domain_normalise(f->config.prefetch.name[i], domain) ==
		    STS_OK)
			(void)add_name(r, domain);
	}
	r->prefetched = r->len;
	if (f->config.state_dir == NULL ||
	    sts_store_open(&store, f->config.state_dir, false) != STS_OK)
		return;
	(void)sts_store_walk(store, STS_KIND_POLICY, add_domain, r);
	sts_store_close(store);
}

/* A free slot for a job, or -1. */
static int
free_job(const struct sts_refresh *r)
{
	for (int i = 0; i < STS_REFRESH_AT_ONCE; i++) {
		if (r->job[i].domain[0] == '\0')
			return i;
	}
	return -1;
}

/* The slot of a running job, or -1. */
static int
find_job(
    const struct sts_refresh *r, enum sts_worker_what what, const char *domain)
{
	for (int i = 0; i < STS_REFRESH_AT_ONCE; i++) {
		if (r->job[i].what == what &&
		    strcmp(r->job[i].domain, domain) == 0)
			return i;
	}
	return -1;
}

/*
 * If the worker refuses a question, it is left to the next round.  Each
 * question has one answer, which frees one slot.
 */
static void
start_job(struct sts_filter *f, enum sts_worker_what what, const char *domain)
{
	int i = free_job(&f->refresh);

	if (i < 0 || find_job(&f->refresh, what, domain) >= 0 ||
	    !sts_worker_ask(f->worker, what, domain))
		return;
	f->refresh.job[i].what = what;
	memcpy(f->refresh.job[i].domain, domain, strlen(domain) + 1);
}

void
sts_refresh_want(struct sts_filter *f, const char *domain)
{
	start_job(f, STS_WORKER_REFRESH, domain);
}

/* True if the policy is due for a refresh; *expires is when it expires. */
static bool
is_due(const struct sts_filter *f, const char *domain, int64_t *expires)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_store *store;
	struct sts_check check;
	struct sts_entry entry;
	bool due = false;

	if (sts_store_open(&store, f->config.state_dir, false) != STS_OK)
		return false;
	if (sts_store_read_policy(store, domain, now, &entry) == STS_OK) {
		*expires = entry.expires;
		(void)sts_store_read_check(store, domain, now, &check);
		due = !sts_entry_is_live(&entry, now) ||
		    sts_entry_wants_refresh(
			&entry, &check, now, f->config.refresh_after);
		sts_entry_free(&entry);
	}
	sts_store_close(store);
	return due;
}

/*
 * Looks up what the domain needs next: if it is prefetched, its hosts as well
 * as its policy.  A new policy may permit other hosts, and the MX records then
 * have changed as well: queued mail must get them at its next attempt.
 */
static void
start_next(struct sts_filter *f, const char *domain, enum sts_moment moment)
{
	enum sts_worker_what what;
	struct sts_domain_state k;

	sts_domain_state_read(&f->config, domain, true, &k);
	if (sts_domain_state_needs(&k, moment, &what))
		start_job(f, what, domain);
	sts_domain_state_free(&k);
}

/* Without memory it is left to the next round. */
static void
add_due(struct sts_refresh *r, size_t name, int64_t expires)
{
	struct sts_due *more;

	if (r->due_count == r->due_size) {
		size_t size = r->due_size == 0 ? 64 : 2 * r->due_size;

		more = reallocarray(r->due, size, sizeof(*more));
		if (more == NULL)
			return;
		r->due = more;
		r->due_size = size;
	}
	r->due[r->due_count].name = name;
	r->due[r->due_count++].expires = expires;
}

static int
by_expiry(const void *a, const void *b)
{
	const struct sts_due *x = a, *y = b;

	return (x->expires > y->expires) - (x->expires < y->expires);
}

/* Checks a few of the round's names. */
static void
scan_names(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;
	int64_t expires;

	for (int left = NAMES_A_STEP; r->at < r->len && left > 0; left--) {
		const char *domain = r->names + r->at;

		if (r->at < r->prefetched) {
			if (free_job(r) < 0)
				return;
			start_next(f, domain, STS_MAIL_COMES);
		} else if (is_due(f, domain, &expires))
			add_due(r, r->at, expires);
		r->at += strlen(domain) + 1;
	}
	if (r->at == r->len && r->due_count > 0)
		qsort(r->due, r->due_count, sizeof(*r->due), by_expiry);
}

/* True while the round lasts. */
static bool
is_under_way(const struct sts_refresh *r)
{
	return r->at < r->len || r->due_at < r->due_count;
}

void
sts_refresh_step(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;

	if (f->worker == NULL || f->config_status != STS_OK)
		return;
	if (!is_under_way(r) && sts_monotonic_ms() >= r->next_ms)
		begin_round(f);
	if (r->at < r->len)
		scan_names(f);
	if (r->at < r->len)
		return;
	while (r->due_at < r->due_count && free_job(r) >= 0)
		start_job(
		    f, STS_WORKER_REFRESH, r->names + r->due[r->due_at++].name);
	if (!is_under_way(r) && r->names != NULL)
		end_round(f);
}

void
sts_refresh_done(struct sts_filter *f, enum sts_worker_what what,
    const char *domain, enum sts_status status)
{
	struct sts_refresh *r = &f->refresh;
	int i = find_job(r, what, domain);

	if (i < 0)
		return;
	r->job[i].domain[0] = '\0';
	if (what == STS_WORKER_LOOKUP && status == STS_OK)
		start_next(f, domain, STS_MAIL_LOOKED_UP);
	else if (what == STS_WORKER_REFRESH && status == STS_OK)
		start_next(f, domain, STS_QUEUE_REFRESHED);
}

int64_t
sts_refresh_due_ms(const struct sts_filter *f)
{
	const struct sts_refresh *r = &f->refresh;

	if (f->worker == NULL || f->config_status != STS_OK)
		return INT64_MAX;
	if (!is_under_way(r))
		return r->next_ms;
	return free_job(r) >= 0 ? sts_monotonic_ms() + STEP_MS : INT64_MAX;
}
