/* SPDX-License-Identifier: ISC */
/*
 * A resolver that stays running, for a program that lives as long as the mail
 * server and must never block, such as OpenSMTPD's filter and table.
 *
 * One `mta-sts-resolver` in serving mode, started at the first question, and
 * again, at growing intervals, when it dies or stalls; its unanswered questions
 * are then sent once more.  All is done in sts_worker_step, which the owner
 * calls from its own poll(2) loop.
 */
#ifndef STS_CLIENT_WORKER_H
#define STS_CLIENT_WORKER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"

struct sts_worker;

enum sts_worker_what {
	STS_WORKER_LOOKUP,
	STS_WORKER_ROUTES,
	STS_WORKER_REFRESH, /* the policy, if it is due */
	STS_WORKER_REFETCH, /* the policy, since it permits no MX host */
	STS_WORKER_PROBE,
	STS_WORKER_REFRESH_ALL /* all policies that are due */
};

enum {
	STS_WORKER_FDS = 2,               /* descriptors for poll(2) */
	STS_WORKER_QUESTIONS_MAX = 20000, /* waiting at once */
	STS_WORKER_UNDER_WAY_MAX = 1024,  /* of these with the resolver */
	STS_WORKER_SILENCE_MS = 5000,     /* then it is sent a ping */
	STS_WORKER_STALLED_MS =
	    2 * STS_WORKER_SILENCE_MS /* then it is killed */
};

/*
 * Called once for each question: STS_OK when the answer is in the store, the
 * reason of a failed refresh, or a local fault (STS_RESOLVER_DIED,
 * STS_RESOLVER_TIMEOUT, STS_RESOLVER_MISSING, ...).
 */
typedef void sts_worker_done(void *arg, enum sts_worker_what what,
    const char *domain, enum sts_status status);

/*
 * The config must outlive it.  NULL: no memory; the functions below accept that
 * as a worker that takes no question.
 */
struct sts_worker *sts_worker_create(
    const struct sts_config *config, sts_worker_done *done, void *arg);

/*
 * Calls nothing back.  The resolver reads the end of its input, completes its
 * work and exits.
 */
void sts_worker_destroy(struct sts_worker *worker);

/*
 * Replaces the resolver, which read its configuration when it started; its
 * unanswered questions are sent again.
 */
void sts_worker_restart(struct sts_worker *worker);

/*
 * Asks about a normalised domain, or joins the same pending question.  Routes
 * are matched against the policy: they wait for a pending lookup of the domain,
 * and fail with it.  The callback never comes from within this call.  False:
 * too many questions, or no memory; then no callback comes.
 */
bool sts_worker_ask(
    struct sts_worker *worker, enum sts_worker_what what, const char *domain);

/*
 * Refreshes every policy that is due, unless that is under way.  There is a
 * callback for each of them, as for STS_WORKER_REFRESH, and one for the domain
 * "*" at the end, after whatever time.  False: as above.
 */
bool sts_worker_refresh_all(struct sts_worker *worker);

/*
 * Requests a probe of an MX host (a normalised name), or joins a pending one.
 * The callback has `domain`, and there is none if that is "".  The resolver
 * gets the hosts in the order of the calls, after all questions; of hosts at
 * one address it contacts one.  False: too many wait, or no resolver can be
 * started now; then it is dropped.
 */
bool sts_worker_probe(
    struct sts_worker *worker, const char *host, const char *domain);

/* Fills at most STS_WORKER_FDS elements; returns how many. */
size_t sts_worker_poll(const struct sts_worker *worker, struct pollfd *fds);

/* When to call sts_worker_step at the latest; INT64_MAX: no need. */
int64_t sts_worker_due_ms(const struct sts_worker *worker);

/* Starts, writes, reads, kills, reaps and calls back; never waits. */
void sts_worker_step(struct sts_worker *worker);

/* The number of questions without an answer. */
size_t sts_worker_pending(const struct sts_worker *worker);

#endif
