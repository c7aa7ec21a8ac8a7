/* SPDX-License-Identifier: ISC */
/*
 * The current MX hosts of a domain, for an MTA that cannot use all patterns of
 * its policy.
 */
#ifndef STS_CLIENT_MX_HOSTS_H
#define STS_CLIENT_MX_HOSTS_H

#include "client/ask.h"
#include "store/routes.h"

/*
 * Reads them from the store; if they are missing or older than `recheck`, a
 * resolver looks them up first, within `budget` as for sts_ask.  `domain` is as
 * it came from outside.  STS_OK: *routes is filled, and says whether there are
 * MX hosts.  Otherwise a local fault, or STS_NOT_FOUND.
 */
enum sts_status sts_ask_mx_hosts(const struct sts_config *config,
    const char *domain, struct sts_budget *budget, struct sts_routes *routes);

#endif
