/* SPDX-License-Identifier: ISC */
#include "resolver/lookup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/child.h"
#include "base/log.h"
#include "core/record.h"
#include "core/result.h"
#include "store/lock.h"

enum {
	LOCK_POLL_MS = 25,
	LOCK_WAIT_MS = 10000, /* then on without it */
	CLOCK_SLACK = 86400,  /* seconds behind the newest `fetched` */
	CLOCK_LEAP = 604800 /* ahead of it, though a store is refreshed daily */
};

static void step_lock(void *arg);
static void step_read(struct sts_lookup *l);
static void step_record(struct sts_lookup *l);
static void on_record(void *arg, enum sts_status status,
    const struct sts_span *records, size_t count);
static void step_decide(struct sts_lookup *l);
static void step_fetch(struct sts_lookup *l);
static void on_fetch(void *arg, const struct sts_fetch_result *result);

int64_t
sts_now(void)
{
	return (int64_t)time(NULL);
}

static struct sts_lookup *
find(struct sts_resolver *r, const char *domain, enum sts_task task)
{
	for (struct sts_lookup *l = r->lookups; l != NULL; l = l->next) {
		if (l->task == task && strcmp(l->domain, domain) == 0)
			return l;
	}
	return NULL;
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
	l->next = r->lookups;
	r->lookups = l;
	return l;
}

bool
sts_lookup_start(struct sts_resolver *resolver, const char *domain,
    enum sts_task task, sts_lookup_done *done, void *arg)
{
	struct sts_waiter *w = calloc(1, sizeof(*w));
	struct sts_lookup *l;

	if (w == NULL)
		return false;
	l = find(resolver, domain, task);
	if (l == NULL && (l = create(resolver, domain, task)) == NULL) {
		free(w);
		return false;
	}
	w->done = done;
	w->arg = arg;
	w->next = l->waiters;
	l->waiters = w;
	return true;
}

void
sts_lookup_finish(struct sts_lookup *lookup, enum sts_status status)
{
	struct sts_resolver *r = lookup->resolver;
	struct sts_lookup **at = &r->lookups;

	while (*at != lookup)
		at = &(*at)->next;
	*at = lookup->next;
	if (lookup->locked)
		sts_lock_release(r->store, lookup->domain);
	if (sts_status_is_local(status))
		sts_log(STS_LOG_ERROR, lookup->domain, "event=fault reason=%s",
		    sts_status_name(status));
	while (lookup->waiters != NULL) {
		struct sts_waiter *w = lookup->waiters;

		lookup->waiters = w->next;
		w->done(w->arg, status);
		free(w);
	}
	sts_entry_free(&lookup->entry);
	free(lookup);
}

/*
 * A lock is per process: lookups of one domain within this one keep out of
 * each other's way by looking at the list.
 */
static bool
held_here(const struct sts_lookup *self)
{
	const struct sts_lookup *l;

	for (l = self->resolver->lookups; l != NULL; l = l->next) {
		if (l != self && l->locked &&
		    strcmp(l->domain, self->domain) == 0)
			return true;
	}
	return false;
}

/* Waiting must leave time for the rest of the lookup. */
static int64_t
lock_wait_ms(const struct sts_config *config)
{
	int64_t half = config->fetch_timeout * 1000 / 2;

	return half < LOCK_WAIT_MS ? half : LOCK_WAIT_MS;
}

static void
step_lock(void *arg)
{
	struct sts_lookup *l = arg;
	struct sts_resolver *r = l->resolver;
	enum sts_status status = STS_OK;
	int64_t waited = sts_monotonic_ms() - l->began_ms;

	l->timer = NULL;
	if (!held_here(l))
		status = sts_lock_try(r->store, l->domain, &l->locked);
	/* Locks save work; where there are none, mail is not to wait. */
	if (status != STS_OK)
		sts_log(STS_LOG_WARNING, l->domain, "event=no-lock reason=%s",
		    sts_status_name(status));
	if (l->locked || status != STS_OK ||
	    waited >= lock_wait_ms(r->config)) {
		step_read(l);
		return;
	}
	l->contended = true;
	l->timer = sts_timer_start(r->loop, LOCK_POLL_MS, step_lock, l);
	if (l->timer == NULL)
		sts_lookup_finish(l, STS_NO_MEMORY);
}

enum sts_status
sts_clock_check(struct sts_resolver *resolver, int64_t now, bool *suspect)
{
	char witness[STS_NAME_MAX + 1];
	enum sts_status status;
	int64_t newest;

	if (now < (int64_t)STS_BUILD_DATE)
		return STS_CLOCK;
	status = sts_store_read_newest(resolver->store, &newest, witness);
	if (status == STS_OK && now < newest - CLOCK_SLACK)
		*suspect = true;
	return sts_status_is_local(status) ? status : STS_OK;
}

/*
 * True where the store already has the answer: it is fresh, or somebody wrote
 * it while we waited for the lock.
 */
static bool
is_answered(const struct sts_lookup *l, int64_t now)
{
	const struct sts_config *config = l->resolver->config;

	if (l->corrupt)
		return false;
	if (sts_entry_is_live(&l->entry, now))
		return sts_entry_is_fresh(&l->entry, now, config->recheck) ||
		    (l->contended && l->entry.checked >= l->began);
	return sts_absence_is_fresh(&l->absence, now) ||
	    (l->contended && sts_absence_is_live(&l->absence, now) &&
		!l->absence.unsure && l->absence.recorded >= l->began);
}

bool
sts_clock_may_be_ahead(
    struct sts_resolver *resolver, int64_t now, int64_t seconds)
{
	char witness[STS_NAME_MAX + 1];
	int64_t newest;
	enum sts_status status =
	    sts_store_read_newest(resolver->store, &newest, witness);

	return status == STS_OK ? now - newest > seconds
				: status != STS_NOT_FOUND;
}

/* What a refresh has nothing to do with: true where it ends here. */
static bool
refresh_ends(struct sts_lookup *l, int64_t now)
{
	const struct sts_entry *e = &l->entry;
	bool unused = now - e->used >= STS_UNUSED_LIFE;

	if (e->body == NULL && !l->corrupt) {
		sts_lookup_finish(l, STS_NOT_FOUND);
		return true;
	}
	if (l->corrupt || l->task == STS_TASK_FORCE)
		return false;
	if (unused && !sts_entry_is_live(e, now) &&
	    !sts_clock_may_be_ahead(l->resolver, now, CLOCK_LEAP)) {
		sts_log(STS_LOG_INFO, l->domain, "event=removed unused=%lld",
		    (long long)(now - e->used));
		(void)sts_store_drop(l->resolver->store, l->domain);
	} else if (!unused &&
	    (e->unsure ||
		now - e->fetched >= l->resolver->config->refresh_after))
		return false;
	sts_lookup_finish(l, STS_OK);
	return true;
}

static void
step_read(struct sts_lookup *l)
{
	struct sts_store *store = l->resolver->store;
	int64_t now = sts_now();
	enum sts_status status;

	status = sts_store_read_policy(store, l->domain, now, &l->entry);
	l->corrupt =
	    status == STS_ENTRY_CORRUPT || status == STS_STATE_UNREADABLE;
	if (status == STS_OK || status == STS_NOT_FOUND || l->corrupt)
		status =
		    sts_store_read_absence(store, l->domain, now, &l->absence);
	if (status == STS_OK || status == STS_NOT_FOUND)
		status = sts_clock_check(l->resolver, now, &l->clock_suspect);
	if (status != STS_OK) {
		sts_lookup_finish(l, status);
		return;
	}
	if (l->corrupt)
		sts_log(STS_LOG_ERROR, l->domain,
		    "event=entry-corrupt reason=%s",
		    sts_status_name(STS_ENTRY_CORRUPT));
	if (l->task != STS_TASK_LOOKUP) {
		if (refresh_ends(l, now))
			return;
	} else if (is_answered(l, now)) {
		sts_lookup_finish(l, STS_OK);
		return;
	}
	step_record(l);
}

static void
step_record(struct sts_lookup *l)
{
	char name[STS_NAME_MAX + 16] = "_mta-sts.";

	memcpy(name + strlen(name), l->domain, strlen(l->domain) + 1);
	l->query = sts_dns_txt(l->resolver->dns, name,
	    l->resolver->config->dns_timeout * 1000, on_record, l);
	if (l->query == NULL)
		sts_lookup_finish(l, STS_NO_MEMORY);
}

static void
on_record(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	struct sts_lookup *l = arg;

	l->query = NULL;
	if (sts_status_is_local(status)) {
		sts_lookup_finish(l, status);
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

/* True where this id's last fetch failed less than five minutes ago, 3.3. */
static bool
backs_off(const struct sts_lookup *l, int64_t now)
{
	const struct sts_entry *e = &l->entry;

	if (e->body != NULL && e->failed_id[0] != '\0' &&
	    strcmp(e->failed_id, l->id) == 0 && now < e->failed_next)
		return true;
	/* One recorded in the future would be backed off until then. */
	return l->absence.id[0] != '\0' && !l->absence.unsure &&
	    strcmp(l->absence.id, l->id) == 0 &&
	    sts_absence_is_live(&l->absence, now);
}

/* True where RFC 8461 10.2 wants a fetch whatever the record says. */
static bool
wants_refresh(const struct sts_lookup *l, int64_t now)
{
	if (!sts_entry_is_live(&l->entry, now))
		return false;
	return l->task != STS_TASK_LOOKUP ||
	    now - l->entry.fetched >= 2 * l->resolver->config->refresh_after;
}

/* No record, or no answer, and no policy in force. */
static void
end_without_record(struct sts_lookup *l)
{
	bool no_answer = sts_status_class(l->record) == STS_CLASS_DNS;

	if (l->corrupt)
		sts_lookup_finish(l, STS_ENTRY_CORRUPT);
	else if (l->task != STS_TASK_LOOKUP)
		sts_lookup_finish(l, STS_OK);
	else
		sts_settle_absent(l, l->record,
		    no_answer ? STS_DNS_BACKOFF
			      : l->resolver->config->negative_ttl);
}

static void
end_backing_off(struct sts_lookup *l, int64_t now)
{
	enum sts_status reason =
	    l->entry.body != NULL && l->entry.failed_reason != STS_OK
	    ? l->entry.failed_reason
	    : l->absence.reason;

	if (l->corrupt)
		sts_lookup_finish(l, STS_ENTRY_CORRUPT);
	else if (l->task != STS_TASK_LOOKUP)
		sts_lookup_finish(l, reason);
	else if (sts_entry_is_live(&l->entry, now))
		sts_settle_keep(l);
	else if (sts_absence_is_live(&l->absence, now))
		sts_lookup_finish(l, STS_OK);
	else /* the entry expired while its id is backed off */
		sts_settle_absent(l, reason, l->entry.failed_next - now);
}

static void
step_decide(struct sts_lookup *l)
{
	int64_t now = sts_now();
	bool live = sts_entry_is_live(&l->entry, now);
	bool same =
	    live && l->record == STS_OK && strcmp(l->id, l->entry.id) == 0;

	/* The back-off of a fetch without a record is that of the entry's id.
	 */
	if (l->record != STS_OK && live)
		memcpy(l->id, l->entry.id, sizeof(l->id));
	if (l->record != STS_OK && !live)
		end_without_record(l);
	else if ((same || l->record != STS_OK) && !wants_refresh(l, now))
		sts_settle_keep(l);
	else if (backs_off(l, now))
		end_backing_off(l, now);
	else
		step_fetch(l);
}

/* What is left of the lookup's time, for the fetch after its addresses. */
static int64_t
fetch_ms(const struct sts_lookup *l)
{
	const struct sts_config *c = l->resolver->config;
	int64_t spent = sts_monotonic_ms() - l->began_ms;
	int64_t left = (c->fetch_timeout + c->dns_timeout) * 1000 - spent;
	int64_t most = c->fetch_timeout * 1000;

	return left < most ? (left > 500 ? left : 500) : most;
}

static void
step_fetch(struct sts_lookup *l)
{
	struct sts_resolver *r = l->resolver;

	l->fetch = sts_fetch_start(r->fetcher, l->domain, r->port,
	    r->config->dns_timeout * 1000, fetch_ms(l), on_fetch, l);
	if (l->fetch == NULL)
		sts_lookup_finish(l, STS_NO_MEMORY);
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
 * Once per back-off, as the only place where a fetch can fail.  Nobody needs
 * to be warned of a domain whose policy says none (RFC 8461 3.3).
 */
static void
log_failure(
    const struct sts_lookup *l, enum sts_status reason, const char *detail)
{
	const struct sts_entry *e = &l->entry;
	bool silent = e->body != NULL && e->policy.mode == STS_MODE_NONE;
	char text[STS_FETCH_DETAIL_MAX];

	sts_detail_quote(detail, text, sizeof(text));
	sts_log(silent ? STS_LOG_DEBUG : STS_LOG_WARNING, l->domain,
	    "event=fetch-failed id=%s reason=%s result=%s detail=\"%s\"", l->id,
	    sts_status_name(reason),
	    sts_result_name(sts_result_of_status(reason)), text);
}

static void
on_fetch(void *arg, const struct sts_fetch_result *result)
{
	struct sts_lookup *l = arg;
	struct sts_policy policy;
	enum sts_status status = result->status;

	l->fetch = NULL;
	if (status == STS_OK)
		status = sts_policy_parse(
		    &policy, result->body, result->body_len, NULL, NULL);
	if (sts_status_is_local(status))
		sts_lookup_finish(l, status);
	else if (status == STS_OK)
		sts_settle_fetched(l, result, &policy);
	else {
		log_failure(l, status, result->detail);
		sts_settle_failed(l, status);
	}
}
