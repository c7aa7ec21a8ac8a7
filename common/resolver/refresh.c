/* SPDX-License-Identifier: ISC */
/*
 * Refreshes the whole store: the due policies, by time of expiry, a few at a
 * time, spread out.  One that is not due costs one read.  A domain whose policy
 * host is busy with other requests is retried at the end.
 */
#include "resolver/resolver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "core/due.h"
#include "resolver/lookup.h"

enum {
	PARALLEL_MAX = 32, /* policy hosts at once: many may hang */
	PACE_MS = 10,      /* between two starts, */
	JITTER_MS = 40,    /* and a random delay of up to so much */
	AGAIN_MS = 250,    /* the same for retries */
	STEP_MS = 1000,
	FAULTS_MAX = 8 /* local faults in a row: a general one */
};

/* A policy that may be due. */
struct due {
	int64_t expires; /* 0: a damaged file, for which mail waits */
	char domain[STS_NAME_MAX + 1];
};

struct refresh {
	struct sts_resolver *resolver;
	sts_refresh_report *report;
	void *arg;
	int64_t now;
	struct due *list;
	size_t count, size;
	size_t first_again; /* from here on: retries */
	size_t started;
	size_t done;
	struct sts_refresh_counts counts;
	unsigned faults;       /* local ones in a row */
	enum sts_status fault; /* the one that stopped it */
};

/* One domain under way. */
struct item {
	struct refresh *refresh;
	size_t index; /* into the list, which may grow */
};

static bool
add(struct refresh *f, const char *domain, int64_t expires)
{
	struct due *grown;

	if (f->count == f->size) {
		size_t size = f->size > 0 ? 2 * f->size : 64;

		grown = reallocarray(f->list, size, sizeof(*grown));
		if (grown == NULL) {
			f->fault = STS_NO_MEMORY;
			return false;
		}
		f->list = grown;
		f->size = size;
	}
	f->list[f->count].expires = expires;
	memcpy(f->list[f->count++].domain, domain, strlen(domain) + 1);
	return true;
}

/* Takes no lock: each task reads the store again when it starts. */
static bool
collect(void *arg, const char *domain)
{
	struct refresh *f = arg;
	struct sts_store *store = f->resolver->store;
	struct sts_check check;
	struct sts_entry e;
	bool due;
	enum sts_status status =
	    sts_store_read_policy(store, domain, f->now, &e);
	int64_t expires = e.expires;

	if (status == STS_NOT_FOUND)
		return true;
	if (status != STS_OK)
		return add(f, domain, 0);
	(void)sts_store_read_check(store, domain, f->now, &check);
	due = sts_entry_is_live(&e, f->now)
	    ? sts_entry_wants_refresh(
		  &e, &check, f->now, f->resolver->config->refresh_after)
	    : f->now >= check.failed_next;
	sts_entry_free(&e);
	if (due)
		return add(f, domain, expires);
	f->counts.not_due++;
	return true;
}

static int
by_expiry(const void *a, const void *b)
{
	const struct due *x = a, *y = b;

	return (x->expires > y->expires) - (x->expires < y->expires);
}

static bool
expire_check(void *arg, const char *domain)
{
	struct refresh *f = arg;

	sts_store_expire_check(f->resolver->store, domain, f->now);
	return true;
}

static void
count(struct refresh *f, enum sts_status status)
{
	if (status == STS_OK)
		f->counts.fetched++;
	else if (status == STS_NOT_DUE)
		f->counts.not_due++;
	else if (status == STS_NOT_FOUND)
		f->counts.removed++;
	else
		f->counts.failed++;
	/* A fault of one file or one host does not stop the others. */
	if (!sts_status_is_local(status) || status == STS_ENTRY_CORRUPT)
		f->faults = 0;
	else if (++f->faults >= FAULTS_MAX || f->faults == f->count)
		f->fault = status;
}

static void
on_done(void *arg, enum sts_status status)
{
	struct item *item = arg;
	struct refresh *f = item->refresh;

	f->done++;
	if (status == STS_TOO_SOON &&
	    add(f, f->list[item->index].domain, f->list[item->index].expires)) {
		free(item);
		return;
	}
	count(f, status);
	if (f->report != NULL)
		f->report(f->arg, f->list[item->index].domain, status, f->done,
		    f->count);
	free(item);
}

/* Starts the next domain; false: no memory. */
static bool
start_next(struct refresh *f)
{
	struct item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return false;
	item->refresh = f;
	item->index = f->started;
	if (!sts_lookup_start(f->resolver, f->list[f->started].domain,
		STS_TASK_REFRESH, on_done, item)) {
		free(item);
		return false;
	}
	f->started++;
	return true;
}

static void
on_pace(void *arg)
{
	*(bool *)arg = true;
}

static bool
may_start_more(const struct refresh *f)
{
	return f->started < f->count && f->fault == STS_OK;
}

static int64_t
pause_ms(const struct refresh *f)
{
	if (f->started >= f->first_again)
		return AGAIN_MS;
	return PACE_MS + random() % JITTER_MS;
}

/* Runs until all started ones are done; after a fault starts no more. */
static enum sts_status
run(struct refresh *f)
{
	struct sts_loop *loop = f->resolver->loop;
	enum sts_status status = STS_OK;
	struct sts_timer *pace = NULL;
	bool now = true;

	while (
	    status == STS_OK && (f->done < f->started || may_start_more(f))) {
		if (now && may_start_more(f) &&
		    f->started - f->done < PARALLEL_MAX) {
			now = false;
			pace =
			    sts_timer_start(loop, pause_ms(f), on_pace, &now);
			if (pace == NULL || !start_next(f))
				f->fault = STS_NO_MEMORY;
		}
		status = sts_loop_step(loop, STEP_MS);
	}
	if (!now)
		sts_timer_cancel(loop, pace);
	return status != STS_OK ? status : f->fault;
}

/* RFC 8461 10.2: warns the operator long before a policy expires. */
static void
warn_of_silence(const struct refresh *f)
{
	int64_t silence = sts_clock_silence(f->resolver, sts_now());

	if (f->counts.fetched > 0 ||
	    !sts_due_is_silent(silence, f->counts.failed))
		return;
	sts_log(STS_LOG_ERROR, NULL,
	    "event=no-fetch-succeeds failed=%zu since_last=%lld",
	    f->counts.failed, (long long)(silence == INT64_MAX ? -1 : silence));
}

enum sts_status
sts_refresh_all(struct sts_resolver *resolver, sts_refresh_report *report,
    void *arg, struct sts_refresh_counts *counts)
{
	struct refresh f = {.resolver = resolver,
	    .report = report,
	    .arg = arg,
	    .now = sts_now()};
	struct sts_store *store = resolver->store;
	enum sts_status status;

	status = sts_store_walk(store, STS_KIND_POLICY, collect, &f);
	if (status == STS_OK)
		status = f.fault;
	if (status == STS_OK) {
		if (f.count > 0)
			qsort(f.list, f.count, sizeof(*f.list), by_expiry);
		f.first_again = f.count;
		srandom((unsigned)f.now ^ (unsigned)getpid());
		status = run(&f);
		warn_of_silence(&f);
	}
	(void)sts_store_walk(store, STS_KIND_CHECK, expire_check, &f);
	*counts = f.counts;
	sts_log(STS_LOG_INFO, NULL,
	    "event=refreshed fetched=%zu not_due=%zu failed=%zu removed=%zu "
	    "result=%s",
	    f.counts.fetched, f.counts.not_due, f.counts.failed,
	    f.counts.removed, sts_status_name(status));
	free(f.list);
	return status;
}
