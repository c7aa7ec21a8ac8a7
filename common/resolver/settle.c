/* SPDX-License-Identifier: ISC */
/* The last step of a lookup: what is written down. */
#include "resolver/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	CLOCK_AHEAD = 172800, /* seconds without a chain that verified */
	WITNESSES_MAX = 3
};

static int64_t
at_least(int64_t value, int64_t least)
{
	return value > least ? value : least;
}

/* The record was asked for just now; when it may be asked for again. */
static void
mark_checked(struct sts_lookup *l, int64_t now)
{
	const struct sts_config *config = l->resolver->config;
	bool no_answer = sts_status_class(l->record) == STS_CLASS_DNS;

	l->entry.checked = now;
	l->entry.next_check =
	    now + (no_answer ? STS_DNS_BACKOFF : config->recheck);
	if (l->task == STS_TASK_LOOKUP)
		l->entry.used = now;
}

/*
 * A lookup that went on without the lock may hold an entry that its holder has
 * replaced since: the newer fetch stays.
 */
static bool
is_overtaken(const struct sts_lookup *l)
{
	struct sts_entry there;
	bool newer;

	if (l->locked ||
	    sts_store_read_policy(
		l->resolver->store, l->domain, sts_now(), &there) != STS_OK)
		return false;
	newer = there.fetched > l->entry.fetched;
	sts_entry_free(&there);
	return newer;
}

static enum sts_status
write_entry(struct sts_lookup *l, bool durable)
{
	if (is_overtaken(l))
		return STS_OK;
	memcpy(l->entry.domain, l->domain, sizeof(l->domain));
	return sts_store_write_policy(l->resolver->store, &l->entry, durable);
}

void
sts_settle_keep(struct sts_lookup *lookup)
{
	/*
	 * With a clock that may be wrong the entry was read with its times
	 * clamped; written back like that it would live too short a life.
	 */
	if (lookup->clock_suspect) {
		sts_lookup_finish(lookup, STS_OK);
		return;
	}
	mark_checked(lookup, sts_now());
	sts_lookup_finish(lookup, write_entry(lookup, false));
}

/* Takes a fetched body over into the entry; false: no memory. */
static bool
replace_body(struct sts_entry *e, const char *body, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return false;
	memcpy(copy, body, len);
	copy[len] = '\0';
	free(e->body);
	e->body = copy;
	e->body_len = len;
	return true;
}

void
sts_settle_fetched(struct sts_lookup *lookup,
    const struct sts_fetch_result *result, const struct sts_policy *policy)
{
	struct sts_entry *e = &lookup->entry;
	struct sts_store *store = lookup->resolver->store;
	int64_t recheck = lookup->resolver->config->recheck;
	int64_t now = sts_now();
	enum sts_status status;
	bool changed = e->body == NULL || e->body_len != result->body_len ||
	    memcmp(e->body, result->body, e->body_len) != 0;

	if (!replace_body(e, result->body, result->body_len)) {
		sts_lookup_finish(lookup, STS_NO_MEMORY);
		return;
	}
	memcpy(e->id, lookup->id, sizeof(e->id));
	e->fetched = now;
	e->expires = now + at_least(policy->max_age, recheck);
	e->failed_id[0] = '\0';
	e->failed_at = e->failed_next = 0;
	e->failed_reason = STS_OK;
	if (e->used == 0)
		e->used = now;
	mark_checked(lookup, now);
	status = write_entry(lookup, changed);
	if (status == STS_OK) {
		(void)sts_store_drop_absence(store, lookup->domain);
		/* A chain that verified: the clock was right enough. */
		(void)sts_store_write_newest(store, now, lookup->domain);
		sts_log(STS_LOG_INFO, lookup->domain,
		    "event=policy id=%s mode=%s max_age=%lld mx=%u changed=%s",
		    e->id, sts_mode_name(policy->mode),
		    (long long)policy->max_age, policy->mx_count,
		    changed ? "yes" : "no");
	}
	sts_lookup_finish(lookup, status);
}

/* The failure is noted in the entry, which goes on as it is. */
static void
note_failure(struct sts_lookup *l, enum sts_status reason)
{
	struct sts_entry *e = &l->entry;
	int64_t now = sts_now();
	enum sts_status status;

	memcpy(e->failed_id, l->id, sizeof(e->failed_id));
	e->failed_at = now;
	e->failed_next = now + STS_FETCH_BACKOFF;
	e->failed_reason = reason;
	mark_checked(l, now);
	status = write_entry(l, false);
	if (status == STS_OK && l->task != STS_TASK_LOOKUP)
		status = reason;
	sts_lookup_finish(l, status);
}

void
sts_settle_failed(struct sts_lookup *lookup, enum sts_status reason)
{
	const struct sts_entry *e = &lookup->entry;
	bool lookup_task = lookup->task == STS_TASK_LOOKUP;
	bool live = sts_entry_is_live(e, sts_now());

	/* It may be the clock that makes certificates fail. */
	if (lookup->clock_suspect && (live || !lookup_task))
		sts_lookup_finish(lookup, lookup_task ? STS_OK : reason);
	else if (live && !lookup_task && e->policy.mode == STS_MODE_NONE &&
	    lookup->record == STS_NO_RECORD) {
		/* RFC 8461 8.3: withdrawn to the end, nothing to warn of. */
		(void)sts_store_drop(lookup->resolver->store, lookup->domain);
		sts_lookup_finish(lookup, STS_OK);
	} else if (live || (e->body != NULL && !lookup_task))
		note_failure(lookup, reason);
	else
		sts_settle_absent(lookup, reason, STS_FETCH_BACKOFF);
}

static void
write_absence(struct sts_lookup *l)
{
	struct sts_store *store = l->resolver->store;
	enum sts_status status = sts_store_write_absence(store, &l->absence);

	if (status == STS_OK) {
		sts_log(STS_LOG_DEBUG, l->domain, "event=absent reason=%s",
		    sts_status_name(l->absence.reason));
		sts_store_trim_absences(
		    store, l->domain, l->resolver->config->checks_max);
		/* The failed fetch is backed off all the same. */
		if (l->corrupt)
			status = STS_ENTRY_CORRUPT;
	}
	sts_lookup_finish(l, status);
}

/*
 * A clock far behind the store: the witness, the domain that the newest
 * `fetched` was seen with, was fetched again.  If that went well the clock is
 * right, and it was wrong then.
 */
static void
on_newest(void *arg, enum sts_status status)
{
	struct sts_lookup *l = arg;

	if (status == STS_NOT_FOUND)
		/* dropped: nothing speaks against it */
		status = sts_store_write_newest(
		    l->resolver->store, sts_now(), l->domain);
	if (status == STS_OK)
		write_absence(l);
	else
		sts_lookup_finish(l, STS_CLOCK);
}

/* Where there is no other witness than this domain the clock stays in doubt. */
static void
ask_newest(struct sts_lookup *l)
{
	char witness[STS_NAME_MAX + 1];
	int64_t newest;

	if (sts_store_read_newest(l->resolver->store, &newest, witness) !=
		STS_OK ||
	    strcmp(witness, l->domain) == 0)
		sts_lookup_finish(l, STS_CLOCK);
	else if (!sts_lookup_start(
		     l->resolver, witness, STS_TASK_FORCE, on_newest, l))
		sts_lookup_finish(l, STS_NO_MEMORY);
}

/* Domains with a policy, other than the one in question. */
struct others {
	const struct sts_lookup *lookup;
	unsigned count;
	char domain[WITNESSES_MAX][STS_NAME_MAX + 1];
};

/* Takes one more; true while there is room. */
static bool
take_other(void *arg, const char *domain)
{
	struct others *o = arg;

	if (strcmp(domain, o->lookup->domain) == 0)
		return true;
	for (unsigned i = 0; i < o->count; i++) {
		if (strcmp(domain, o->domain[i]) == 0)
			return true;
	}
	memcpy(o->domain[o->count++], domain, strlen(domain) + 1);
	return o->count < WITNESSES_MAX;
}

/* The one fetched last comes first, the rest as the store has them. */
static void
find_others(const struct sts_lookup *l, struct others *o)
{
	struct sts_store *store = l->resolver->store;
	char last[STS_NAME_MAX + 1];
	int64_t newest;

	o->lookup = l;
	o->count = 0;
	if (sts_store_read_newest(store, &newest, last) == STS_OK)
		(void)take_other(o, last);
	(void)sts_store_walk(store, STS_KIND_POLICY, take_other, o);
}

static void ask_other(struct sts_lookup *l);

/*
 * A clock that may be ahead: another domain was fetched again by it.  If its
 * certificate has run out as well the clock is wrong, as far as can be told;
 * if its chain verified, which makes it the newest, the clock is right.
 * Whatever else its host does says nothing of the clock.
 */
static void
on_other(void *arg, enum sts_status status)
{
	struct sts_lookup *l = arg;

	if (status == STS_FETCH_CERT_EXPIRED || sts_status_is_local(status))
		sts_lookup_finish(l, STS_CLOCK);
	else if (sts_clock_may_be_ahead(l->resolver, sts_now(), CLOCK_AHEAD))
		ask_other(l);
	else
		write_absence(l);
}

/* Asks the next one; where nobody can tell, the clock is believed. */
static void
ask_other(struct sts_lookup *l)
{
	struct others o;

	find_others(l, &o);
	/* The store may have lost one meanwhile. */
	if (l->others >= o.count)
		write_absence(l);
	else if (!sts_lookup_start(l->resolver, o.domain[l->others++],
		     STS_TASK_FORCE, on_other, l))
		sts_lookup_finish(l, STS_NO_MEMORY);
}

/*
 * True where the reason may be the clock's and not the domain's: a certificate
 * has run out, and none has been found valid for two days, though a store is
 * refreshed daily.  A spoiled entry is a fault anyway.
 */
static bool
may_be_ahead(const struct sts_lookup *l, enum sts_status reason, int64_t now)
{
	return reason == STS_FETCH_CERT_EXPIRED && !l->corrupt &&
	    sts_clock_may_be_ahead(l->resolver, now, CLOCK_AHEAD);
}

void
sts_settle_absent(
    struct sts_lookup *lookup, enum sts_status reason, int64_t seconds)
{
	struct sts_absence *a = &lookup->absence;
	enum sts_class class = sts_status_class(reason);
	int64_t now = sts_now();

	memset(a, 0, sizeof(*a));
	memcpy(a->domain, lookup->domain, sizeof(a->domain));
	a->recorded = a->used = now;
	a->until = now + at_least(seconds, 1);
	a->reason = reason;
	if (class == STS_CLASS_FETCH || class == STS_CLASS_POLICY)
		memcpy(a->id, lookup->id, sizeof(a->id));
	if (lookup->clock_suspect)
		ask_newest(lookup);
	else if (may_be_ahead(lookup, reason, now))
		ask_other(lookup);
	else
		write_absence(lookup);
}
