/* SPDX-License-Identifier: ISC */
#include "client/recent.h"

#include <string.h>

#include "base/child.h"

enum { RECENTLY_MS = 60000 };

/* FNV-1a is good enough for a few state directories. */
static uint64_t
directory_hash(const struct sts_config *config)
{
	uint64_t hash = 14695981039346656037u;

	for (const char *p = config->state_dir; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	return hash;
}

void
sts_recent_note(struct sts_budget *budget, const struct sts_config *config,
    const char *domain, bool detached, enum sts_status status)
{
	struct sts_asked *asked;

	if (budget == NULL)
		return;
	/* The next slot has the oldest entry. */
	asked = &budget->asked[budget->next_asked];
	budget->next_asked = (budget->next_asked + 1) % STS_ASKED_MAX;
	asked->at_ms = sts_monotonic_ms();
	asked->directory = directory_hash(config);
	asked->status = status;
	asked->detached = detached;
	memcpy(asked->domain, domain, strlen(domain) + 1);
}

bool
sts_recent_recently(const struct sts_budget *budget,
    const struct sts_config *config, const char *domain, bool detached,
    enum sts_status *status)
{
	int64_t since = sts_monotonic_ms() - RECENTLY_MS;
	const struct sts_asked *last = NULL;
	uint64_t directory = directory_hash(config);

	for (size_t i = 0; budget != NULL && i < STS_ASKED_MAX; i++) {
		const struct sts_asked *asked = &budget->asked[i];

		if (asked->directory == directory && asked->at_ms > since &&
		    asked->detached == detached &&
		    strcmp(asked->domain, domain) == 0 &&
		    (last == NULL || asked->at_ms >= last->at_ms))
			last = asked;
	}
	if (last != NULL)
		*status = last->status;
	return last != NULL;
}
