/* SPDX-License-Identifier: ISC */
/*
 * The last step of a lookup: stores the result.
 *
 * A policy is written only by a successful fetch, as a compare and swap;
 * everything else goes into the check beside it, which may be lost.  So no
 * failure or silence, however late it is noticed, can remove a policy.
 */
#include "resolver/lookup.h"

#include <string.h>

#include "base/log.h"
#include "base/minmax.h"
#include "core/due.h"

enum { DAY = 86400, WARN_PAUSE = 3600, USED_DAYS_MAX = 2 };

/* Records that mail used the policy, and on how many days, for trimming. */
static void
mark_used(struct sts_check *check, int64_t now)
{
	if (check->used_days == 0 || check->used / DAY != now / DAY)
		check->used_days++;
	if (check->used_days > USED_DAYS_MAX)
		check->used_days = USED_DAYS_MAX;
	check->used = now;
	check->unused = 0;
}

/* Records that the record was queried now, and when it may be again. */
static void
mark_checked(struct sts_lookup *l, int64_t now)
{
	const struct sts_config *config = l->resolver->config;
	bool no_answer = sts_status_class(l->record) == STS_CLASS_DNS;

	memcpy(l->check.domain, l->domain, sizeof(l->domain));
	l->check.checked = now;
	l->check.next_check =
	    now + (no_answer ? STS_DNS_BACKOFF : config->recheck);
	if (l->task != STS_TASK_REFRESH && l->task != STS_TASK_FORCE)
		mark_used(&l->check, now);
}

/* With a policy in force, "no policy" is dropped. */
static void
clear_none(struct sts_check *check)
{
	check->reason = STS_OK;
	check->until = 0;
}

static void
clear_failure(struct sts_check *check)
{
	check->failed_id[0] = '\0';
	check->failed_reason = STS_OK;
	check->failed_since = check->failed_next = check->failures = 0;
}

static enum sts_status
write_check(struct sts_lookup *l)
{
	struct sts_store *store = l->resolver->store;
	enum sts_status status = sts_store_write_check(store, &l->check);

	if (status == STS_OK)
		sts_store_trim(store, STS_KIND_CHECK, l->domain,
		    l->resolver->config->checks_max, l->check.checked);
	return status;
}

/*
 * A domain's DNS failure is logged once an hour: the policy in force, or mail
 * that goes out without one, may depend on it.
 */
static void
warn_of_dns(struct sts_lookup *l, int64_t now)
{
	if (sts_status_class(l->record) != STS_CLASS_DNS ||
	    now - l->check.warned < WARN_PAUSE)
		return;
	l->check.warned = now;
	sts_log(STS_LOG_WARNING, l->domain,
	    "event=dns-trouble reason=%s policy=%s", sts_status_name(l->record),
	    sts_entry_is_live(&l->entry, now)             ? "kept"
		: l->resolver->config->on_dns_error_defer ? "unknown"
							  : "none");
}

enum sts_status
sts_record_result_kept(struct sts_lookup *lookup)
{
	int64_t now = sts_now();

	/* With a wrong clock nothing is recorded. */
	if (lookup->clock_suspect)
		return STS_OK;
	mark_checked(lookup, now);
	clear_none(&lookup->check);
	warn_of_dns(lookup, now);
	return write_check(lookup);
}

static void
log_policy(const struct sts_lookup *l, const struct sts_entry *e, bool replaced)
{
	const struct sts_entry *old = &l->entry;
	bool changed = old->body == NULL || old->body_len != e->body_len ||
	    memcmp(old->body, e->body, e->body_len) != 0;

	sts_log(STS_LOG_INFO, l->domain,
	    "event=policy id=%s mode=%s max_age=%lld mx=%u changed=%s%s", e->id,
	    sts_mode_name(e->policy.mode), (long long)e->policy.max_age,
	    e->policy.mx_count, changed ? "yes" : "no",
	    replaced ? "" : " kept=newer");
}

/* A chain was verified, so the clock is about right. */
static void
note_newest(struct sts_lookup *l)
{
	int64_t newest;

	if (!l->clock_suspect &&
	    sts_store_read_newest(l->resolver->store, &newest) == STS_OK &&
	    newest >= l->fetch_began)
		return;
	(void)sts_store_write_newest(l->resolver->store, l->fetch_began);
}

enum sts_status
sts_record_result_fetched(
    struct sts_lookup *lookup, const struct sts_policy *policy)
{
	const struct sts_config *config = lookup->resolver->config;
	struct sts_store *store = lookup->resolver->store;
	int64_t now = sts_now();
	enum sts_status status;
	struct sts_entry e;
	bool replaced;

	status = sts_entry_make(&e, lookup->domain, lookup->id, policy,
	    lookup->fetch_began, lookup->fetch_began_us, config->recheck);
	if (status != STS_OK)
		return status;
	status = sts_store_write_policy(store, &e, now, &replaced);
	if (status == STS_OK) {
		log_policy(lookup, &e, replaced);
		note_newest(lookup);
	}
	/* A policy that was fetched later came with its own check. */
	if (status == STS_OK && replaced) {
		mark_checked(lookup, now);
		clear_none(&lookup->check);
		clear_failure(&lookup->check);
		sts_tlsrpt_fetched(lookup, &e, now);
		/* A lost check costs a query: the policy is in the store. */
		(void)write_check(lookup);
		sts_store_trim(store, STS_KIND_POLICY, lookup->domain,
		    config->policies_max, now);
	}
	sts_entry_free(&e);
	return status;
}

/*
 * A refresh of the same id that fails repeatedly waits longer each time; for a
 * new id, or if no policy is in force, five minutes (3.3).
 */
static void
mark_failed(
    struct sts_lookup *l, enum sts_status reason, bool live, int64_t now)
{
	struct sts_check *c = &l->check;
	bool same = live && strcmp(l->id, l->entry.id) == 0;

	if (c->failed_reason == STS_OK || c->failures == 0) {
		c->failed_since = now;
		c->failures = 0;
	}
	/* They say how long this wait is: sts_due_again(). */
	c->failures = same ? c->failures + 1 : 1;
	c->failed_reason = reason;
	c->failed_next = now +
	    (same ? sts_due_backoff(c->failures, l->entry.expires - now)
		  : STS_FETCH_BACKOFF);
	memcpy(c->failed_id, l->id, sizeof(c->failed_id));
}

/*
 * RFC 8461 8.3: a policy of mode none without a record is completely withdrawn,
 * and needs no warning.
 */
static bool
is_withdrawn(const struct sts_lookup *l)
{
	return l->task != STS_TASK_LOOKUP && l->entry.body != NULL &&
	    l->entry.policy.mode == STS_MODE_NONE && l->record == STS_NO_RECORD;
}

enum sts_status
sts_record_result_failed(struct sts_lookup *lookup, enum sts_status reason)
{
	struct sts_store *store = lookup->resolver->store;
	bool for_mail = lookup->task == STS_TASK_LOOKUP;
	int64_t now = sts_now();
	bool live = sts_entry_is_live(&lookup->entry, now);
	enum sts_status status;

	/* A wrong clock can make certificates fail. */
	if (sts_clock_was_set(lookup, now))
		lookup->clock_suspect = true;
	if (lookup->clock_suspect)
		return live && for_mail ? STS_OK : STS_CLOCK;
	if (is_withdrawn(lookup)) {
		(void)sts_store_remove_policy(store, &lookup->entry);
		(void)sts_store_remove_check(store, lookup->domain);
		return STS_OK;
	}
	mark_failed(lookup, reason, live, now);
	sts_tlsrpt_failed(lookup, reason, now);
	if (!live && for_mail)
		return sts_record_result_none(
		    lookup, reason, STS_FETCH_BACKOFF);
	mark_checked(lookup, now);
	if (live)
		clear_none(&lookup->check);
	status = write_check(lookup);
	return status == STS_OK && !for_mail ? reason : status;
}

enum sts_status
sts_record_result_none(
    struct sts_lookup *lookup, enum sts_status reason, int64_t seconds)
{
	enum sts_class class = sts_status_class(reason);
	struct sts_check *c = &lookup->check;
	int64_t now = sts_now();
	enum sts_status status;

	if (lookup->clock_suspect)
		return STS_CLOCK;
	mark_checked(lookup, now);
	if (class != STS_CLASS_FETCH && class != STS_CLASS_POLICY)
		clear_failure(c);
	c->reason = reason;
	c->until = now + sts_max(seconds, 1);
	warn_of_dns(lookup, now);
	status = write_check(lookup);
	if (status != STS_OK)
		return status;
	sts_log(STS_LOG_DEBUG, lookup->domain, "event=none reason=%s",
	    sts_status_name(reason));
	/* The failed fetch is backed off nevertheless. */
	return lookup->corrupt ? STS_ENTRY_CORRUPT : STS_OK;
}
