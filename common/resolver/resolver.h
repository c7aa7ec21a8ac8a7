/* SPDX-License-Identifier: ISC */
/*
 * Internal to the resolver: discovery, fetch and refresh of RFC 8461 5.1,
 * recorded in the store.
 *
 * One lookup is one small state machine on the event loop:
 *
 *	lock -> read the store -> _mta-sts TXT -> policy fetch -> record
 *
 * Any step may end it.  Answers of the network, or their lack, are recorded; a
 * local fault is only reported to the caller.
 */
#ifndef STS_RESOLVER_RESOLVER_H
#define STS_RESOLVER_RESOLVER_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/hashmap.h"
#include "base/status.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "resolver/fetch.h"
#include "store/store.h"

struct sts_lookup;      /* one domain under way */
struct sts_routes_task; /* one domain's MX hosts under way */
struct sts_prober;
struct sts_refresh; /* a round over the store */

struct sts_resolver {
	const struct sts_config *config;
	struct sts_store *store;
	struct sts_loop *loop;
	struct sts_dns *dns;
	struct sts_fetcher *fetcher;
	struct sts_fetch_context network;    /* the three, for fetches */
	uint16_t port;                       /* of policy hosts: 443 */
	uint16_t mx_port;                    /* of MX hosts: 25 */
	struct sts_hashmap lookups;          /* under way, by domain */
	LIST_HEAD(, sts_routes_task) routes; /* likewise */
	struct sts_prober *prober;           /* NULL until it is needed */
	struct sts_pace pace;                /* of refreshes */
	struct sts_refresh *refresh;         /* under way; NULL: none */
	int64_t newest;    /* `fetched` of the store, for clock_check.c, */
	int64_t newest_ms; /* and when; 0: never */
	bool serving;      /* continues after an answer, with refreshes */
};

enum sts_task {
	STS_TASK_LOOKUP,  /* for a delivery */
	STS_TASK_REFRESH, /* in the background, if due */
	STS_TASK_AFTER,   /* the same after a delivery was answered: gives way
			     to another process that has the domain's lock */
	STS_TASK_REFETCH, /* its MX hosts are not permitted: due or not, but
			     once in STS_REFETCH_PAUSE */
	STS_TASK_FORCE    /* by the operator: due or not */
};

/*
 * Called once with STS_OK when the answer is in the store, or with a local
 * fault.  For all tasks but a lookup also with STS_NOT_FOUND (no policy),
 * STS_NOT_DUE, or the reason of the failed fetch, which leaves the policy
 * unchanged; for a refresh STS_TOO_SOON if many wait for the policy host's
 * address.
 */
typedef void sts_lookup_done(void *arg, enum sts_status status);

/*
 * Opens store, loop, DNS and fetcher, and has SIGPIPE ignored.  The config must
 * outlive the resolver.  On failure there is nothing to close.
 */
enum sts_status sts_resolver_open(
    struct sts_resolver *resolver, const struct sts_config *config);
void sts_resolver_close(struct sts_resolver *resolver);

/* Other ports, for test programs, before the first lookup. */
void sts_resolver_set_ports(
    struct sts_resolver *resolver, uint16_t port, uint16_t mx_port);

/*
 * Starts a lookup of a normalised domain, or joins a pending one of the same
 * task.  Ends within fetch-timeout + 2 x dns-timeout.  The callback never comes
 * from within this call.  False: no memory, no callback.
 */
bool sts_lookup_start(struct sts_resolver *resolver, const char *domain,
    enum sts_task task, sts_lookup_done *done, void *arg);

/*
 * Looks up the MX hosts of a normalised domain and stores them, or joins a
 * pending search.  Ends within 2 x dns-timeout.  STS_OK when they are stored,
 * whatever the DNS said, or if the DNS did not answer and the stored ones are
 * kept; or a local fault.  The rest is as with sts_lookup_start.
 */
bool sts_routes_start(struct sts_resolver *resolver, const char *domain,
    sts_lookup_done *done, void *arg);

/*
 * Probes an MX host (a normalised name) and records the result in the routes of
 * the domains that use it, or joins a pending probe.  STS_OK if there is a
 * result not older than sts_probe_again; STS_NOT_FOUND if no routes name the
 * host, or the configuration wants no probe; STS_TOO_SOON if its addresses were
 * contacted, for another host, too recently or too often; or a local fault.
 * The rest is as with sts_lookup_start; false also if 1,024 probes are waiting.
 */
bool sts_probe_start(struct sts_resolver *resolver, const char *host,
    sts_lookup_done *done, void *arg);

/*
 * Posts `len` bytes (1 to STS_WIRE_POST_MAX), borrowed until the callback, to
 * an https: URL on port 443.  Ends within fetch-timeout + dns-timeout.  STS_OK:
 * it was taken, and `detail` says what is wrong with the certificate, or is "";
 * STS_RECORD_BAD_RUA: no such URL; else the class FETCH, whose detail is for
 * people, or a local fault.  The callback never comes from within this call.
 * False: no memory, no callback.
 */
typedef void sts_post_done(
    void *arg, enum sts_status status, const char *detail);
bool sts_post_start(struct sts_resolver *resolver, const char *url,
    const char *body, size_t len, sts_post_done *done, void *arg);

/*
 * The same for a program of one post: reads the body from `in`, and writes
 * "done post STATUS DETAIL" and a line feed to `out`.  Returns that status;
 * STS_BAD_LINE, and nothing is posted, where `in` ends before that.
 */
enum sts_status sts_post_run(struct sts_resolver *resolver, const char *url,
    size_t len, int in, int out);

struct sts_refresh_counts {
	size_t fetched;
	size_t not_due;
	size_t failed;
	size_t removed; /* expired and unused */
};

/* Gets each domain that was due, and how many of how many are done. */
typedef void sts_refresh_report(void *arg, const char *domain,
    enum sts_status status, size_t done, size_t total);

/* Called once: STS_OK, or the local fault that stopped the round. */
typedef void sts_refresh_ended(
    void *arg, enum sts_status status, const struct sts_refresh_counts *counts);

/*
 * Starts a round: refreshes every policy that is due (RFC 8461 3.3, 10.2), at
 * most `at_once` at a time, in the order of what expires first, and removes
 * checks that have run out.  `report` may be NULL.  Neither callback comes from
 * within this call.  False: no memory, or a round is under way; then no
 * callback comes.
 */
bool sts_refresh_start(struct sts_resolver *resolver, size_t at_once,
    sts_refresh_report *report, sts_refresh_ended *ended, void *arg);

/* Starts no further domain; the round ends when those under way have. */
void sts_refresh_stop(struct sts_resolver *resolver);

/*
 * Answers requests from `in` on `out` until end of input and the last answer:
 * the protocol of mta-sts-resolver(8).  Returns the process's exit status.
 */
int sts_serve(struct sts_resolver *resolver, int in, int out);

/*
 * Prints one answer line, "done WHAT DOMAIN ok", or "... fault REASON" for a
 * local fault, or "... failed REASON"; ignores a closed pipe.
 */
void sts_answer_line(
    int out, const char *what, const char *domain, enum sts_status status);

#endif
