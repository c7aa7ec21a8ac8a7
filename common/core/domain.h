/* SPDX-License-Identifier: ISC */
/*
 * Domain names as mail uses them: the recipient's policy domain, MX hosts.
 *
 * A normalised name is lower case, without a trailing dot, made of labels of
 * [a-z0-9_-] joined by single dots, each 1 to 63 bytes and all at most 253;
 * it does not begin with "-", so that it is safe as a path component, as a
 * word on the resolver's pipe and as a command's argument.
 */
#ifndef STS_CORE_DOMAIN_H
#define STS_CORE_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/cursor.h"
#include "base/status.h"

/*
 * Normalises a name from outside into out[STS_NAME_MAX + 1]: drops one trailing
 * dot, converts to lower case, and U-labels to A-labels (UTS #46, through
 * libidn2).  STS_ADDRESS_LITERAL for "[...]", a bare IPv4 or IPv6 address, or a
 * name whose last label is all digits; STS_BAD_IDN for non-ASCII that cannot be
 * converted, or is ill-formed UTF-8; STS_BAD_DOMAIN for anything else that is
 * not a domain name; STS_NO_MEMORY.  Independent of the locale.  `out` is "" on
 * failure.  RFC 8461 3.4, RFC 5891.
 */
enum sts_status sts_domain_normalise(
    const char *name, char out[STS_NAME_MAX + 1]);

/* True if the string is a normalised name, as above. */
bool sts_domain_is_normalised(const char *name);

/*
 * True for a `Domain` of RFC 5321 as in an mx value (RFC 8461 3.2): labels of
 * letters, digits and inner hyphens, at least one label, at most 253 bytes, no
 * trailing dot, no underscore.  Either case.
 */
bool sts_domain_is_ldh(struct sts_span name);

/* True if the last label is all digits: an address, or shaped like one. */
bool sts_domain_is_address_like(struct sts_span name);

/*
 * The override for a normalised domain: an exact name wins over "*.NAME" (any
 * depth below NAME, not NAME itself), a longer NAME over a shorter, and among
 * equals an ill-formed line (STS_OVERRIDE_BAD), else the first.  NULL if there
 * is none.
 */
const struct sts_override *sts_domain_override(
    const struct sts_config *config, const char *domain);

#endif
