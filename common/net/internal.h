/* SPDX-License-Identifier: ISC */
/*
 * What the files of this room know of each other.  Nothing outside common/net
 * includes this.
 */
#ifndef STS_NET_INTERNAL_H
#define STS_NET_INTERNAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "base/config.h"
#include "net/loop.h"

struct sts_dns_query;
struct sts_fetch;
struct sts_mx_probe;
struct sts_trust;

/*
 * A timer that is a member of what it belongs to: setting one needs no memory,
 * so that a question or a fetch can always end.
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

TAILQ_HEAD(sts_timer_list, sts_timer);
TAILQ_HEAD(sts_watch_list, sts_watch);
TAILQ_HEAD(sts_query_list, sts_dns_query);
TAILQ_HEAD(sts_fetch_list, sts_fetch);
TAILQ_HEAD(sts_probe_list, sts_mx_probe);

struct sts_loop {
	const struct sts_config *config;
	bool dns_open;
	char *nameservers; /* as c-ares wants them; NULL: the system's */
	CURLM *multi;
	struct sts_trust *trust;
	struct sts_timer_list timers; /* by due_ms */
	uint64_t timers_set;          /* how many ever were */
	struct sts_watch_list watches;
	struct sts_query_list queries;
	struct sts_fetch_list fetches;
	struct sts_probe_list probes;
	/* The watches of the step under way, in the same order. */
	struct sts_watch **watched;
	struct pollfd *poll;
	struct curl_waitfd *wait;
	size_t watched_size, watched_count;
};

/* Sets a member timer, anew if it is already set.  Never fails. */
void sts_timer_set(struct sts_loop *loop, struct sts_timer *timer,
    int64_t delay_ms, void (*due)(void *arg), void *arg);

/* Clears a member timer; harmless where it is not set. */
void sts_timer_clear(struct sts_loop *loop, struct sts_timer *timer);

/*
 * dns.c: one initialisation for each loop, and its undoing, which ends every
 * question of the loop without calling back.
 */
enum sts_status sts_dns_open(struct sts_loop *loop);
void sts_dns_close(struct sts_loop *loop);

/*
 * fetch.c: lets libcurl work and reports the fetches that ended; STS_NO_MEMORY
 * or STS_INTERNAL where libcurl itself is broken.
 */
enum sts_status sts_fetch_run(struct sts_loop *loop);

/* fetch.c: ends every fetch of the loop without calling back. */
void sts_fetch_close(struct sts_loop *loop);

/* probe.c: likewise every probe. */
void sts_mx_probe_close(struct sts_loop *loop);

#endif
