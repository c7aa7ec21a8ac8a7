/* SPDX-License-Identifier: ISC */
#include "client/record_deferral.h"

#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "client/record_session.h"
#include "store/events.h"

enum { CHILD_MS = 1000, OF_A_PROCESS = 20 };

static void
record_as_owner(struct sts_store *store, const char *domain,
    enum sts_status why, int64_t now)
{
	struct sts_child child = {-1, -1, -1};

	if (sts_store_uid(store) == 0 || (child.pid = fork()) < 0)
		return;
	if (child.pid == 0)
		_exit(sts_client_become_owner(store) &&
			    sts_events_deferred(store, domain, why, now)
			? 0
			: 1);
	(void)sts_child_finish(&child, sts_monotonic_ms() + CHILD_MS);
}

void
sts_client_record_deferral(
    const struct sts_config *config, const char *domain, enum sts_status why)
{
	static unsigned recorded;
	int64_t now = (int64_t)time(NULL);
	struct sts_store *store;

	if (recorded >= OF_A_PROCESS || config->state_dir == NULL ||
	    sts_store_open(&store, config->state_dir, false) != STS_OK)
		return;
	recorded++;
	if (geteuid() == 0)
		record_as_owner(store, domain, why, now);
	else
		(void)sts_events_deferred(store, domain, why, now);
	sts_store_close(store);
}
