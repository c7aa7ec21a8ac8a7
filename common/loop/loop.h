/* SPDX-License-Identifier: ISC */
/*
 * An event loop: timers and watched descriptors over poll(2).  It includes
 * nothing of its users.
 *
 * Callbacks run inside sts_loop_step, never from the call that requested them,
 * and may start or cancel anything.
 */
#ifndef STS_LOOP_LOOP_H
#define STS_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/status.h"

struct sts_loop;
struct sts_watch;

/*
 * A timer.  Embedded in its owner (zeroed at first) it can be set without
 * allocating, so that a question or a fetch can always end; only the loop uses
 * its members.
 */
struct sts_timer {
	TAILQ_ENTRY(sts_timer) link;
	int64_t due_ms;
	uint64_t number; /* order of setting */
	void (*due)(void *arg);
	void *arg;
	bool set;       /* in the loop's list */
	bool allocated; /* by sts_timer_start */
};

/* Makes a loop; STS_OK or STS_NO_MEMORY. */
enum sts_status sts_loop_create(struct sts_loop **loop);

/*
 * Frees the loop with its watches and timers, without callbacks.  Its users are
 * destroyed before.  Not from one of its callbacks; NULL is allowed.
 */
void sts_loop_destroy(struct sts_loop *loop);

/*
 * Waits for the next event, at most `max_wait_ms`, and runs the callbacks that
 * are due.  STS_INTERNAL or STS_NO_MEMORY: the loop itself is broken, which is
 * a local fault.
 */
enum sts_status sts_loop_step(struct sts_loop *loop, int max_wait_ms);

/*
 * How often this process was found to have been stopped, frozen, suspended with
 * the machine, or busy for more than half a second beyond its intended wait.
 * If this number grew during a silence, that says nothing about the peer.
 */
unsigned long sts_loop_stalls(struct sts_loop *loop);

/*
 * Sets an embedded timer, anew if it is set: `due` is called once after
 * delay_ms; 0 or less means the next step.  Never fails.
 */
void sts_timer_set(struct sts_loop *loop, struct sts_timer *timer,
    int64_t delay_ms, void (*due)(void *arg), void *arg);

/* Clears an embedded timer; harmless if it is not set. */
void sts_timer_clear(struct sts_loop *loop, struct sts_timer *timer);

/* A timer of the loop's own: calls `due` once.  NULL: no memory. */
struct sts_timer *sts_timer_start(
    struct sts_loop *loop, int64_t delay_ms, void (*due)(void *arg), void *arg);

/* Cancels such a timer before it is due; NULL is allowed. */
void sts_timer_cancel(struct sts_loop *loop, struct sts_timer *timer);

/*
 * Calls `ready` whenever the descriptor is readable (or at end of file or in
 * error), or with `writing` whenever it is writable.  NULL: no memory.
 */
struct sts_watch *sts_watch_start(struct sts_loop *loop, int fd, bool writing,
    void (*ready)(void *arg), void *arg);
void sts_watch_stop(struct sts_loop *loop, struct sts_watch *watch);

#endif
