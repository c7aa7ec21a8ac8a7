/* SPDX-License-Identifier: ISC */
/* Header fields of a policy host's response, RFC 9110 and RFC 8461 3.2. */
#ifndef STS_FETCHER_HTTP_H
#define STS_FETCHER_HTTP_H

#include <stdbool.h>

#include "base/cursor.h"

/*
 * True if a Content-Type value is text/plain, in any case; parameters are
 * ignored (RFC 8461 3.2).  A list of types is not.
 */
bool sts_http_is_text_plain(struct sts_span value);

/* True if a Content-Encoding value names no coding: empty or "identity". */
bool sts_http_is_identity(struct sts_span value);

/* True if a Transfer-Encoding value is "chunked" or empty. */
bool sts_http_is_chunked(struct sts_span value);

/* True for redirects: 301 to 303, 307, 308. */
bool sts_http_is_redirect(long status);

#endif
