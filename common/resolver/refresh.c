/* SPDX-License-Identifier: ISC */
/*
 * A round over the store: fetches the due policies again, by time of expiry,
 * those that have expired last, a few at a time, spread out, so that policy
 * hosts see no burst; removes expired checks.
 *
 * It reads one directory of 256 at a time, between the other work of a serving
 * resolver: a store of any size delays no lookup noticeably.  A policy that is
 * not due costs one read.  A domain whose policy host is busy with other
 * requests is retried at the end.
 */
#include "resolver/resolver.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "core/due.h"
#include "resolver/lookup.h"
#include "store/events.h"
#include "store/outcomes.h"

enum {
	PACE_MS = 10,   /* between two starts, */
	JITTER_MS = 40, /* and a random delay of up to so much */
	AGAIN_MS = 250, /* the same for retries */
	FAULTS_MAX = 8  /* local faults in a row: a general one */
};

/* A policy that may be due. */
struct due {
	struct sts_refresh *refresh;
	int64_t expires; /* 0: a damaged file, for which mail waits */
	bool expired;
	char domain[];
};

struct sts_refresh {
	struct sts_resolver *resolver;
	size_t at_once;
	sts_refresh_report *report;
	sts_refresh_ended *ended;
	void *arg;
	int64_t now;
	unsigned bucket; /* the next directory to read */
	struct due **list;
	size_t count, size;
	size_t first_again; /* from here on: retries */
	size_t started;
	size_t done;
	bool stopped;
	struct sts_timer *timer; /* of the next step; NULL: none */
	struct sts_refresh_counts counts;
	unsigned faults;        /* local ones in a row */
	enum sts_status fault;  /* the one that stopped it */
	enum sts_status unread; /* why a part of the store was not read */
};

static void pace(void *arg);

static bool
append(struct sts_refresh *f, struct due *due)
{
	struct due **grown;

	if (f->count == f->size) {
		size_t size = f->size > 0 ? 2 * f->size : 64;

		grown = reallocarray(f->list, size, sizeof(*grown));
		if (grown == NULL)
			return false;
		f->list = grown;
		f->size = size;
	}
	f->list[f->count++] = due;
	return true;
}

static bool
add(struct sts_refresh *f, const char *domain, int64_t expires)
{
	size_t size = strlen(domain) + 1;
	struct due *due = malloc(sizeof(*due) + size);

	if (due != NULL) {
		due->refresh = f;
		due->expires = expires;
		due->expired = expires != 0 && expires <= f->now;
		memcpy(due->domain, domain, size);
		if (append(f, due))
			return true;
	}
	free(due);
	f->fault = STS_NO_MEMORY;
	return false;
}

/* Takes no lock: each task reads the store again when it starts. */
static bool
collect(void *arg, const char *domain)
{
	struct sts_refresh *f = arg;
	struct sts_store *store = f->resolver->store;
	struct sts_check check;
	struct sts_entry e;
	bool due;
	enum sts_status status =
	    sts_store_read_policy(store, domain, f->now, &e);
	int64_t expires = e.expires;

	if (status == STS_NOT_FOUND)
		return true;
	if (status == STS_ENTRY_CORRUPT)
		return add(f, domain, 0);
	/* A directory at fault is not a reason to leave the others. */
	if (status != STS_OK) {
		f->unread = status;
		f->counts.failed++;
		return true;
	}
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

/*
 * What is damaged, what is in force, and then what has expired: however many of
 * those there are whose hosts hang, they do not keep the others waiting.
 */
static int
by_expiry(const void *a, const void *b)
{
	const struct due *x = *(struct due *const *)a;
	const struct due *y = *(struct due *const *)b;

	if (x->expired != y->expired)
		return x->expired ? 1 : -1;
	return (x->expires > y->expires) - (x->expires < y->expires);
}

static bool
expire_check(void *arg, const char *domain)
{
	struct sts_refresh *f = arg;

	sts_store_expire_check(f->resolver->store, domain, f->now);
	return true;
}

static void
count(struct sts_refresh *f, enum sts_status status)
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

/* RFC 8461 10.2: warns the operator long before a policy expires. */
static void
warn_of_silence(const struct sts_refresh *f)
{
	int64_t silence = sts_clock_silence(f->resolver, sts_now());

	if (f->counts.fetched > 0 ||
	    !sts_due_is_silent(silence, f->counts.failed))
		return;
	sts_log(STS_LOG_ERROR, NULL,
	    "event=no-fetch-succeeds failed=%zu since_last=%lld",
	    f->counts.failed, (long long)(silence == INT64_MAX ? -1 : silence));
}

void
sts_refresh_close(struct sts_resolver *resolver)
{
	struct sts_refresh *f = resolver->refresh;

	if (f == NULL)
		return;
	sts_timer_cancel(resolver->loop, f->timer);
	/* From first_again on they are in the list for the second time. */
	for (size_t i = 0; i < f->count && i < f->first_again; i++)
		free(f->list[i]);
	free(f->list);
	free(f);
	resolver->refresh = NULL;
}

static void
end(struct sts_refresh *f)
{
	struct sts_refresh_counts counts = f->counts;
	sts_refresh_ended *ended = f->ended;
	enum sts_status status = f->fault != STS_OK ? f->fault : f->unread;
	void *arg = f->arg;

	if (f->done > 0)
		warn_of_silence(f);
	sts_outcomes_expire(f->resolver->store, f->now);
	sts_events_round(f->resolver->store, sts_now());
	sts_log(status == STS_OK ? STS_LOG_INFO : STS_LOG_ERROR, NULL,
	    "event=refreshed fetched=%zu not_due=%zu failed=%zu removed=%zu "
	    "result=%s",
	    counts.fetched, counts.not_due, counts.failed, counts.removed,
	    sts_status_name(status));
	sts_refresh_close(f->resolver);
	ended(arg, status, &counts);
}

static bool
may_start_more(const struct sts_refresh *f)
{
	return f->started < f->count && f->fault == STS_OK && !f->stopped;
}

/* Calls `step` later; without memory for that the round is over. */
static void
schedule(struct sts_refresh *f, int64_t ms, void (*step)(void *arg))
{
	f->timer = sts_timer_start(f->resolver->loop, ms, step, f);
	if (f->timer == NULL)
		f->fault = STS_NO_MEMORY;
}

static void
on_done(void *arg, enum sts_status status)
{
	struct due *due = arg;
	struct sts_refresh *f = due->refresh;

	f->done++;
	if (status != STS_TOO_SOON || !append(f, due)) {
		count(f, status);
		if (f->report != NULL)
			f->report(
			    f->arg, due->domain, status, f->done, f->count);
	}
	if (f->timer == NULL && may_start_more(f))
		schedule(f, 0, pace);
	if (f->done == f->started && !may_start_more(f))
		end(f);
}

static int64_t
pause_ms(const struct sts_refresh *f)
{
	if (f->started >= f->first_again)
		return AGAIN_MS;
	return PACE_MS + random() % JITTER_MS;
}

/* Starts the next domain, and the pause to the one after it. */
static void
pace(void *arg)
{
	struct sts_refresh *f = arg;
	struct due *due;

	f->timer = NULL;
	if (may_start_more(f) && f->started - f->done < f->at_once) {
		due = f->list[f->started];
		schedule(f, pause_ms(f), pace);
		if (sts_lookup_start(f->resolver, due->domain, STS_TASK_REFRESH,
			on_done, due))
			f->started++;
		else
			f->fault = STS_NO_MEMORY;
	}
	if (f->done == f->started && !may_start_more(f))
		end(f);
}

/* Reads one directory of the store. */
static void
scan(void *arg)
{
	struct sts_refresh *f = arg;
	struct sts_store *store = f->resolver->store;
	enum sts_status status = sts_store_walk_bucket(
	    store, STS_KIND_POLICY, f->bucket, collect, f);

	f->timer = NULL;
	(void)sts_store_walk_bucket(
	    store, STS_KIND_CHECK, f->bucket, expire_check, f);
	if (status != STS_OK)
		f->unread = status;
	if (f->fault == STS_OK && !f->stopped &&
	    ++f->bucket < STS_STORE_BUCKETS) {
		schedule(f, 0, scan);
		if (f->timer != NULL)
			return;
	}
	if (f->count > 0)
		qsort(f->list, f->count, sizeof(struct due *), by_expiry);
	f->first_again = f->count;
	pace(f);
}

bool
sts_refresh_start(struct sts_resolver *resolver, size_t at_once,
    sts_refresh_report *report, sts_refresh_ended *ended, void *arg)
{
	struct sts_refresh *f;

	if (resolver->refresh != NULL || (f = calloc(1, sizeof(*f))) == NULL)
		return false;
	f->resolver = resolver;
	f->at_once = at_once;
	f->report = report;
	f->ended = ended;
	f->arg = arg;
	f->first_again = SIZE_MAX;
	f->now = sts_now();
	srandom((unsigned)f->now ^ (unsigned)getpid());
	schedule(f, 0, scan);
	if (f->timer == NULL) {
		free(f);
		return false;
	}
	resolver->refresh = f;
	return true;
}

void
sts_refresh_stop(struct sts_resolver *resolver)
{
	if (resolver->refresh != NULL)
		resolver->refresh->stopped = true;
}
