/* SPDX-License-Identifier: ISC */
/*
 * The resolver's side of mta-sts-fetcher: one child, started with the first
 * request, with many requests at a time, ended when idle.
 *
 * Its output is not trusted beyond what is checked here.  A fetcher that writes
 * nonsense or is late is killed, and its other requests are sent once more, to
 * a new one, within the deadline; a request that fails again ends with a local
 * fault, which is not held against its domain.
 */
#ifndef STS_RESOLVER_FETCHER_H
#define STS_RESOLVER_FETCHER_H

#include <stdint.h>

#include "base/config.h"
#include "fetcher/wire.h"
#include "loop/loop.h"

struct sts_fetcher;
struct sts_fetcher_request;

/*
 * STS_OK or STS_NO_MEMORY; starts nothing.  `config` (fetcher, ca-file,
 * ca-path) and the loop must outlive it.
 */
enum sts_status sts_fetcher_create(struct sts_fetcher **fetcher,
    struct sts_loop *loop, const struct sts_config *config);

/*
 * Other ports than 443 and 25, for test programs; before the first request.
 */
void sts_fetcher_set_ports(
    struct sts_fetcher *fetcher, uint16_t port, uint16_t mx_port);

/* A port of http: for examinations; before the first request. */
void sts_fetcher_set_plain_port(struct sts_fetcher *fetcher, uint16_t port);

/* Kills the child and ends every request without a callback. */
void sts_fetcher_destroy(struct sts_fetcher *fetcher); /* NULL is allowed */

/*
 * The reply: a status that sts_wire_may_say allows, or STS_FETCHER_MISSING,
 * _DIED, _TIMEOUT or _REPLY.  `body` has reply->length bytes and then a NUL;
 * NULL if the status is not STS_OK or there is none.  Both last until the
 * callback returns.
 */
typedef void sts_fetcher_replied(
    void *arg, const struct sts_wire_reply *reply, const char *body);

/*
 * Sends a request; its `number` is ignored, its port must be one of the
 * fetcher's.  The callback comes once, within timeout_ms and a second, and
 * never from within this call.  NULL: no memory, no callback.
 */
struct sts_fetcher_request *sts_fetcher_ask(struct sts_fetcher *fetcher,
    const struct sts_wire_request *request, sts_fetcher_replied *replied,
    void *arg);

/*
 * The same for a post, whose body of request->length bytes is borrowed until
 * the callback.  It is sent once: if the fetcher fails, it may have arrived.
 */
struct sts_fetcher_request *sts_fetcher_post(struct sts_fetcher *fetcher,
    const struct sts_wire_request *request, const char *body,
    sts_fetcher_replied *replied, void *arg);

/* Ends it without a callback; NULL is allowed. */
void sts_fetcher_cancel(struct sts_fetcher_request *request);

#endif
