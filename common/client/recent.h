/* SPDX-License-Identifier: ISC */
/*
 * Inside the client: which domains this process has asked a resolver about
 * recently.  A message may have a thousand recipients at one domain, and what
 * had no answer for the first of them has none for the rest.
 */
#ifndef STS_CLIENT_RECENT_H
#define STS_CLIENT_RECENT_H

#include "client/ask.h"

/* Notes that a resolver ran for a domain, and how that ended. */
void sts_recent_note(struct sts_budget *budget, const struct sts_config *config,
    const char *domain, bool detached, enum sts_status status);

/*
 * True, with its status, where one of that sort ran within the last minute,
 * for the same state directory.  False without a budget.
 */
bool sts_recent_recently(const struct sts_budget *budget,
    const struct sts_config *config, const char *domain, bool detached,
    enum sts_status *status);

#endif
