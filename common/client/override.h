/* SPDX-License-Identifier: ISC */
/* Internal to the client: "domain NAME policy FILE" of the configuration. */
#ifndef STS_CLIENT_OVERRIDE_H
#define STS_CLIENT_OVERRIDE_H

#include "client/ask.h"

/*
 * Fills an entry for `domain` with the policy in the override's file, as if
 * fetched at `now`.  Symbolic links are not followed.  STS_CONFIG: the file
 * cannot be read or is not a policy; STS_UNSAFE_FILE: another user can change
 * it; STS_NO_MEMORY, STS_NO_DESCRIPTORS.  Freed with sts_entry_free.
 */
enum sts_status sts_override_read(const struct sts_override *override,
    const char *domain, int64_t now, struct sts_entry *entry);

#endif
