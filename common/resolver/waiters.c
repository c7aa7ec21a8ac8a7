/* SPDX-License-Identifier: ISC */
#include "resolver/waiters.h"

#include <stdlib.h>

struct sts_waiter *
sts_waiter_create(sts_lookup_done *done, void *arg)
{
	struct sts_waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->done = done;
	w->arg = arg;
	return w;
}

static struct sts_waiter *
pop(struct sts_waiters *waiters)
{
	struct sts_waiter *w = SLIST_FIRST(waiters);

	if (w != NULL)
		SLIST_REMOVE_HEAD(waiters, link);
	return w;
}

void
sts_waiters_end(struct sts_waiters *waiters, enum sts_status status)
{
	struct sts_waiter *w;

	while ((w = pop(waiters)) != NULL) {
		if (w->done != NULL)
			w->done(w->arg, status);
		free(w);
	}
}

void
sts_waiters_free(struct sts_waiters *waiters)
{
	struct sts_waiter *w;

	while ((w = pop(waiters)) != NULL)
		free(w);
}
