/* SPDX-License-Identifier: ISC */
/*
 * One event loop for everything that touches the network: timers, watched
 * descriptors, c-ares and libcurl behind a single curl_multi_poll.
 *
 * Callbacks run inside sts_loop_step, never from the call that asked for
 * them, and may start or cancel anything.
 */
#ifndef STS_NET_LOOP_H
#define STS_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"

struct sts_loop;
struct sts_timer;
struct sts_watch;

/*
 * Makes a loop with the nameservers, timeouts, trust roots and allow-private
 * of `config`, which must outlive it.  Fails with STS_NO_MEMORY,
 * STS_NO_DESCRIPTORS, or STS_CONFIG (a nameserver that is no address).
 * Initialises the libraries; call from one thread only.  SIGPIPE is ignored
 * from then on, where it had its default.
 */
enum sts_status sts_loop_create(
    struct sts_loop **loop, const struct sts_config *config);

/*
 * Ends everything under way without calling back, and frees the loop.  Not
 * from a callback of the same loop.
 */
void sts_loop_destroy(struct sts_loop *loop);

/*
 * Waits for the next thing that happens, `max_wait_ms` at most, and runs the
 * callbacks that are due.  STS_INTERNAL or STS_NO_MEMORY when the loop itself
 * is broken, which a caller treats as a local fault.
 */
enum sts_status sts_loop_step(struct sts_loop *loop, int max_wait_ms);

/* Calls `due` once after delay_ms.  NULL: no memory. */
struct sts_timer *sts_timer_start(struct sts_loop *loop, int64_t delay_ms,
    void (*due)(void *arg), void *arg);

/* Cancels a timer that is not yet due; NULL is allowed. */
void sts_timer_cancel(struct sts_loop *loop, struct sts_timer *timer);

/*
 * Calls `ready` whenever the descriptor can be read (or has reached end of
 * file or an error); `writing` asks for writability instead.  NULL: no memory.
 */
struct sts_watch *sts_watch_start(struct sts_loop *loop, int fd, bool writing,
    void (*ready)(void *arg), void *arg);
void sts_watch_stop(struct sts_loop *loop, struct sts_watch *watch);

#endif
