/* SPDX-License-Identifier: ISC */
/* `mta-sts-resolver --examine DOMAIN`: facts for `mta-sts check`. */
#ifndef STS_RESOLVER_EXAMINE_H
#define STS_RESOLVER_EXAMINE_H

#include "base/config.h"

/*
 * Queries all that a normalised domain publishes, fetches its policy, probes
 * its MX hosts, and prints the facts on standard output, as mta-sts-resolver(8)
 * has them.  Reads and writes no store.  Exit status: 0, or 3 for a fault of
 * this machine.
 */
int sts_examine(const struct sts_config *config, const char *domain);

#endif
