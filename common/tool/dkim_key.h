/* SPDX-License-Identifier: ISC */
/* The public key of the signature on our TLS reports, RFC 6376 3.6.1. */
#ifndef STS_TOOL_DKIM_KEY_H
#define STS_TOOL_DKIM_KEY_H

#include <stdbool.h>

#include "base/config.h"
#include "base/findings.h"

enum { STS_KEY_NAME = 400 };

/*
 * Has the resolver query the TXT record `name` and reports what makes a
 * receiver refuse a TLS report signed with it: no record, a revoked key, a list
 * of services (s=) without tlsrpt.
 */
void sts_dkim_check_key(struct sts_findings *findings,
    const struct sts_config *config, const char *name);

/* The same for the text of a record. */
void sts_dkim_check_record(
    struct sts_findings *findings, const char *name, const char *record);

#endif
