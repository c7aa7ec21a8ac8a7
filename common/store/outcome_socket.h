/* SPDX-License-Identifier: ISC */
/*
 * Sessions for a collector that makes the reports instead of us: one datagram
 * of JSON each, in the form that libtlsrpt sends and that the tlsrpt-reporter
 * of sys4 receives for Postfix.
 */
#ifndef STS_STORE_OUTCOME_SOCKET_H
#define STS_STORE_OUTCOME_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/outcome.h"
#include "core/policy.h"

enum { STS_OUTCOME_DATAGRAM_MAX = 16384 };

/*
 * Writes the datagram into buf, without a NUL, and returns its length; 0 for
 * what is no session, or has no domain or no record.  `record` is the domain's
 * _smtp._tls record; `policy`, which may be NULL, the STS policy in force: it
 * is left out if it does not fit.  Bytes outside ASCII are written as \u00XX.
 */
size_t sts_outcome_datagram(const struct sts_outcome *outcome,
    const char *record, const struct sts_policy *policy,
    char buf[STS_OUTCOME_DATAGRAM_MAX]);

/*
 * Sends it to the AF_UNIX socket at `path`, without waiting.  False with errno
 * if no collector took it; true also if there is none to send.
 */
bool sts_outcome_send(const char *path, const struct sts_outcome *outcome,
    const char *record, const struct sts_policy *policy);

#endif
