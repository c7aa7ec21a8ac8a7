/* SPDX-License-Identifier: ISC */
/*
 * Decides which of the simultaneous lookups of a domain, in any number of
 * processes, does the work.
 */
#include <sys/queue.h>

#include <string.h>

#include "base/clock.h"
#include "base/minmax.h"
#include "resolver/lookup.h"
#include "store/lock.h"

enum { WAIT_MS = 10000 };

/* Not a domain name, since domains have locks in the same file. */
#define LATE_LOCK "late "

/*
 * A lock is per process: lookups of one domain within this process find each
 * other in the map.
 */
static bool
held_here(const struct sts_lookup *self)
{
	const struct sts_lookup *l =
	    sts_hashmap_find(&self->resolver->lookups, self->node.key);

	while (l != NULL &&
	    (l == self || !l->locked || strcmp(l->domain, self->domain) != 0))
		l = sts_hashmap_next(&l->node);
	return l != NULL;
}

static int64_t
spent_ms(const struct sts_lookup *l)
{
	return sts_monotonic_ms() - l->began_ms;
}

int64_t
sts_lookup_left_ms(const struct sts_lookup *l)
{
	return sts_config_lookup_ms(l->resolver->config) - spent_ms(l);
}

/*
 * The process that has the lock has exceeded its limits, or is stopped: one of
 * those that wait does the lookup instead.
 */
static bool
holder_is_late(const struct sts_lookup *l)
{
	return sts_lookup_left_ms(l) <
	    l->resolver->config->dns_timeout * 1000 * 3 / 2;
}

/* The name to lock. */
struct lock_name {
	char text[sizeof(LATE_LOCK) + STS_NAME_MAX];
};

static struct lock_name
lock_name(const struct sts_lookup *l, bool late)
{
	struct lock_name name = {LATE_LOCK};
	size_t at = late ? strlen(LATE_LOCK) : 0;

	memcpy(name.text + at, l->domain, strlen(l->domain) + 1);
	return name;
}

enum sts_status
sts_lookup_lock(struct sts_lookup *l)
{
	struct sts_store *store = l->resolver->store;
	enum sts_status status;

	if (held_here(l))
		return STS_OK;
	status = sts_lock_try(store, lock_name(l, false).text, &l->locked);
	if (status != STS_OK || l->locked || !holder_is_late(l))
		return status;
	status = sts_lock_try(store, lock_name(l, true).text, &l->locked);
	l->late = l->locked;
	return status;
}

void
sts_lookup_unlock(struct sts_lookup *l)
{
	if (l->locked)
		sts_lock_release(
		    l->resolver->store, lock_name(l, l->late).text);
}

bool
sts_lookup_has_waited(const struct sts_lookup *l)
{
	int64_t half = l->resolver->config->fetch_timeout * 1000 / 2;

	return spent_ms(l) >= sts_min(half, WAIT_MS);
}
