/* SPDX-License-Identifier: ISC */
/*
 * One step: gather the watches, poll(2), call the watches that are ready, then
 * the timers that are due.
 *
 * - The watches of a step are copied first, since a callback may start or stop
 *   any of them; a stopped one is freed by the next step.
 * - Timers run last, so that a result just read counts before a deadline that
 *   passed at the same time, and is reported without a wait.
 * - A timer that a callback sets waits for the next step: a chain of timers
 *   does not keep descriptors from being read.
 * - The loop measures whether the process was stopped (a signal, a suspended
 *   machine).  Its users ask sts_loop_stalls() before they blame a silent
 *   server: a deadline that passed meanwhile says nothing about the peer.
 */
#include "loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/minmax.h"

enum {
	WATCHED_FIRST = 16,
	TICK_MS = 100, /* between two readings of the clock */
	STALL_MS = 500 /* more than a scheduler delays a process */
};

struct sts_watch {
	TAILQ_ENTRY(sts_watch) link;
	int fd;
	bool writing;
	bool stopped; /* freed when no step uses it any more */
	void (*ready)(void *arg);
	void *arg;
};

TAILQ_HEAD(sts_timer_list, sts_timer);
TAILQ_HEAD(sts_watch_list, sts_watch);

struct sts_loop {
	struct sts_timer_list timers; /* by due_ms */
	uint64_t timers_set;          /* how many ever were */
	int64_t back_ms;              /* when that clock is due to be read */
	unsigned long stalls;
	struct sts_watch_list watches;
	/* The watches of the current step, in the same order. */
	struct sts_watch **watched;
	struct pollfd *poll;
	size_t watched_size, watched_count;
};

enum sts_status
sts_loop_create(struct sts_loop **loop)
{
	*loop = calloc(1, sizeof(**loop));
	if (*loop == NULL)
		return STS_NO_MEMORY;
	TAILQ_INIT(&(*loop)->timers);
	TAILQ_INIT(&(*loop)->watches);
	(*loop)->back_ms = sts_boot_ms();
	return STS_OK;
}

/*
 * A callback may stop a watch that run_watches still has in its list, so
 * stopped ones are freed before the next list is made.
 */
static void
free_watches(struct sts_loop *loop, bool all)
{
	struct sts_watch *watch, *next;

	for (watch = TAILQ_FIRST(&loop->watches); watch != NULL; watch = next) {
		next = TAILQ_NEXT(watch, link);
		if (!all && !watch->stopped)
			continue;
		TAILQ_REMOVE(&loop->watches, watch, link);
		free(watch);
	}
}

void
sts_loop_destroy(struct sts_loop *loop)
{
	struct sts_timer *timer;

	if (loop == NULL)
		return;
	while ((timer = TAILQ_FIRST(&loop->timers)) != NULL)
		sts_timer_cancel(loop, timer);
	free_watches(loop, true);
	free(loop->watched);
	free(loop->poll);
	free(loop);
}

/* After those that are already due, of which there are few. */
static void
insert_due(struct sts_loop *loop, struct sts_timer *timer)
{
	struct sts_timer *other;

	TAILQ_FOREACH (other, &loop->timers, link) {
		if (other->due_ms > timer->due_ms) {
			TAILQ_INSERT_BEFORE(other, timer, link);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&loop->timers, timer, link);
}

void
sts_timer_set(struct sts_loop *loop, struct sts_timer *timer, int64_t delay_ms,
    void (*due)(void *arg), void *arg)
{
	struct sts_timer *other;

	sts_timer_clear(loop, timer);
	timer->due_ms = sts_monotonic_ms() + sts_max(delay_ms, 0);
	timer->number = ++loop->timers_set;
	timer->due = due;
	timer->arg = arg;
	timer->set = true;
	if (delay_ms <= 0) {
		insert_due(loop, timer);
		return;
	}
	/* Backwards: most timers are set in the order in which they are due. */
	TAILQ_FOREACH_REVERSE (other, &loop->timers, sts_timer_list, link) {
		if (other->due_ms <= timer->due_ms) {
			TAILQ_INSERT_AFTER(&loop->timers, other, timer, link);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&loop->timers, timer, link);
}

void
sts_timer_clear(struct sts_loop *loop, struct sts_timer *timer)
{
	if (timer->set)
		TAILQ_REMOVE(&loop->timers, timer, link);
	timer->set = false;
}

struct sts_timer *
sts_timer_start(
    struct sts_loop *loop, int64_t delay_ms, void (*due)(void *arg), void *arg)
{
	struct sts_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return NULL;
	timer->allocated = true;
	sts_timer_set(loop, timer, delay_ms, due, arg);
	return timer;
}

void
sts_timer_cancel(struct sts_loop *loop, struct sts_timer *timer)
{
	if (timer == NULL)
		return;
	sts_timer_clear(loop, timer);
	if (timer->allocated)
		free(timer);
}

struct sts_watch *
sts_watch_start(struct sts_loop *loop, int fd, bool writing,
    void (*ready)(void *arg), void *arg)
{
	struct sts_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->fd = fd;
	watch->writing = writing;
	watch->ready = ready;
	watch->arg = arg;
	TAILQ_INSERT_TAIL(&loop->watches, watch, link);
	return watch;
}

void
sts_watch_stop(struct sts_loop *loop, struct sts_watch *watch)
{
	(void)loop;
	if (watch != NULL)
		watch->stopped = true;
}

/* Room for `count` watches in both arrays. */
static enum sts_status
reserve(struct sts_loop *loop, size_t count)
{
	size_t size = loop->watched_size ? loop->watched_size : WATCHED_FIRST;
	void *grown;

	if (loop->watched_size > 0 && count <= loop->watched_size)
		return STS_OK;
	while (size < count)
		size *= 2;
	if ((grown = reallocarray(
		 loop->watched, size, sizeof(*loop->watched))) == NULL)
		return STS_NO_MEMORY;
	loop->watched = grown;
	if ((grown = reallocarray(loop->poll, size, sizeof(*loop->poll))) ==
	    NULL)
		return STS_NO_MEMORY;
	loop->poll = grown;
	loop->watched_size = size;
	return STS_OK;
}

/* Collects the watches of this step. */
static enum sts_status
gather(struct sts_loop *loop)
{
	struct sts_watch *watch;
	enum sts_status status;
	size_t count = 0;

	free_watches(loop, false);
	TAILQ_FOREACH (watch, &loop->watches, link)
		count++;
	if ((status = reserve(loop, count)) != STS_OK)
		return status;
	count = 0;
	TAILQ_FOREACH (watch, &loop->watches, link) {
		loop->watched[count] = watch;
		loop->poll[count] = (struct pollfd){.fd = watch->fd,
		    .events = watch->writing ? POLLOUT : POLLIN};
		count++;
	}
	loop->watched_count = count;
	return STS_OK;
}

/* Milliseconds until the first timer is due, within the bound. */
static int
wait_ms(const struct sts_loop *loop, int max_wait_ms)
{
	const struct sts_timer *first = TAILQ_FIRST(&loop->timers);

	if (max_wait_ms < 0)
		max_wait_ms = 0;
	return first != NULL ? sts_ms_until(first->due_ms, max_wait_ms)
			     : max_wait_ms;
}

unsigned long
sts_loop_stalls(struct sts_loop *loop)
{
	int64_t now = sts_boot_ms();

	if (now - loop->back_ms > STALL_MS)
		loop->stalls++;
	loop->back_ms = now;
	return loop->stalls;
}

/*
 * Waits, as poll(2).  While a timer is set, a peer's silence is being measured,
 * so the clock is read often: otherwise a stop within a long wait would go
 * unnoticed.
 */
static int
wait_for(struct sts_loop *loop, int max_wait_ms)
{
	int64_t end = sts_monotonic_ms() + max_wait_ms;
	int wait, ready;

	do {
		wait = wait_ms(loop, max_wait_ms);
		if (!TAILQ_EMPTY(&loop->timers) && wait > TICK_MS)
			wait = TICK_MS;
		(void)sts_loop_stalls(loop);
		loop->back_ms += wait;
		ready = poll(loop->poll, (nfds_t)loop->watched_count, wait);
		(void)sts_loop_stalls(loop);
		max_wait_ms = (int)(end - sts_monotonic_ms());
	} while (ready == 0 && wait_ms(loop, max_wait_ms) > 0);
	return ready;
}

static void
run_watches(struct sts_loop *loop)
{
	for (size_t i = 0; i < loop->watched_count; i++) {
		struct sts_watch *watch = loop->watched[i];

		if (loop->poll[i].revents != 0 && !watch->stopped)
			watch->ready(watch->arg);
	}
}

/* Timers that a callback sets wait for the next round. */
static void
run_timers(struct sts_loop *loop)
{
	int64_t now = sts_monotonic_ms();
	uint64_t last = loop->timers_set;
	struct sts_timer *timer;

	while ((timer = TAILQ_FIRST(&loop->timers)) != NULL &&
	    timer->due_ms <= now && timer->number <= last) {
		void (*due)(void *arg) = timer->due;
		void *arg = timer->arg;

		sts_timer_cancel(loop, timer);
		due(arg);
	}
}

enum sts_status
sts_loop_step(struct sts_loop *loop, int max_wait_ms)
{
	enum sts_status status = gather(loop);
	int ready;

	if (status != STS_OK)
		return status;
	ready = wait_for(loop, max_wait_ms);
	if (ready < 0 && errno != EINTR && errno != EAGAIN)
		return errno == ENOMEM ? STS_NO_MEMORY : STS_INTERNAL;
	if (ready > 0)
		run_watches(loop);
	/* Timers last, so that they report what ended above without a wait. */
	run_timers(loop);
	return STS_OK;
}
