/* SPDX-License-Identifier: ISC */
/*
 * Internal to the configuration: the syntax of values.  Only config.c and its
 * test include it.
 */
#ifndef STS_BASE_CONFIG_VALUE_H
#define STS_BASE_CONFIG_VALUE_H

#include <stdbool.h>

#include "base/config.h"

enum { STS_QUOTED_BYTES = 120 };

/* Quotes a value of the file, cut and escaped, for a note.  Returns buf. */
const char *sts_config_quote(const char *value, char buf[STS_QUOTED_BYTES]);

/*
 * Lower-cases ASCII and drops a trailing dot, in place.  False if it is not a
 * domain name; an internationalised name stays as typed, for core/domain.h to
 * convert.
 */
bool sts_config_name(char *name);

/*
 * ADDRESS, IPV4:PORT, [IPV6] or [IPV6]:PORT, numbers only.  A link-local IPv6
 * address may end in "%ZONE"; whether that interface exists is left to the
 * resolver.
 */
bool sts_config_nameserver(const char *value);

#endif
