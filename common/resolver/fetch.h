/* SPDX-License-Identifier: ISC */
/*
 * The fetch of a policy, RFC 8461 3.3: looks up the policy host's addresses,
 * drops those that must not be contacted, and sends a request to
 * mta-sts-fetcher, which does HTTPS.
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

/* Common to fetches and probes; all of it outlives them. */
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
	 * An error text of libcurl or OpenSSL, or the HTTP status: for the log
	 * only, since it may contain bytes from the network.
	 */
	char detail[STS_WIRE_DETAIL_MAX];
};

/* `result` and its body last until the callback returns. */
typedef void sts_fetch_done(void *arg, const struct sts_fetch_result *result);

/*
 * Fetches https://mta-sts.DOMAIN/.well-known/mta-sts.txt: address queries of at
 * most dns_timeout_ms, then at most fetch_timeout_ms for everything else.
 * `port` is the fetcher's, 443 except in test programs.  Statuses: STS_OK, the
 * class FETCH, and local faults.  The callback comes once, never from within
 * this call.  NULL: no memory, no callback.
 */
struct sts_fetch *sts_fetch_start(const struct sts_fetch_context *context,
    const char *domain, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg);

/* What is posted; strings and body last until the callback. */
struct sts_post {
	const char *host;   /* normalised */
	const char *target; /* of sts_wire_is_target */
	const char *body;
	size_t len; /* 1 to STS_WIRE_POST_MAX */
};

/*
 * The same for a report, RFC 8460 5.4: STS_OK where the host answers with a
 * status of 2xx; result->detail then says what is wrong with its certificate.
 */
struct sts_fetch *sts_fetch_post(const struct sts_fetch_context *context,
    const struct sts_post *post, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg);

/*
 * The same for an examination of https://HOST/TARGET, or http: with the
 * fetcher's port for that: STS_OK where HTTP answered, and the body then is
 * what fetcher/wire.h has.
 */
struct sts_fetch *sts_fetch_examine(const struct sts_fetch_context *context,
    const char *host, const char *target, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg);

/*
 * Called right after the start, for a fetch in the background: it pauses
 * as resolver/pace.h has it for its first address, and ends with STS_TOO_SOON
 * if too many wait there.
 */
void sts_fetch_set_pace(struct sts_fetch *fetch, struct sts_pace *pace);

/* Ends it without a callback; NULL is allowed. */
void sts_fetch_cancel(struct sts_fetch *fetch);

#endif
