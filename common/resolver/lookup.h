/* SPDX-License-Identifier: ISC */
/*
 * The state of one lookup, shared by lookup.c (the steps), lookup_lock.c (its
 * lock), stored.c (what the store has), record_result.c (what is written down
 * at the end) and tlsrpt.c (what TLS reports need).
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
	bool late;       /* `locked` is the second lock, see lookup_lock.c */
	int64_t look_ms; /* when to read the store again */
	struct sts_timer *timer;
	struct sts_dns_query *query;
	struct sts_dns_query *tlsrpt; /* of _smtp._tls, beside `query` */
	struct sts_fetch *fetch;

	/* The data in the store when the lock was obtained. */
	struct sts_entry entry; /* body NULL: no policy */
	struct sts_check check; /* zero: none */
	bool corrupt;           /* a policy file that is damaged */
	bool clock_suspect; /* far behind the newest `fetched`, or just set */

	/* The answer of the DNS. */
	enum sts_status record; /* STS_OK: `id` is set */
	char id[STS_ID_MAX + 1];
	int64_t decided; /* when what follows from it was decided */
	bool fetched;    /* what was served is a policy */

	/* When the fetch began, which says which policy is newer. */
	int64_t fetch_began;
	int64_t fetch_began_us;
	int64_t fetch_ms; /* the time that it got */
	/* What was served, while the result is recorded; else empty. */
	struct sts_span body;
};

/* lookup_lock.c */

/*
 * Tries to get the domain's lock; lookup->locked: it has it.  Any status other
 * than STS_OK: locks do not work here.  If the process that has the lock has
 * exceeded all its limits, one of those that wait gets a second lock.
 */
enum sts_status sts_lookup_lock(struct sts_lookup *lookup);

/* Releases the lock if it has it. */
void sts_lookup_unlock(struct sts_lookup *lookup);

/* True if it has waited for half of fetch-timeout, at most 10 s. */
bool sts_lookup_has_waited(const struct sts_lookup *lookup);

/* The rest of fetch-timeout + 2 x dns-timeout, in ms; 0 or less: over. */
int64_t sts_lookup_left_ms(const struct sts_lookup *lookup);

/* stored.c: the data in the store, at `now`, in seconds since 1970. */

/*
 * Reads policy and check, replacing what was read before.  STS_OK also if there
 * is none, or a damaged policy file (lookup->corrupt); or a local fault.
 */
enum sts_status sts_stored_read(struct sts_lookup *lookup, int64_t now);

/*
 * True if the store has the answer: it is fresh, or another process wrote it
 * while the lookup waited for the lock.
 */
bool sts_stored_answers(const struct sts_lookup *lookup, int64_t now);

/*
 * RFC 8461 10.2: a live policy that is due answers at once and is fetched
 * afterwards, whatever its record.
 */
bool sts_stored_is_due(const struct sts_lookup *lookup, int64_t now);

/* True if another refetch, of any process, began a moment ago. */
bool sts_stored_is_refetched(const struct sts_lookup *lookup, int64_t now);

/*
 * For tasks other than a lookup: STS_OK if the policy is to be fetched, else
 * the status that ends the task.  Records in the store that a refetch begins,
 * and removes an unused policy.
 */
enum sts_status sts_stored_may_fetch(struct sts_lookup *lookup, int64_t now);

/*
 * record_result.c: stores the result.  Each returns the status that ends the
 * lookup, and uses the store but not the loop.
 */

/* The record confirms the policy in force, or its query failed. */
enum sts_status sts_record_result_kept(struct sts_lookup *lookup);

/* A policy was fetched and parses. */
enum sts_status sts_record_result_fetched(
    struct sts_lookup *lookup, const struct sts_policy *policy);

/* The fetch failed, or its body is not a policy: `reason`. */
enum sts_status sts_record_result_failed(
    struct sts_lookup *lookup, enum sts_status reason);

/* No policy is in force or available: `reason` counts for `seconds`. */
enum sts_status sts_record_result_none(
    struct sts_lookup *lookup, enum sts_status reason, int64_t seconds);

/* tlsrpt.c */

/* Drops a _smtp._tls record from the check if reports are not wanted. */
void sts_tlsrpt_read(struct sts_lookup *lookup);

/* True if the _smtp._tls record is to be queried. */
bool sts_tlsrpt_is_due(const struct sts_lookup *lookup, int64_t now);

/* Puts the answer to that query, as sts_dns_txt gives it, into the check. */
void sts_tlsrpt_answer(struct sts_lookup *lookup, enum sts_status status,
    const struct sts_span *records, size_t count, int64_t now);

/* Writes down, for reports, a policy that was stored. */
void sts_tlsrpt_fetched(
    struct sts_lookup *lookup, const struct sts_entry *entry, int64_t now);

/* The same for a failed fetch, whose reason is of the network. */
void sts_tlsrpt_failed(
    struct sts_lookup *lookup, enum sts_status reason, int64_t now);

/* clock_check.c */

/* Seconds since 1970. */
int64_t sts_now(void);

/*
 * STS_CLOCK if `now` is before this build, or another local fault.  Sets
 * *suspect if it is more than a day behind the newest `fetched`.
 */
enum sts_status sts_clock_check(
    struct sts_resolver *resolver, int64_t now, bool *suspect);

/*
 * True if the clock was set, by more than a minute, since the lookup began, or
 * the machine slept meanwhile.
 */
bool sts_clock_was_set(const struct sts_lookup *lookup, int64_t now);

/*
 * Seconds since the newest fetch; INT64_MAX if there is none or it is
 * unreadable.
 */
int64_t sts_clock_silence(struct sts_resolver *resolver, int64_t now);

/* find_mx.c: ends the searches for MX hosts without callbacks. */
void sts_routes_close(struct sts_resolver *resolver);

/* refresh.c: the same for a round. */
void sts_refresh_close(struct sts_resolver *resolver);

/*
 * Makes a detail safe between double quotes in a log line: replaces quotes; the
 * logger escapes the rest.
 */
void sts_detail_quote(const char *detail, char *out, size_t size);

#endif
