/* SPDX-License-Identifier: ISC */
/*
 * The fetch of a policy, RFC 8461 3.3: the policy host's addresses from the
 * DNS, those of them that may be contacted, and a request to mta-sts-fetcher,
 * which has the rules of HTTPS.
 */
#ifndef STS_RESOLVER_FETCH_H
#define STS_RESOLVER_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "dns/dns.h"
#include "fetcher/wire.h"
#include "loop/loop.h"
#include "resolver/fetcher.h"
#include "resolver/pace.h"

struct sts_fetch; /* one fetch under way */

/* What fetches and probes are made with; all of it outlives them. */
struct sts_fetch_context {
	struct sts_loop *loop;
	struct sts_dns *dns;
	struct sts_fetcher *fetcher;
	const struct sts_config *config; /* allow-private */
};

struct sts_fetch_result {
	enum sts_status status;
	const char *body; /* where status is STS_OK: body_len bytes, as served,
			     then a NUL */
	size_t body_len;
	/*
	 * What libcurl or OpenSSL said, or the HTTP status: for people, with
	 * bytes from the network in it perhaps, for the log only.
	 */
	char detail[STS_WIRE_DETAIL_MAX];
};

/* `result` and its body last until the callback returns. */
typedef void sts_fetch_done(void *arg, const struct sts_fetch_result *result);

/*
 * Fetches https://mta-sts.DOMAIN/.well-known/mta-sts.txt: address questions
 * of at most dns_timeout_ms, then at most fetch_timeout_ms for everything
 * else.  `port` is the fetcher's, 443 except in test programs.  Statuses:
 * STS_OK, the class FETCH, and local faults.  The callback comes once, never
 * from within this call.  NULL and no callback where there is no memory.
 */
struct sts_fetch *sts_fetch_start(const struct sts_fetch_context *context,
    const char *domain, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg);

/*
 * Right after the start, for a fetch in the background: it waits for a turn at
 * its first address, and ends with STS_TOO_SOON where too many are before it.
 */
void sts_fetch_take_turns(struct sts_fetch *fetch, struct sts_pace *pace);

/* Ends it without calling back; NULL is allowed. */
void sts_fetch_cancel(struct sts_fetch *fetch);

#endif
