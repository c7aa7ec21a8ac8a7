/* SPDX-License-Identifier: ISC */
/* Internal to the client: starts a resolver for one domain. */
#ifndef STS_CLIENT_RUN_RESOLVER_H
#define STS_CLIENT_RUN_RESOLVER_H

#include "base/child.h"
#include "client/ask.h"

/*
 * Runs a resolver for a normalised domain, and waits within deadline and budget
 * (NULL: none).  STS_OK if it has stored an answer, otherwise the local fault.
 * *started: a process was started at all.
 */
enum sts_status sts_client_lookup(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget, bool *started);

/*
 * The same for the MX hosts of a domain, after its policy: STS_OK if they are
 * in routes/ now.
 */
enum sts_status sts_client_find_routes(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget);

/*
 * Describes a resolver for sts_child_start, for any purpose: with this
 * process's configuration and at most 8 further arguments (NULL-ended; they and
 * the config must outlive *spec), its standard output a pipe and, if we are
 * root, as the owner of the state directory.  The store may be NULL, and is
 * then opened if needed.  STS_STATE_OWNER: the owner or its group is root;
 * STS_INTERNAL: too many arguments; otherwise the status of sts_store_open.
 */
enum sts_status sts_client_describe_resolver(const struct sts_config *config,
    const struct sts_store *store, const char *const *arguments,
    struct sts_child_spec *spec);

/*
 * Starts a detached resolver with one option and a normalised domain: its
 * answer is not read, and it ends within the time limit of a lookup.  STS_OK or
 * the fault.
 */
enum sts_status sts_client_detach(const struct sts_config *config,
    const struct sts_store *store, const char *option, const char *domain);

#endif
