/* SPDX-License-Identifier: ISC */
/*
 * Inside the client: how a resolver is started, and one run of it
 * for one domain.
 */
#ifndef STS_CLIENT_RUN_RESOLVER_H
#define STS_CLIENT_RUN_RESOLVER_H

#include "base/child.h"
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

/*
 * The same for the MX hosts of a domain, after its policy: STS_OK where they
 * are in routes/ now.
 */
enum sts_status sts_client_find_routes(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget);

/*
 * Describes a resolver for sts_child_start, as it is started for every
 * purpose: with the configuration that we use and at most 8 arguments of its
 * own (NULL-ended; they and the config must outlive *spec), its standard output
 * a pipe and, where we are root, as the owner of the state directory.  The
 * store may be NULL, and is then opened if need be.  STS_STATE_OWNER: the owner
 * or its group is root; STS_INTERNAL: too many arguments; otherwise what
 * sts_store_open says.
 */
enum sts_status sts_client_describe_resolver(const struct sts_config *config,
    const struct sts_store *store, const char *const *arguments,
    struct sts_child_spec *spec);

/*
 * Starts a resolver with one option and a normalised domain that goes on
 * alone: it is not our child, its answer is not read, and it ends within
 * the time that a lookup may take.  STS_OK or the fault.
 */
enum sts_status sts_client_detach(const struct sts_config *config,
    const struct sts_store *store, const char *option, const char *domain);

#endif
