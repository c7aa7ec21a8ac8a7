/* SPDX-License-Identifier: ISC */
/*
 * The state of one lookup, shared by lookup.c (the steps), turn.c (its lock),
 * stored.c (what the store has) and record_result.c (what is written down at
 * the end).
 */
#ifndef STS_RESOLVER_LOOKUP_H
#define STS_RESOLVER_LOOKUP_H

#include <sys/queue.h>

#include "dns/dns.h"
#include "resolver/fetch.h"
#include "resolver/resolver.h"
#include "resolver/waiters.h"

struct sts_lookup {
	struct sts_hashmap_node node; /* of resolver->lookups */
	struct sts_resolver *resolver;
	struct sts_waiters waiters;
	enum sts_task task;
	char domain[STS_NAME_MAX + 1];
	int64_t began;    /* seconds since 1970 */
	int64_t began_ms; /* monotonic */
	bool contended;   /* another lookup had the lock */
	bool locked;
	bool late;       /* `locked` is the lock of those who waited long */
	int64_t look_ms; /* when to read the store again */
	struct sts_timer *timer;
	struct sts_dns_query *query;
	struct sts_fetch *fetch;

	/* What the store had when the lock was ours. */
	struct sts_entry entry; /* body NULL: no policy */
	struct sts_check check; /* zero: none */
	bool corrupt;           /* a policy file that is damaged */
	bool clock_suspect; /* far behind the newest `fetched`, or just set */

	/* What the DNS said. */
	enum sts_status record; /* STS_OK: `id` is set */
	char id[STS_ID_MAX + 1];

	/* When the fetch began: what orders one policy before another. */
	int64_t fetch_began;
	int64_t fetch_began_us;
	int64_t fetch_ms; /* the time that it got */
};

/* turn.c */

/*
 * Tries to get the domain's lock; lookup->locked says whether it is ours.  A
 * status other than STS_OK: there are no locks here.  Where the process that
 * has it is beyond all its limits, one of the waiting ones gets a second lock.
 */
enum sts_status sts_turn_take(struct sts_lookup *lookup);

/* Releases the lock, where it is ours. */
void sts_turn_end(struct sts_lookup *lookup);

/* True where it has waited for half of fetch-timeout, 10 s at most. */
bool sts_turn_waited(const struct sts_lookup *lookup);

/* What is left of fetch-timeout + 2 x dns-timeout, in ms; 0 or less: over. */
int64_t sts_turn_left_ms(const struct sts_lookup *lookup);

/* stored.c: what the store has, at `now`, in seconds since 1970. */

/*
 * Reads policy and check, each in place of what was read before.  STS_OK also
 * where there is none, or a policy file that is damaged (lookup->corrupt); or a
 * local fault.
 */
enum sts_status sts_stored_read(struct sts_lookup *lookup, int64_t now);

/*
 * Whether the store has the answer: it is fresh, or another process wrote it
 * while the lookup waited for the lock.
 */
bool sts_stored_answers(const struct sts_lookup *lookup, int64_t now);

/*
 * RFC 8461 10.2: a live policy that is due answers as it is, and is fetched
 * again afterwards, whatever its record says.
 */
bool sts_stored_is_due(const struct sts_lookup *lookup, int64_t now);

/* Whether another refetch began a moment ago, in this process or another. */
bool sts_stored_is_refetched(const struct sts_lookup *lookup, int64_t now);

/*
 * For tasks other than a lookup: STS_OK where the policy is to be fetched, else
 * the status that the task ends with.  Notes in the store that a refetch
 * begins, and removes a policy that is unused.
 */
enum sts_status sts_stored_may_fetch(struct sts_lookup *lookup, int64_t now);

/*
 * record_result.c: writes down what was learnt.  Each returns what the lookup
 * ends with, and needs the store and nothing of the loop.
 */

/* The record confirms the policy, or could not be had while it is in force. */
enum sts_status sts_record_result_kept(struct sts_lookup *lookup);

/* A policy was fetched and parses. */
enum sts_status sts_record_result_fetched(
    struct sts_lookup *lookup, const struct sts_policy *policy);

/* The fetch failed, or what came is no policy: `reason`. */
enum sts_status sts_record_result_failed(
    struct sts_lookup *lookup, enum sts_status reason);

/* No policy in force and none to be had: `reason` counts for `seconds`. */
enum sts_status sts_record_result_none(
    struct sts_lookup *lookup, enum sts_status reason, int64_t seconds);

/* clock_check.c */

/* Seconds since 1970. */
int64_t sts_now(void);

/*
 * STS_CLOCK where `now` is before this build, or another local fault.  Sets
 * *suspect where it is more than a day behind the newest `fetched`, and else
 * leaves it alone.
 */
enum sts_status sts_clock_check(
    struct sts_resolver *resolver, int64_t now, bool *suspect);

/*
 * Whether the clock was set, by more than a minute, since the lookup began.
 * Where the machine slept meanwhile that is so, too.
 */
bool sts_clock_was_set(const struct sts_lookup *lookup, int64_t now);

/*
 * Seconds since anything was fetched; INT64_MAX where nothing ever was, or it
 * is not known.
 */
int64_t sts_clock_silence(struct sts_resolver *resolver, int64_t now);

/* find_mx.c: ends the search for MX hosts without calling back. */
void sts_routes_close(struct sts_resolver *resolver);

/*
 * A detail as it may stand between double quotes in a log line: the quotes are
 * ours, the logger escapes the rest.
 */
void sts_detail_quote(const char *detail, char *out, size_t size);

#endif
