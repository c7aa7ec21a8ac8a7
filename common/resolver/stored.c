/* SPDX-License-Identifier: ISC */
/*
 * A domain's data in the store, and what follows from it alone: whether it is
 * the answer, and whether to fetch.
 *
 * It is read before any query, and again while the lookup waits for its lock,
 * since another process may have written it.  A damaged policy file is never
 * the answer, and is fetched again.
 */
#include "resolver/lookup.h"

#include <string.h>

#include "base/log.h"
#include "base/minmax.h"
#include "core/due.h"

enum sts_status
sts_stored_read(struct sts_lookup *l, int64_t now)
{
	struct sts_store *store = l->resolver->store;
	enum sts_status status, check;

	sts_entry_free(&l->entry);
	/* In this order, not to miss a policy written in between. */
	check = sts_store_read_check(store, l->domain, now, &l->check);
	status = sts_store_read_policy(store, l->domain, now, &l->entry);
	l->corrupt =
	    status == STS_ENTRY_CORRUPT || status == STS_STATE_UNREADABLE;
	if (status != STS_OK && status != STS_NOT_FOUND && !l->corrupt)
		return status;
	sts_tlsrpt_read(l);
	return check == STS_NOT_FOUND ? STS_OK : check;
}

bool
sts_stored_answers(const struct sts_lookup *l, int64_t now)
{
	const struct sts_config *config = l->resolver->config;
	bool anew =
	    l->contended && !l->check.unsure && l->check.checked >= l->began;

	if (l->corrupt)
		return false;
	if (sts_entry_is_live(&l->entry, now))
		return anew || (l->contended && l->entry.fetched >= l->began) ||
		    sts_entry_is_fresh(
			&l->entry, &l->check, now, config->recheck);
	return sts_check_is_fresh(&l->check, now) ||
	    (anew && sts_check_is_none(&l->check, now));
}

bool
sts_stored_is_due(const struct sts_lookup *l, int64_t now)
{
	return sts_entry_wants_refresh(
	    &l->entry, &l->check, now, l->resolver->config->refresh_after);
}

/* Expired, and unused by mail, for half a year. */
static bool
is_unused(const struct sts_lookup *l, int64_t now)
{
	int64_t last = sts_max(l->check.used, l->entry.expires);

	return !sts_entry_is_live(&l->entry, now) &&
	    now - last >= STS_UNUSED_LIFE;
}

/*
 * Not at the first time: after a leap of the clock everything seems unused.
 * Once the clock is right, that time is in the future, and does not count.
 */
static void
remove_unused(struct sts_lookup *l, int64_t now)
{
	struct sts_store *store = l->resolver->store;

	if (l->check.unused == 0) {
		l->check.unused = now;
		memcpy(l->check.domain, l->domain, sizeof(l->domain));
		(void)sts_store_write_check(store, &l->check);
	}
	if (now - l->check.unused < STS_UNUSED_AGAIN)
		return;
	sts_log(STS_LOG_INFO, l->domain, "event=removed unused=%lld",
	    (long long)(now - l->check.used));
	(void)sts_store_remove_policy(store, &l->entry);
	(void)sts_store_remove_check(store, l->domain);
}

bool
sts_stored_is_refetched(const struct sts_lookup *l, int64_t now)
{
	return l->entry.body != NULL && !l->corrupt &&
	    now - l->check.refetched < STS_REFETCH_PAUSE;
}

/*
 * Written before the fetch, for other processes to see at once, and because a
 * fetch that dies with this process counts, too.
 */
static enum sts_status
mark_refetched(struct sts_lookup *l, int64_t now)
{
	l->check.refetched = now;
	memcpy(l->check.domain, l->domain, sizeof(l->domain));
	return sts_store_write_check(l->resolver->store, &l->check);
}

enum sts_status
sts_stored_may_fetch(struct sts_lookup *l, int64_t now)
{
	const struct sts_entry *e = &l->entry;

	if (l->corrupt)
		return STS_OK;
	if (e->body == NULL)
		return STS_NOT_FOUND;
	if (l->task == STS_TASK_FORCE)
		return STS_OK;
	if (l->task == STS_TASK_REFETCH) {
		if (sts_stored_is_refetched(l, now))
			return STS_NOT_DUE;
		return mark_refetched(l, now);
	}
	if (is_unused(l, now)) {
		remove_unused(l, now);
		return STS_NOT_FOUND;
	}
	if (sts_entry_is_live(e, now))
		return sts_stored_is_due(l, now) ? STS_OK : STS_NOT_DUE;
	return now < l->check.failed_next ? STS_NOT_DUE : STS_OK;
}
