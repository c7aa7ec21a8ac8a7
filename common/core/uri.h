/* SPDX-License-Identifier: ISC */
/*
 * Report destinations, as far as RFC 8460 3 narrows the URI of RFC 3986.
 * Private to core/.
 */
#ifndef STS_CORE_URI_H
#define STS_CORE_URI_H

#include <stdbool.h>

#include "base/cursor.h"

/*
 * True for an absolute URI of any scheme in which "," "!" and ";" are
 * percent-encoded, as RFC 8460 3 requires.
 */
bool sts_uri_is_valid(struct sts_span uri);

/*
 * True if reports can be sent to a valid URI: a mailto: whose address has an
 * "@" with something on both sides, or an https: with a host.  Schemes in
 * either case (RFC 3986 3.1).
 */
bool sts_uri_is_destination(struct sts_span uri);

#endif
