/* SPDX-License-Identifier: ISC */
/*
 * The callers that wait for one lookup, one search for MX hosts or one probe:
 * all get the answer at its end.
 */
#ifndef STS_RESOLVER_WAITERS_H
#define STS_RESOLVER_WAITERS_H

#include <sys/queue.h>

#include "resolver/resolver.h"

struct sts_waiter {
	sts_lookup_done *done;
	void *arg;
	SLIST_ENTRY(sts_waiter) link;
};
SLIST_HEAD(sts_waiters, sts_waiter); /* zero: empty */

/* To be added to a list, or freed; `done` may be NULL.  NULL: no memory. */
struct sts_waiter *sts_waiter_create(sts_lookup_done *done, void *arg);

/* Calls each back with `status`, in reverse order of arrival, and frees it. */
void sts_waiters_end(struct sts_waiters *waiters, enum sts_status status);

/* Frees all without callbacks. */
void sts_waiters_free(struct sts_waiters *waiters);

#endif
