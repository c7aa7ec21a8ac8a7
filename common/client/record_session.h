/* SPDX-License-Identifier: ISC */
/*
 * The outcome of a session (store/outcomes.h), from inside a mail server that
 * may be root at that moment.
 */
#ifndef STS_CLIENT_RECORD_SESSION_H
#define STS_CLIENT_RECORD_SESSION_H

#include <stdbool.h>

#include "base/config.h"
#include "core/outcome.h"
#include "store/store.h"

/*
 * Does what sts_outcomes_session does, as root in a child with the user and
 * group that own the state directory, which has a second for it.  False if the
 * outcome was lost.  A caller that is neither root nor the owner loses it; so
 * does root if the directory is root's.
 */
bool sts_client_record_session(struct sts_store *store,
    const struct sts_config *config, const struct sts_outcome *outcome,
    const struct sts_entry *entry, const struct sts_check *check);

/*
 * In a child of root: becomes the user and group that own the state directory,
 * for good, so that it is not possible to become root again.  False if that
 * fails, or they are root's.
 */
bool sts_client_become_owner(const struct sts_store *store);

#endif
