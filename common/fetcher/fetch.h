/* SPDX-License-Identifier: ISC */
/*
 * The HTTPS GET of a policy, RFC 8461 3.3, through libcurl (OpenSSL flavour).
 *
 * TLS 1.2 or later, SNI, a chain to a trusted root, a dNSName that matches the
 * policy host (never the common name, never a partial wildcard), status 200
 * only, no redirect, no proxy, no cache, no content coding, text/plain, at
 * most 64 KiB.
 */
#ifndef STS_FETCHER_FETCH_H
#define STS_FETCHER_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "fetcher/fetcher.h"

struct sts_fetch; /* one fetch under way */

enum { STS_FETCH_DETAIL_MAX = 200 };

struct sts_fetch_result {
	enum sts_status status;
	const char *body; /* where status is STS_OK: body_len bytes, as served,
			     then a NUL */
	size_t body_len;
	/*
	 * What libcurl or OpenSSL said, or the HTTP status: for people, may
	 * hold bytes from the network, goes to the log only.
	 */
	char detail[STS_FETCH_DETAIL_MAX];
};

/* `result` and its body last until the callback returns. */
typedef void sts_fetch_done(void *arg, const struct sts_fetch_result *result);

/*
 * Fetches https://mta-sts.DOMAIN/.well-known/mta-sts.txt: address questions
 * of at most dns_timeout_ms, then at most fetch_timeout_ms for everything
 * else.  `port` is 443 except in test programs.  The trust roots are checked
 * first: where they cannot be used the status is STS_CA_UNUSABLE.  Other
 * statuses: STS_OK, the class FETCH, and local faults.  NULL and no callback
 * where there is no memory.
 */
struct sts_fetch *sts_fetch_start(struct sts_fetcher *fetcher,
    const char *domain, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg);

/* Ends it without calling back; NULL is allowed. */
void sts_fetch_cancel(struct sts_fetch *fetch);

/*
 * STS_OK where libcurl is one that can check names as RFC 8461 3.3 wants
 * (OpenSSL flavour, 7.85 or later); else STS_INTERNAL with a log line that
 * says what is missing.
 */
enum sts_status sts_fetch_check_library(void);

#endif
