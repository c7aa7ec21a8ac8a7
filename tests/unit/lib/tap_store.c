/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_store.h"

#include <string.h>

#include "core/policy.h"

enum sts_status
tap_put_policy(struct sts_store *store, const char *domain, const char *body,
    int64_t fetched, int64_t fetched_us, int64_t now, bool *replaced)
{
	struct sts_policy policy;
	struct sts_entry e;
	enum sts_status status;

	*replaced = false;
	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(
		&e, domain, "1", &policy, fetched, fetched_us, 300) != STS_OK)
		return STS_INTERNAL;
	status = sts_store_write_policy(store, &e, now, replaced);
	sts_entry_free(&e);
	return status;
}
