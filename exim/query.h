/* SPDX-License-Identifier: ISC */
/*
 * The functions that Exim's ${dlfunc{...}} calls.  They use no header or symbol
 * of Exim, so one object works with every version.
 */
#ifndef STS_EXIM_QUERY_H
#define STS_EXIM_QUERY_H

#include "client/ask.h"

/* The time that this process has spent on lookups; never NULL. */
struct sts_budget *sts_exim_budget(void);

/*
 * ${dlfunc{FILE}{mta_sts_query}{$domain}}, optionally with the configuration
 * file as second argument.  Always succeeds, and sets *yield to one of
 *
 *     mode=none
 *     mode=testing
 *     mode=enforce ign=!^(re|re)$:*
 *     mode=defer why=TOKEN
 *
 * in static memory that the next call overwrites, at most 3,078 bytes.  If TLS
 * reports are on and the domain wants them (RFC 8460 3), the first three have
 * "rpt=1" behind the mode, which mta_sts_event needs.  `ign`
 * is for ignore_target_hosts: all hosts except those that the policy permits,
 * or "*" if it permits none; if the policy is too long for it, the current MX
 * hosts that are permitted.  Tokens are those of base/status.h.  Nothing is
 * logged; no byte comes from the network.
 */
__attribute__((visibility("default"))) int mta_sts_query(
    unsigned char **yield, int argc, unsigned char *argv[]);

#endif
