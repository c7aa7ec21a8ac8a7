/* SPDX-License-Identifier: ISC */
/*
 * The state machine of one lookup, RFC 8461 5.1 (resolver.h has its picture):
 *
 *	step_lock	one process at a time asks about a domain
 *	step_read	what the store has (stored.c); it may be the answer
 *	step_record	the _mta-sts TXT record, and _smtp._tls for reports
 *	step_decide	keep the policy, record "none", back off, or fetch
 *	step_fetch	the policy; on_fetch has it recorded
 *
 * Each step ends the lookup with finish() or starts exactly one thing
 * that calls the next step: a timer, a query or a fetch.
 *
 * Three rules shape it.  The DNS can be forged, so a record that is missing or
 * has changed never ends a policy in force; only a fetched policy replaces it.
 * Mail waits, so a policy in force answers at once if it is fresh enough, and
 * is refreshed afterwards.  And a local fault says nothing about the domain, so
 * it is reported and never recorded; record_result.c decides what is recorded.
 */
#include "resolver/lookup.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "core/due.h"
#include "core/record.h"
#include "core/result.h"
#include "store/events.h"

enum {
	LOCK_POLL_MS = 25,
	LOOK_MS = 500,  /* between two reads of the store meanwhile */
	SHORT_MS = 500, /* a fetch may lose so much */
	LEFT_MS = 200   /* with less left it does not begin */
};

static void step_lock(void *arg);
static bool ends_without_lock(struct sts_lookup *l);
static void step_read(struct sts_lookup *l);
static void step_record(struct sts_lookup *l);
static void on_tlsrpt(void *arg, enum sts_status status,
    const struct sts_span *records, size_t count);
static void on_record(void *arg, enum sts_status status,
    const struct sts_span *records, size_t count);
static void step_decide(struct sts_lookup *l);
static void step_end(struct sts_lookup *l);
static void step_fetch(struct sts_lookup *l);
static void on_fetch(void *arg, const struct sts_fetch_result *result);

static struct sts_lookup *
find(struct sts_resolver *r, const char *domain, enum sts_task task)
{
	struct sts_lookup *l =
	    sts_hashmap_find(&r->lookups, sts_hashmap_hash(domain));

	while (l != NULL && (l->task != task || strcmp(l->domain, domain) != 0))
		l = sts_hashmap_next(&l->node);
	return l;
}

static struct sts_lookup *
create(struct sts_resolver *r, const char *domain, enum sts_task task)
{
	struct sts_lookup *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->resolver = r;
	l->task = task;
	l->began = sts_now();
	l->began_ms = sts_monotonic_ms();
	memcpy(l->domain, domain, strlen(domain) + 1);
	l->timer = sts_timer_start(r->loop, 0, step_lock, l);
	if (l->timer == NULL) {
		free(l);
		return NULL;
	}
	sts_hashmap_insert(&r->lookups, &l->node, sts_hashmap_hash(domain));
	return l;
}

bool
sts_lookup_start(struct sts_resolver *resolver, const char *domain,
    enum sts_task task, sts_lookup_done *done, void *arg)
{
	struct sts_waiter *w = sts_waiter_create(done, arg);
	struct sts_lookup *l;

	if (w == NULL)
		return false;
	l = find(resolver, domain, task);
	if (l == NULL && (l = create(resolver, domain, task)) == NULL) {
		free(w);
		return false;
	}
	SLIST_INSERT_HEAD(&l->waiters, w, link);
	return true;
}

/* For `mta-sts status`; an answer from the store is no event. */
static void
note_event(const struct sts_lookup *l, enum sts_status status)
{
	int64_t now = sts_now();
	bool fetching = l->fetch_began != 0;
	enum sts_event_result result = STS_EVENT_NONE;

	if (l->resolver->store == NULL || status == STS_TOO_SOON ||
	    (l->decided == 0 && !sts_status_is_local(status)))
		return;
	if (sts_status_is_local(status))
		result = STS_EVENT_FAULT;
	else if (fetching)
		result = l->fetched ? STS_EVENT_POLICY : STS_EVENT_FAILED;
	else if (sts_status_class(l->record) == STS_CLASS_DNS)
		result = STS_EVENT_DNS;
	else if (sts_entry_is_live(&l->entry, now))
		result = STS_EVENT_UNCHANGED;
	else if (l->record == STS_OK)
		result = STS_EVENT_FAILED;
	sts_events_result(l->resolver->store,
	    l->task == STS_TASK_LOOKUP ? STS_EVENT_LOOKUP : STS_EVENT_REFRESH,
	    result, now);
}

/* Ends the lookup: releases the lock, calls every waiter back, frees it. */
static void
finish(struct sts_lookup *lookup, enum sts_status status)
{
	sts_hashmap_remove(&lookup->resolver->lookups, &lookup->node);
	sts_lookup_unlock(lookup);
	sts_dns_cancel(lookup->tlsrpt);
	if (sts_status_is_local(status))
		sts_log(STS_LOG_ERROR, lookup->domain, "event=fault reason=%s",
		    sts_status_name(status));
	note_event(lookup, status);
	sts_waiters_end(&lookup->waiters, status);
	sts_entry_free(&lookup->entry);
	free(lookup);
}

/* Refreshes continue without the lock: they are few. */
static bool
goes_on_unlocked(const struct sts_lookup *l)
{
	return sts_lookup_has_waited(l) &&
	    (l->task == STS_TASK_REFRESH || l->task == STS_TASK_FORCE);
}

/*
 * Mail waits for the one fetch as long as a lookup may take: if each of
 * hundreds that wait continued alone, each would fetch.
 */
static bool
ends_waiting(struct sts_lookup *l)
{
	int64_t now_ms = sts_monotonic_ms();

	/*
	 * It waits a while: the other process may only read, as one that looks
	 * for routes does, and then nothing would be fetched.
	 */
	if (l->task == STS_TASK_AFTER && sts_lookup_has_waited(l)) {
		finish(l, STS_NOT_DUE);
		return true;
	}
	/* Another process may have stored the answer meanwhile. */
	if (!l->contended || now_ms >= l->look_ms) {
		l->look_ms = now_ms + LOOK_MS;
		if (ends_without_lock(l))
			return true;
	}
	if (sts_lookup_left_ms(l) > 0)
		return false;
	finish(l, STS_RESOLVER_TIMEOUT);
	return true;
}

static void
step_lock(void *arg)
{
	struct sts_lookup *l = arg;
	enum sts_status status = sts_lookup_lock(l);

	l->timer = NULL;
	/* Locks only save work: if they do not work, mail does not wait. */
	if (status != STS_OK)
		sts_log(STS_LOG_WARNING, l->domain, "event=no-lock reason=%s",
		    sts_status_name(status));
	if (l->locked || status != STS_OK || goes_on_unlocked(l)) {
		step_read(l);
		return;
	}
	if (ends_waiting(l))
		return;
	l->contended = true;
	l->timer =
	    sts_timer_start(l->resolver->loop, LOCK_POLL_MS, step_lock, l);
	if (l->timer == NULL)
		finish(l, STS_NO_MEMORY);
}

/*
 * True if the store has the answer for a delivery, which then ends here; a
 * policy that is due is fetched afterwards.
 */
static bool
ends_with_store(struct sts_lookup *l, int64_t now)
{
	struct sts_resolver *r = l->resolver;
	bool due = sts_stored_is_due(l, now) && !l->entry.unsure;

	if (!due && !sts_stored_answers(l, now))
		return false;
	/* Without memory, the next delivery does it. */
	if (due && r->serving)
		(void)sts_lookup_start(
		    r, l->domain, STS_TASK_AFTER, NULL, NULL);
	finish(l, STS_OK);
	return true;
}

/*
 * True if the data of another process end it.  A policy in force answers
 * unchecked if its check is slow, and a process that has the lock for so long
 * does the refetch.
 */
static bool
ends_without_lock(struct sts_lookup *l)
{
	int64_t now = sts_now();
	bool mail = l->task == STS_TASK_LOOKUP;

	if ((!mail && l->task != STS_TASK_REFETCH) ||
	    sts_stored_read(l, now) != STS_OK)
		return false;
	if (mail && ends_with_store(l, now))
		return true;
	if (mail &&
	    !(sts_lookup_has_waited(l) && sts_entry_is_live(&l->entry, now)))
		return false;
	if (!mail && !sts_lookup_has_waited(l) &&
	    !sts_stored_is_refetched(l, now))
		return false;
	finish(l, mail ? STS_OK : STS_NOT_DUE);
	return true;
}

static void
step_read(struct sts_lookup *l)
{
	int64_t now = sts_now();
	enum sts_status status = sts_stored_read(l, now);

	if (status == STS_OK)
		status = sts_clock_check(l->resolver, now, &l->clock_suspect);
	if (status != STS_OK) {
		finish(l, status);
		return;
	}
	if (l->corrupt)
		sts_log(STS_LOG_ERROR, l->domain,
		    "event=entry-corrupt reason=%s",
		    sts_status_name(STS_ENTRY_CORRUPT));
	if (l->task == STS_TASK_LOOKUP && ends_with_store(l, now))
		return;
	if (l->task != STS_TASK_LOOKUP)
		status = sts_stored_may_fetch(l, now);
	if (status != STS_OK)
		finish(l, status);
	else
		step_record(l);
}

static struct sts_dns_query *
query_txt(struct sts_lookup *l, const char *prefix, int64_t timeout_ms,
    sts_dns_txt_done *done)
{
	char name[STS_NAME_MAX + 16];
	size_t len = strlen(prefix);

	memcpy(name, prefix, len);
	memcpy(name + len, l->domain, strlen(l->domain) + 1);
	return sts_dns_txt(l->resolver->dns, name, timeout_ms, done, l);
}

/*
 * A lookup that waited for the lock until the end has no time for a query.  The
 * record for reports has half the time, so that a name server that is silent
 * about it delays an answer no more than a slow one does.
 */
static void
step_record(struct sts_lookup *l)
{
	int64_t timeout_ms = l->resolver->config->dns_timeout * 1000;

	if (sts_lookup_left_ms(l) < timeout_ms) {
		finish(l, STS_RESOLVER_TIMEOUT);
		return;
	}
	l->query = query_txt(l, "_mta-sts.", timeout_ms, on_record);
	if (l->query == NULL)
		finish(l, STS_NO_MEMORY);
	/* Without memory for it the next lookup queries it. */
	else if (sts_tlsrpt_is_due(l, sts_now()))
		l->tlsrpt =
		    query_txt(l, "_smtp._tls.", timeout_ms / 2, on_tlsrpt);
}

/* Whatever the answer, all that ends is the wait for it. */
static void
on_tlsrpt(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	struct sts_lookup *l = arg;

	l->tlsrpt = NULL;
	sts_tlsrpt_answer(l, status, records, count, sts_now());
	if (l->query == NULL && l->fetch == NULL)
		step_end(l);
}

static void
on_record(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	struct sts_lookup *l = arg;

	l->query = NULL;
	/* RFC 8461 10.2: a refresh continues whatever the record. */
	if (status == STS_RESOLVER_TIMEOUT && l->task != STS_TASK_LOOKUP)
		status = STS_DNS_TIMEOUT;
	if (sts_status_is_local(status)) {
		finish(l, status);
		return;
	}
	if (status == STS_OK)
		l->record = sts_record_sts(records, count, l->id);
	else if (status == STS_DNS_NXDOMAIN || status == STS_DNS_NODATA)
		l->record = STS_NO_RECORD;
	else
		l->record = status;
	sts_log(STS_LOG_DEBUG, l->domain, "event=record result=%s id=%s",
	    sts_status_name(l->record), l->id);
	step_decide(l);
}

/*
 * When this id may be fetched again after a failure: after five minutes, 3.3.
 * Refreshes of a policy in force wait longer; mail that needs another policy
 * does not, nor does it once that policy is gone.
 */
static int64_t
failed_until(const struct sts_lookup *l, int64_t now)
{
	const struct sts_check *c = &l->check;
	bool refreshes = l->task != STS_TASK_REFETCH && !l->corrupt &&
	    sts_entry_is_live(&l->entry, now);

	return refreshes ? c->failed_next
			 : sts_due_again(c->failures, c->failed_next);
}

static bool
backs_off(const struct sts_lookup *l, int64_t now)
{
	const struct sts_check *c = &l->check;

	/* The operator's request overrides the pause. */
	return l->task != STS_TASK_FORCE && c->failed_id[0] != '\0' &&
	    strcmp(c->failed_id, l->id) == 0 && now < failed_until(l, now);
}

/* No record, or no answer, and no policy in force. */
static enum sts_status
end_without_record(struct sts_lookup *l)
{
	bool no_answer = sts_status_class(l->record) == STS_CLASS_DNS;

	if (l->corrupt)
		return STS_ENTRY_CORRUPT;
	if (l->task != STS_TASK_LOOKUP)
		return STS_NOT_FOUND;
	return sts_record_result_none(l, l->record,
	    no_answer ? STS_DNS_BACKOFF : l->resolver->config->negative_ttl);
}

static enum sts_status
end_backing_off(struct sts_lookup *l, int64_t now)
{
	if (l->corrupt)
		return STS_ENTRY_CORRUPT;
	if (l->task != STS_TASK_LOOKUP)
		return l->check.failed_reason;
	if (sts_entry_is_live(&l->entry, now))
		return sts_record_result_kept(l);
	if (sts_check_is_none(&l->check, now))
		return STS_OK;
	/* The policy expired while its id is backed off. */
	return sts_record_result_none(
	    l, l->check.failed_reason, failed_until(l, now) - now);
}

/* A policy in force answers a delivery if the record does not name another. */
static bool
is_kept(const struct sts_lookup *l, bool live)
{
	return live && l->task == STS_TASK_LOOKUP &&
	    (l->record != STS_OK || strcmp(l->id, l->entry.id) == 0);
}

static void
step_decide(struct sts_lookup *l)
{
	int64_t now = sts_now();
	bool live = sts_entry_is_live(&l->entry, now);

	l->decided = now;
	/* Without a record, the back-off is that of the policy's id. */
	if (l->record != STS_OK && l->entry.body != NULL)
		memcpy(l->id, l->entry.id, sizeof(l->id));
	if ((l->record == STS_OK || live) && !is_kept(l, live) &&
	    !backs_off(l, now))
		step_fetch(l);
	else if (l->tlsrpt == NULL)
		step_end(l);
}

static void
step_end(struct sts_lookup *l)
{
	bool live = sts_entry_is_live(&l->entry, l->decided);

	if (l->record != STS_OK && !live)
		finish(l, end_without_record(l));
	else if (is_kept(l, live))
		finish(l, sts_record_result_kept(l));
	else
		finish(l, end_backing_off(l, l->decided));
}

/* The rest of the lookup's time, for the fetch after its addresses. */
static int64_t
time_to_fetch(const struct sts_lookup *l)
{
	const struct sts_config *c = l->resolver->config;
	int64_t left = sts_lookup_left_ms(l) - c->dns_timeout * 1000;
	int64_t most = c->fetch_timeout * 1000;

	return sts_min(left, most);
}

/* Its host had less than fetch-timeout, since we waited for a lock. */
static bool
was_short(const struct sts_lookup *l)
{
	return l->resolver->config->fetch_timeout * 1000 - l->fetch_ms >
	    SHORT_MS;
}

static void
step_fetch(struct sts_lookup *l)
{
	struct sts_resolver *r = l->resolver;
	struct timespec began = {0};

	l->fetch_ms = time_to_fetch(l);
	if (l->fetch_ms < LEFT_MS) {
		finish(l, STS_RESOLVER_TIMEOUT);
		return;
	}
	/*
	 * The beginning, not the end: of two answers the one requested later is
	 * the newer, even if it arrives first.
	 */
	(void)clock_gettime(CLOCK_REALTIME, &began);
	l->fetch_began = (int64_t)began.tv_sec;
	l->fetch_began_us = began.tv_nsec / 1000;
	l->fetch = sts_fetch_start(&r->network, l->domain, r->port,
	    r->config->dns_timeout * 1000, l->fetch_ms, on_fetch, l);
	if (l->fetch == NULL)
		finish(l, STS_NO_MEMORY);
	else if (l->task == STS_TASK_REFRESH)
		sts_fetch_set_pace(l->fetch, &r->pace);
}

void
sts_detail_quote(const char *detail, char *out, size_t size)
{
	size_t len = 0;

	for (; detail[len] != '\0' && len + 1 < size; len++)
		out[len] = (char)(detail[len] == '"' ? '\'' : detail[len]);
	out[len] = '\0';
}

/*
 * Once for each back-off, in which nothing is fetched.  No warning for a domain
 * whose policy has mode none (RFC 8461 3.3).
 */
static void
log_failure(
    const struct sts_lookup *l, enum sts_status reason, const char *detail)
{
	const struct sts_entry *e = &l->entry;
	bool silent = e->body != NULL && e->policy.mode == STS_MODE_NONE;
	int64_t left = e->body != NULL ? e->expires - sts_now() : 0;
	char text[STS_WIRE_DETAIL_MAX];

	sts_detail_quote(detail, text, sizeof(text));
	sts_log(silent ? STS_LOG_DEBUG : STS_LOG_WARNING, l->domain,
	    "event=fetch-failed id=%s reason=%s result=%s policy_left=%lld "
	    "detail=\"%s\"",
	    l->id, sts_status_name(reason),
	    sts_result_name(sts_result_of_status(reason)),
	    (long long)(left > 0 ? left : 0), text);
}

static void
on_fetch(void *arg, const struct sts_fetch_result *result)
{
	struct sts_lookup *l = arg;
	struct sts_policy policy;
	enum sts_status status = result->status;

	l->fetch = NULL;
	if (status == STS_FETCH_TIMEOUT && was_short(l))
		status = STS_RESOLVER_TIMEOUT;
	if (status == STS_OK) {
		l->body = (struct sts_span){result->body, result->body_len};
		status = sts_policy_parse(
		    &policy, result->body, result->body_len, NULL, NULL);
	}
	if (sts_status_is_local(status) || status == STS_TOO_SOON)
		finish(l, status);
	else if (status == STS_OK) {
		l->fetched = true;
		finish(l, sts_record_result_fetched(l, &policy));
	} else {
		log_failure(l, status, result->detail);
		finish(l, sts_record_result_failed(l, status));
	}
}
