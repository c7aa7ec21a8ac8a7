/* SPDX-License-Identifier: ISC */
/* `mta-sts-resolver --txt NAME`: a TXT record for the operator's command. */
#ifndef STS_RESOLVER_ASK_TXT_H
#define STS_RESOLVER_ASK_TXT_H

#include "base/config.h"

/*
 * Queries the TXT records of a name and prints a line "txt TEXT" for each, the
 * strings of a record joined and "?" for bytes that are not printable ASCII,
 * then "done txt STATUS".  Writes nothing to the store.  Exit status: 0 with a
 * record, 1 without one, 3 for a fault of this machine.
 */
int sts_print_txt(const struct sts_config *config, const char *name);

#endif
