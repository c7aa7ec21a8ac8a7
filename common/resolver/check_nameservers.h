/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts-resolver --check-nameservers`: one question to each name server.
 */
#ifndef STS_RESOLVER_CHECK_NAMESERVERS_H
#define STS_RESOLVER_CHECK_NAMESERVERS_H

#include "base/config.h"

/*
 * Asks each and prints to standard output, for each one line "nameserver TEXT
 * STATE [DETAIL]", with TEXT as it was configured, and bytes in it that are no
 * printable ASCII as "?": answered; failed RCODE; refused; unreachable ERRNO;
 * no_interface; unusable; silent; garbage.  Where they cannot be asked, a line
 * "fault REASON".  Exit status: 0 where each was asked, else 3.
 */
int sts_print_nameservers(const struct sts_config *config);

#endif
