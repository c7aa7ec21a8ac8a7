/* SPDX-License-Identifier: ISC */
/*
 * A resolver that stays running, for a program that lives as long as the mail
 * server and must never block, such as an OpenSMTPD filter.
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
#include <sys/types.h>

#include "base/child.h"
#include "base/config.h"
#include "base/status.h"

struct sts_worker;

enum sts_worker_what {
	STS_WORKER_LOOKUP,
	STS_WORKER_ROUTES,
	STS_WORKER_REFRESH
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

/* The config must outlive it.  NULL: no memory. */
struct sts_worker *sts_worker_create(
    const struct sts_config *config, sts_worker_done *done, void *arg);

/*
 * Calls nothing back.  The resolver reads the end of its input, completes its
 * work and exits.
 */
void sts_worker_destroy(struct sts_worker *worker);

/*
 * Asks about a normalised domain, or joins the same pending question.  The
 * callback never comes from within this call.  False: too many questions, or no
 * memory; then no callback comes.
 */
bool sts_worker_ask(
    struct sts_worker *worker, enum sts_worker_what what, const char *domain);

/*
 * Requests a probe of an MX host (a normalised name).  No callback: the result
 * is in the routes of the domains that use the host.  The resolver gets the
 * hosts in the order of the calls; of hosts at one address it contacts one.
 * False: too many wait, or no resolver can be started now; then it is dropped.
 */
bool sts_worker_probe(struct sts_worker *worker, const char *host);

/* Fills at most STS_WORKER_FDS elements; returns how many. */
size_t sts_worker_poll(const struct sts_worker *worker, struct pollfd *fds);

/* When to call sts_worker_step at the latest; INT64_MAX: no need. */
int64_t sts_worker_due_ms(const struct sts_worker *worker);

/* Starts, writes, reads, kills, reaps and calls back; never waits. */
void sts_worker_step(struct sts_worker *worker);

/* The number of questions without an answer. */
size_t sts_worker_pending(const struct sts_worker *worker);

/*
 * Starts a resolver as sts_client_start_resolver does, but without standard
 * error (it logs to syslog): `want_stdin` for serving mode, `lifetime` in
 * seconds, 0 for no limit.
 */
enum sts_status sts_worker_start_resolver(const struct sts_config *config,
    const char *const *arguments, bool want_stdin, unsigned lifetime,
    struct sts_child *child);

/* Killed processes that are not reaped yet. */
enum { STS_REAPER_MAX = 32 };
struct sts_reaper {
	pid_t pid[STS_REAPER_MAX];
	size_t count;
};

/*
 * Kills and disowns a child: closes its descriptors, and leaves it to
 * sts_reaper_step, which does not wait.
 */
void sts_reaper_take(struct sts_reaper *reaper, struct sts_child *child);
void sts_reaper_step(struct sts_reaper *reaper);

#endif
