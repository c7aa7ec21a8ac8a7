/* SPDX-License-Identifier: ISC */
/*
 * Lookups for which no session waits.
 *
 * In each round the resolver refreshes the policies that are due (RFC 8461 3.3,
 * 10.2), and the filter looks up the domains of the prefetch list, since the
 * targets of aliases pass no filter.  Between two rounds, mail for a domain
 * whose policy is due refreshes it.
 */
#include "opensmtpd/filter/filter.h"

#include <string.h>

#include "base/clock.h"
#include "base/minmax.h"
#include "core/domain.h"

enum {
	ROUND_MIN = 10,        /* seconds between two rounds */
	ROUND_MAX = 3000,      /* before a policy of one hour has expired */
	ROUND_AGAIN = 300,     /* after one that a local fault has ended */
	ROUNDS_A_REFRESH = 24, /* rounds in `refresh-after` */
	PREFETCH_MS = 50,      /* between two domains of the prefetch list */
	PENDING_MAX = 64       /* questions; with more it waits */
};

/* Often enough for a refresh soon after `refresh-after`. */
static int64_t
round_ms(const struct sts_filter *f)
{
	int64_t seconds = f->config.refresh_after / ROUNDS_A_REFRESH;

	return sts_min(sts_max(seconds, ROUND_MIN), ROUND_MAX) * 1000;
}

static void
begin_round(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;

	r->next_ms = sts_monotonic_ms() + round_ms(f);
	/* A long list is gone through to its end. */
	if (r->prefetched >= f->config.prefetch.count)
		r->prefetched = 0;
	if (!sts_worker_refresh_all(f->worker))
		r->next_ms = sts_monotonic_ms() + ROUND_AGAIN * 1000;
}

/* The slot of a refresh that is under way; domain "": a free one; or -1. */
static int
find_slot(const struct sts_refresh *r, const char *domain)
{
	for (int i = 0; i < STS_REFRESH_AT_ONCE; i++) {
		if (strcmp(r->due[i], domain) == 0)
			return i;
	}
	return -1;
}

void
sts_refresh_want(struct sts_filter *f, const char *domain)
{
	struct sts_refresh *r = &f->refresh;
	int i = find_slot(r, "");

	if (i >= 0 && find_slot(r, domain) < 0 &&
	    sts_worker_ask(f->worker, STS_WORKER_REFRESH, domain))
		memcpy(r->due[i], domain, strlen(domain) + 1);
}

/*
 * Looks up what the domain needs next: if it is prefetched, its hosts as well
 * as its policy.  A new policy may permit other hosts, and the MX records then
 * have changed as well: queued mail must get them at its next attempt.
 */
static void
ask_next(struct sts_filter *f, const char *domain, enum sts_moment moment)
{
	enum sts_worker_what what;
	struct sts_domain_state k;

	sts_domain_state_read(&f->config, domain, true, &k);
	if (sts_domain_state_needs(&k, moment, &what))
		(void)sts_worker_ask(f->worker, what, domain);
	sts_domain_state_free(&k);
}

static void
prefetch_next(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;
	const char *name = f->config.prefetch.name[r->prefetched++];
	char domain[STS_NAME_MAX + 1];

	if (sts_domain_normalise(name, domain) == STS_OK)
		ask_next(f, domain, STS_MAIL_COMES);
}

void
sts_refresh_step(struct sts_filter *f)
{
	struct sts_refresh *r = &f->refresh;
	int64_t now = sts_monotonic_ms();

	if (f->worker == NULL || f->config_status != STS_OK)
		return;
	if (now >= r->next_ms)
		begin_round(f);
	if (r->prefetched >= f->config.prefetch.count || now < r->prefetch_ms)
		return;
	r->prefetch_ms = now + PREFETCH_MS;
	/* Mail comes first: its lookups are to find room in the resolver. */
	if (sts_worker_pending(f->worker) < PENDING_MAX)
		prefetch_next(f);
}

void
sts_refresh_done(struct sts_filter *f, enum sts_worker_what what,
    const char *domain, enum sts_status status)
{
	struct sts_refresh *r = &f->refresh;
	int64_t again = sts_monotonic_ms() + ROUND_AGAIN * 1000;
	int i = find_slot(r, domain);

	if (what == STS_WORKER_REFRESH_ALL) {
		if (sts_status_is_local(status))
			r->next_ms = sts_min(r->next_ms, again);
		return;
	}
	if (what == STS_WORKER_REFRESH && i >= 0)
		r->due[i][0] = '\0';
	if (status != STS_OK)
		return;
	if (what == STS_WORKER_LOOKUP)
		ask_next(f, domain, STS_MAIL_LOOKED_UP);
	else if (what == STS_WORKER_REFRESH)
		ask_next(f, domain, STS_QUEUE_REFRESHED);
}

int64_t
sts_refresh_due_ms(const struct sts_filter *f)
{
	const struct sts_refresh *r = &f->refresh;

	if (f->worker == NULL || f->config_status != STS_OK || !f->registered)
		return INT64_MAX;
	return r->prefetched < f->config.prefetch.count
	    ? sts_min(r->prefetch_ms, r->next_ms)
	    : r->next_ms;
}
