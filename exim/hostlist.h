/* SPDX-License-Identifier: ISC */
/* The hosts that a policy permits, as an Exim host list of hosts to ignore. */
#ifndef STS_EXIM_HOSTLIST_H
#define STS_EXIM_HOSTLIST_H

#include "core/policy.h"
#include "store/routes.h"

/*
 * Writes "!^(re|re)$:*" into buf: a regular expression, since plain names in
 * such a list are compared by address and "*.x" matches any depth; without ":",
 * "\" and blanks, which are special in lists.  Omits duplicates, names covered
 * by a wildcard of the policy, and addresses; "*" if nothing is left.
 * STS_POLICY_TOO_LARGE if it does not fit into `size` bytes with its NUL;
 * STS_NO_MEMORY.
 */
enum sts_status sts_hostlist(
    const struct sts_policy *policy, char *buf, size_t size);

/*
 * The same for the domain's current MX hosts that the policy permits, at most
 * STS_ROUTES_MAX.
 */
enum sts_status sts_hostlist_present(const struct sts_policy *policy,
    const struct sts_routes *routes, char *buf, size_t size);

#endif
