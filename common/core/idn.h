/* SPDX-License-Identifier: ISC */
/* U-labels to A-labels, by libidn2. */
#ifndef STS_CORE_IDN_H
#define STS_CORE_IDN_H

#include <stddef.h>

#include "base/status.h"

/*
 * Converts a name of UTF-8, independent of the locale, into out[size] (UTS #46,
 * RFC 5891).  The result is ASCII but unchecked: UTS #46 may produce "/",
 * digits and empty labels.  STS_BAD_IDN if it cannot be converted;
 * STS_NO_MEMORY.
 *
 * mta-sts-resolver is linked with resolver/no_idn.c instead.
 */
enum sts_status sts_idn_to_ascii(const char *name, char *out, size_t size);

#endif
