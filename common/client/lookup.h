/* SPDX-License-Identifier: ISC */
/*
 * Inside the client: one run of the resolver for one domain.
 */
#ifndef STS_CLIENT_LOOKUP_H
#define STS_CLIENT_LOOKUP_H

#include "client/ask.h"

/*
 * Has the resolver look a normalised domain up, and waits within deadline and
 * budget (NULL: none).  STS_OK where it says that it has recorded an answer;
 * otherwise the local fault that kept it from it.  *started says whether a
 * process was started at all.
 */
enum sts_status sts_client_lookup(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget, bool *started);

#endif
