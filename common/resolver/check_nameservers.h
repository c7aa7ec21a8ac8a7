/* SPDX-License-Identifier: ISC */
/* `mta-sts-resolver --check-nameservers`: tests each name server. */
#ifndef STS_RESOLVER_CHECK_NAMESERVERS_H
#define STS_RESOLVER_CHECK_NAMESERVERS_H

#include "base/config.h"

/*
 * Queries each and prints a line "nameserver TEXT STATE [DETAIL]" for it to
 * standard output, TEXT as configured, with "?" for bytes that are not
 * printable ASCII; STATE: answered; failed RCODE; refused; unreachable ERRNO;
 * no_interface; unusable; silent; garbage.  "fault REASON" if they cannot be
 * queried.  Exit status: 0 if all were queried, else 3.
 */
int sts_print_nameservers(const struct sts_config *config);

#endif
