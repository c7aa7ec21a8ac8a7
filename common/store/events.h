/* SPDX-License-Identifier: ISC */
/*
 * What lookups, refreshes and deferrals came to, for `mta-sts status`:
 *
 *     events/YYYY-MM-DD	a line for each, of that day of UTC
 *     totals			numbers of all days that are gone
 *
 * An answer from the store is no event and costs nothing.  Any number of
 * processes append, a write each, without a lock; only the owner of the state
 * directory, never root.  A file has at most 8 MiB, beyond which events of the
 * day are lost: first those that domains of others cause; of faults of this
 * machine one a minute is still written.  A loss changes nothing but these
 * numbers.
 *
 * A round of refreshes adds the days before yesterday to the totals and removes
 * them, so numbers only grow; without rounds the first event of a day does it.
 * Where no process that may write the totals has events, as without a resolver,
 * files are removed after 31 days.
 */
#ifndef STS_STORE_EVENTS_H
#define STS_STORE_EVENTS_H

#include "store/store.h"

enum sts_event_kind {
	STS_EVENT_LOOKUP,  /* for mail */
	STS_EVENT_REFRESH, /* of a policy in the store */
	STS_EVENT_KINDS
};

enum sts_event_result {
	STS_EVENT_POLICY,    /* fetched */
	STS_EVENT_UNCHANGED, /* the policy in force stays */
	STS_EVENT_NONE,      /* the domain has no policy */
	STS_EVENT_DNS,       /* the domain's DNS is in trouble */
	STS_EVENT_FAILED,    /* the policy could not be fetched */
	STS_EVENT_FAULT,     /* of this machine */
	STS_EVENT_RESULTS
};

/* "policy", "unchanged", "none", "dns_trouble", "failed", "fault". */
const char *sts_event_result_name(enum sts_event_result result);

/* Appends; `now` in seconds since 1970. */
void sts_events_result(struct sts_store *store, enum sts_event_kind kind,
    enum sts_event_result result, int64_t now);

/*
 * For a process that serves: from now on results wait, a few kilobytes of them,
 * until sts_events_flush() writes all at once; those of a process that is
 * killed before are lost.  Faults are written as they come.  Without memory all
 * are.
 */
void sts_events_keep(struct sts_store *store);
void sts_events_flush(struct sts_store *store);

/* A round of refreshes has ended; also adds up, see above. */
void sts_events_round(struct sts_store *store, int64_t now);

/*
 * Mail for a domain waits.  The store may be open for reading only.  False if
 * this user may not write, or the event is lost.
 */
bool sts_events_deferred(struct sts_store *store, const char *domain,
    enum sts_status why, int64_t now);

enum { STS_EVENTS_LAST = 5 };

struct sts_events {
	int64_t count[STS_EVENT_KINDS][STS_EVENT_RESULTS]; /* ever */
	int64_t last_answer; /* of the DNS; seconds since 1970, 0: unknown */
	int64_t last_round;
	/* Attempts that were deferred in the day before `now`, by reason; */
	int64_t deferred[STS_STATUS_COUNT];
	int64_t faults; /* and of its last hour, for faults of this machine. */
	/* The last domains, the newest first. */
	struct sts_event_domain {
		char domain[STS_NAME_MAX + 1];
		enum sts_status why;
		int64_t when;
	} last[STS_EVENTS_LAST];
	size_t last_count;
};

/*
 * Reads them all, in bounded memory.  What cannot be read counts as nothing.
 * STS_NO_MEMORY or STS_OK.
 */
enum sts_status sts_events_read(
    struct sts_store *store, int64_t now, struct sts_events *events);

#endif
