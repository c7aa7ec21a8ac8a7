/* SPDX-License-Identifier: ISC */
/* Mail that waits, for `mta-sts status` (store/events.h). */
#ifndef STS_CLIENT_RECORD_DEFERRAL_H
#define STS_CLIENT_RECORD_DEFERRAL_H

#include "base/config.h"
#include "base/status.h"

/*
 * Appends it; as root in a child with the user and group that own the state
 * directory, which has a second for it.  `domain` is normalised.  One process
 * records at most 20: a message with many recipients must not fork for each.
 * A failure changes nothing.
 */
void sts_client_record_deferral(
    const struct sts_config *config, const char *domain, enum sts_status why);

#endif
