/* SPDX-License-Identifier: ISC */
/* U-labels to A-labels, by libidn2. */
#ifndef STS_CORE_IDN_H
#define STS_CORE_IDN_H

#include <stddef.h>

#include "base/status.h"

/*
 * Converts a name that is not ASCII, UTF-8 whatever the locale, into out[size]
 * (UTS #46, RFC 5891).  What comes is ASCII, and yet to be checked: UTS #46
 * maps to "/", to digits and to empty labels, too.  STS_BAD_IDN where it
 * cannot be converted, STS_NO_MEMORY where libidn2 has none.
 *
 * mta-sts-resolver is linked with resolver/no_idn.c instead.
 */
enum sts_status sts_idn_to_ascii(const char *name, char *out, size_t size);

#endif
