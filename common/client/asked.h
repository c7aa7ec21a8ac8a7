/* SPDX-License-Identifier: ISC */
/*
 * Inside the client: which domains this process has asked a resolver about
 * lately.  A message may have a thousand recipients at one domain, and what
 * nobody could tell the first of them nobody will tell the others.
 */
#ifndef STS_CLIENT_ASKED_H
#define STS_CLIENT_ASKED_H

#include "client/ask.h"

/* Notes that a resolver ran for a domain, and how that ended. */
void sts_asked_note(struct sts_budget *budget, const struct sts_config *config,
    const char *domain, enum sts_status status);

/*
 * True, with its status, where one ran within the last minute, for the same
 * state directory.  False without a budget.
 */
bool sts_asked_lately(const struct sts_budget *budget,
    const struct sts_config *config, const char *domain,
    enum sts_status *status);

#endif
