/* SPDX-License-Identifier: ISC */
/*
 * Inside the client: "domain NAME policy FILE" of the configuration.
 */
#ifndef STS_CLIENT_OVERRIDE_H
#define STS_CLIENT_OVERRIDE_H

#include "client/ask.h"

/*
 * Fills an entry for `domain` with the policy in the override's file, as if it
 * had been fetched at `now`.  A symbolic link is not followed.  STS_CONFIG
 * where the file cannot be read or is no policy; STS_UNSAFE_FILE where another
 * user can change it; STS_NO_MEMORY,
 * STS_NO_DESCRIPTORS.  Freed with sts_entry_free.
 */
enum sts_status sts_override_read(const struct sts_override *override,
    const char *domain, int64_t now, struct sts_entry *entry);

#endif
