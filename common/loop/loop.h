/* SPDX-License-Identifier: ISC */
/*
 * One event loop: timers and watched descriptors behind a single poll(2).  It
 * includes nothing of its users.
 *
 * Callbacks run inside sts_loop_step, never from the call that asked for
 * them, and may start or cancel anything.
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
 * A timer.  As a member of what it belongs to (zeroed at first) it is set
 * without memory, so that a question or a fetch can always end; nothing but
 * the loop looks inside.
 */
struct sts_timer {
	TAILQ_ENTRY(sts_timer) link;
	int64_t due_ms;
	uint64_t number; /* order of setting */
	void (*due)(void *arg);
	void *arg;
	bool set;       /* is in the loop's list */
	bool allocated; /* by sts_timer_start */
};

/* Makes a loop; STS_OK or STS_NO_MEMORY. */
enum sts_status sts_loop_create(struct sts_loop **loop);

/*
 * Frees the loop with its watches and timers, without calling back.  What
 * uses the loop is destroyed before.  Not from a callback of the same loop;
 * NULL is allowed.
 */
void sts_loop_destroy(struct sts_loop *loop);

/*
 * Waits for the next thing that happens, `max_wait_ms` at most, and runs the
 * callbacks that are due.  STS_INTERNAL or STS_NO_MEMORY when the loop itself
 * is broken, which a caller treats as a local fault.
 */
enum sts_status sts_loop_step(struct sts_loop *loop, int max_wait_ms);

/*
 * How often, so far, this process was found to have stood still: stopped,
 * frozen, suspended with the machine or busy for more than half a second beyond
 * what it meant to wait.  A silence during which this number grew may be this
 * machine's doing, and says nothing about the peer.
 */
unsigned long sts_loop_stalls(struct sts_loop *loop);

/*
 * Sets a member timer, anew if it is already set: `due` is called once after
 * delay_ms, which may be 0 or negative for the next step.  Never fails.
 */
void sts_timer_set(struct sts_loop *loop, struct sts_timer *timer,
    int64_t delay_ms, void (*due)(void *arg), void *arg);

/* Clears a member timer; harmless where it is not set. */
void sts_timer_clear(struct sts_loop *loop, struct sts_timer *timer);

/* A timer of the loop's own: calls `due` once.  NULL: no memory. */
struct sts_timer *sts_timer_start(
    struct sts_loop *loop, int64_t delay_ms, void (*due)(void *arg), void *arg);

/* Cancels such a timer that is not yet due; NULL is allowed. */
void sts_timer_cancel(struct sts_loop *loop, struct sts_timer *timer);

/*
 * Calls `ready` whenever the descriptor can be read (or has reached end of
 * file or an error); `writing` asks for writability instead.  NULL: no memory.
 */
struct sts_watch *sts_watch_start(struct sts_loop *loop, int fd, bool writing,
    void (*ready)(void *arg), void *arg);
void sts_watch_stop(struct sts_loop *loop, struct sts_watch *watch);

#endif
