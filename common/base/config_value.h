/* SPDX-License-Identifier: ISC */
/*
 * Inside the configuration: what a value may look like.  Only config.c and
 * its test include it.
 */
#ifndef STS_BASE_CONFIG_VALUE_H
#define STS_BASE_CONFIG_VALUE_H

#include <stdbool.h>

#include "base/config.h"

enum { STS_QUOTED_BYTES = 120 };

/* A value from the file in quotes, cut and escaped, for a note.  Returns buf.
 */
const char *sts_config_quote(const char *value, char buf[STS_QUOTED_BYTES]);

/*
 * ASCII to lower case and without a trailing dot, in place.  False for what
 * is no domain name; an internationalised one is left as it was typed, for
 * core/domain.h to convert.
 */
bool sts_config_name(char *name);

/*
 * ADDRESS, IPV4:PORT, [IPV6] or [IPV6]:PORT, numbers only.  A link-local IPv6
 * address may have "%ZONE" behind it; whether there is such an interface, the
 * resolver finds out.
 */
bool sts_config_nameserver(const char *value);

#endif
