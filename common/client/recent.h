/* SPDX-License-Identifier: ISC */
/*
 * Internal to the client: for which domains this process has recently run a
 * resolver.  A message may have a thousand recipients in one domain, and what
 * failed for the first will fail for the rest.
 */
#ifndef STS_CLIENT_RECENT_H
#define STS_CLIENT_RECENT_H

#include "client/ask.h"

/* Records that a resolver ran for a domain, and its result. */
void sts_recent_note(struct sts_budget *budget, const struct sts_config *config,
    const char *domain, bool detached, enum sts_status status);

/*
 * True, with its result, if a resolver of that kind ran within the last minute
 * for the same state directory.  False without a budget.
 */
bool sts_recent_recently(const struct sts_budget *budget,
    const struct sts_config *config, const char *domain, bool detached,
    enum sts_status *status);

#endif
