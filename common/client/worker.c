/* SPDX-License-Identifier: ISC */
/*
 * One resolver process and the questions for it.
 *
 * A question is in `waiting`, or in `probes`, which are less urgent, until it
 * is written to the resolver, then in `sent`, or in `round` if it is for a
 * round of refreshes, until it is answered.  It ends in reply(), so each
 * question has exactly one callback.  When the resolver dies or stalls, its
 * unanswered questions return to the front of their queue; one that was sent
 * twice ends with the reason instead, since it may be what kills the resolver.
 *
 * The resolver parses data from the network, so its output is not trusted: it
 * may be silent, endless or nonsense.  A line that answers no pending question
 * only shows that the resolver runs, but for the refreshes of a round.  Answers
 * are read from the store, never from the pipe.
 */
#include "client/worker.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/minmax.h"
#include "client/worker_process.h"
#include "core/domain.h"

enum {
	TRIES_MAX = 2,       /* how often a question is sent */
	GRACE_MS = 5000,     /* beyond the limits of an answer */
	PROVEN_MS = 10000,   /* a resolver that lived so long did start */
	BACKOFF_MS = 250,    /* doubled with each failure */
	BACKOFF_MAX = 10000, /* milliseconds */
	FAILURES_MAX = 3,    /* in a row; then questions fail at once */
	PROBES_MAX = 64,     /* waiting to be written */
	PROBES_UNDER_WAY_MAX = STS_WORKER_UNDER_WAY_MAX / 2,
	REAP_MS = 200
};

static const char *const words[] = {
    [STS_WORKER_LOOKUP] = "lookup",
    [STS_WORKER_ROUTES] = "routes",
    [STS_WORKER_REFRESH] = "refresh",
    [STS_WORKER_REFETCH] = "refetch",
    [STS_WORKER_PROBE] = "probe",
    [STS_WORKER_REFRESH_ALL] = "refresh-all",
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

/* The name that refresh-all is answered with. */
#define ALL "*"

/* First come, first served. */
struct queue {
	TAILQ_HEAD(list, question) list;
	size_t count;
};

/* The name is at most STS_NAME_MAX bytes: 20,000 of these are 7 MB. */
struct question {
	struct sts_hashmap_node node; /* by the hash of its name */
	TAILQ_ENTRY(question) link;
	struct queue *queue;
	enum sts_worker_what what;
	unsigned tries;     /* how often it was written to a resolver */
	int64_t sent_ms;    /* 0: not with this resolver */
	bool want_routes;   /* after this lookup */
	const char *domain; /* for the callback; "": none */
	char name[];
};

struct sts_worker {
	const struct sts_config *config;
	sts_worker_done *done;
	void *arg;
	struct sts_hashmap questions;
	struct queue waiting; /* not written yet */
	struct queue probes;  /* not written yet: when nothing is waiting */
	struct queue sent;    /* in the order of sent_ms */
	struct queue round;   /* refresh-all, when sent: it has no deadline */

	struct sts_process process;
	int64_t started_ms;
	int64_t heard_ms; /* the last line, or the first question since */
	bool pinged;
	bool proven; /* this resolver has answered a question */

	unsigned failures;            /* in a row */
	int64_t retry_ms;             /* no start before then */
	enum sts_status start_status; /* of the last start */
};

/* Questions that the resolver is at. */
static size_t
under_way(const struct sts_worker *w)
{
	return w->sent.count + w->round.count;
}

static void
enqueue(struct queue *queue, struct question *q)
{
	TAILQ_INSERT_TAIL(&queue->list, q, link);
	queue->count++;
	q->queue = queue;
}

static void
dequeue(struct question *q)
{
	TAILQ_REMOVE(&q->queue->list, q, link);
	q->queue->count--;
}

static struct question *
first(const struct queue *queue)
{
	return TAILQ_FIRST(&queue->list);
}

static struct question *
find(const struct sts_worker *w, enum sts_worker_what what, const char *name)
{
	struct question *q =
	    sts_hashmap_find(&w->questions, sts_hashmap_hash(name));

	while (q != NULL && (q->what != what || strcmp(q->name, name) != 0))
		q = sts_hashmap_next(&q->node);
	return q;
}

struct sts_worker *
sts_worker_create(
    const struct sts_config *config, sts_worker_done *done, void *arg)
{
	struct sts_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->config = config;
	w->done = done;
	w->arg = arg;
	sts_process_init(&w->process);
	TAILQ_INIT(&w->waiting.list);
	TAILQ_INIT(&w->probes.list);
	TAILQ_INIT(&w->sent.list);
	TAILQ_INIT(&w->round.list);
	return w;
}

void
sts_worker_destroy(struct sts_worker *worker)
{
	struct question *q;

	if (worker == NULL)
		return;
	sts_process_leave(&worker->process);
	sts_process_reap(&worker->process);
	while ((q = sts_hashmap_pop(&worker->questions)) != NULL)
		free(q);
	free(worker);
}

size_t
sts_worker_pending(const struct sts_worker *worker)
{
	return worker != NULL ? worker->questions.count : 0;
}

/* False: too many, or no memory. */
static bool
add(struct sts_worker *w, struct queue *queue, enum sts_worker_what what,
    const char *name, const char *domain)
{
	size_t size = strlen(name) + 1, domain_size = strlen(domain) + 1;
	struct question *q;

	if (w->questions.count >= STS_WORKER_QUESTIONS_MAX ||
	    (q = calloc(1, sizeof(*q) + size + domain_size)) == NULL)
		return false;
	q->what = what;
	memcpy(q->name, name, size);
	q->domain = memcpy(q->name + size, domain, domain_size);
	sts_hashmap_insert(&w->questions, &q->node, sts_hashmap_hash(name));
	enqueue(queue, q);
	return true;
}

bool
sts_worker_ask(
    struct sts_worker *worker, enum sts_worker_what what, const char *domain)
{
	struct question *lookup;

	if (worker == NULL || !sts_domain_is_normalised(domain))
		return false;
	if (find(worker, what, domain) != NULL)
		return true;
	lookup = find(worker, STS_WORKER_LOOKUP, domain);
	if (what != STS_WORKER_ROUTES || lookup == NULL)
		return add(worker, &worker->waiting, what, domain, domain);
	lookup->want_routes = true;
	return true;
}

bool
sts_worker_refresh_all(struct sts_worker *worker)
{
	if (worker == NULL)
		return false;
	return find(worker, STS_WORKER_REFRESH_ALL, ALL) != NULL ||
	    add(worker, &worker->waiting, STS_WORKER_REFRESH_ALL, ALL, ALL);
}

/* A lookup has ended, and the domain's routes were asked for after it. */
static void
ask_routes(struct sts_worker *w, const char *domain, enum sts_status status)
{
	if (status == STS_OK &&
	    !add(w, &w->waiting, STS_WORKER_ROUTES, domain, domain))
		status = STS_NO_MEMORY;
	if (status != STS_OK)
		w->done(w->arg, STS_WORKER_ROUTES, domain, status);
}

/* Removes a question and calls back. */
static void
reply(struct sts_worker *w, struct question *q, enum sts_status status)
{
	dequeue(q);
	sts_hashmap_remove(&w->questions, &q->node);
	if (q->want_routes)
		ask_routes(w, q->name, status);
	if (q->domain[0] != '\0')
		w->done(w->arg, q->what, q->domain, status);
	free(q);
}

/* Unanswered questions are the first for the next resolver. */
static void
ask_again(struct sts_worker *w, struct queue *unanswered)
{
	struct question *q;

	while ((q = TAILQ_LAST(&unanswered->list, list)) != NULL) {
		struct queue *queue =
		    q->what == STS_WORKER_PROBE ? &w->probes : &w->waiting;

		dequeue(q);
		q->sent_ms = 0;
		TAILQ_INSERT_HEAD(&queue->list, q, link);
		queue->count++;
		q->queue = queue;
	}
}

/* Ends the questions in a queue that were sent at least so many times. */
static void
refuse(struct sts_worker *w, struct queue *queue, unsigned tries,
    enum sts_status status)
{
	struct question *q = first(queue), *next;

	for (size_t n = queue->count; n > 0; n--, q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->tries >= tries)
			reply(w, q, status);
	}
}

/*
 * Gives up the resolver, for `reason`.  Its unanswered questions are sent
 * again, unless they were: a domain may be what kills it.
 */
static void
give_up(struct sts_worker *w, enum sts_status reason)
{
	int64_t now = sts_monotonic_ms();
	int64_t delay = 0;

	/* One that never says a word has not started, however long it runs. */
	if (w->proven ||
	    (reason == STS_RESOLVER_DIED && now - w->started_ms >= PROVEN_MS))
		w->failures = 0;
	if (w->failures > 0)
		delay = w->failures > 6 ? BACKOFF_MAX
					: BACKOFF_MS << (w->failures - 1);
	w->failures++;
	w->retry_ms = now + sts_min(delay, BACKOFF_MAX);
	sts_log(STS_LOG_WARNING, NULL,
	    "event=resolver reason=%s pending=%zu again_in_ms=%lld",
	    sts_status_name(reason), w->sent.count, (long long)delay);
	sts_process_kill(&w->process);
	refuse(w, &w->sent, TRIES_MAX, reason);
	refuse(w, &w->round, TRIES_MAX, reason);
	ask_again(w, &w->round);
	ask_again(w, &w->sent);
}

void
sts_worker_restart(struct sts_worker *worker)
{
	if (worker == NULL)
		return;
	worker->failures = 0;
	worker->retry_ms = 0;
	worker->start_status = STS_OK;
	sts_process_kill(&worker->process);
	ask_again(worker, &worker->round);
	ask_again(worker, &worker->sent);
}

/*
 * True if the next start will probably fail like the last one: until then
 * questions fail at once instead of waiting.
 */
static bool
is_refusing(const struct sts_worker *w)
{
	return !w->process.running && sts_monotonic_ms() < w->retry_ms &&
	    (w->start_status != STS_OK || w->failures >= FAILURES_MAX);
}

bool
sts_worker_probe(
    struct sts_worker *worker, const char *host, const char *domain)
{
	if (worker == NULL || is_refusing(worker) ||
	    !sts_domain_is_normalised(host))
		return false;
	return find(worker, STS_WORKER_PROBE, host) != NULL ||
	    (worker->probes.count < PROBES_MAX &&
		add(worker, &worker->probes, STS_WORKER_PROBE, host, domain));
}

static void
refuse_waiting(struct sts_worker *w)
{
	enum sts_status status =
	    w->start_status != STS_OK ? w->start_status : STS_RESOLVER_DIED;

	refuse(w, &w->waiting, 0, status);
	refuse(w, &w->probes, 0, status);
}

/* Starts a resolver, unless it is too early for the next try. */
static void
start(struct sts_worker *w)
{
	int64_t now = sts_monotonic_ms();

	if (is_refusing(w))
		refuse_waiting(w);
	if (now < w->retry_ms)
		return;
	w->start_status = sts_process_start(&w->process, w->config);
	now = sts_monotonic_ms();
	if (w->start_status != STS_OK) {
		sts_log(STS_LOG_ERROR, NULL, "event=resolver reason=%s",
		    sts_status_name(w->start_status));
		w->failures++;
		w->retry_ms = now + (w->failures < 5 ? 1000 : BACKOFF_MAX);
		refuse_waiting(w);
		return;
	}
	w->started_ms = w->heard_ms = now;
	w->pinged = w->proven = false;
}

/* Probes last, since nothing waits for them. */
static struct question *
next_question(const struct sts_worker *w)
{
	if (w->sent.count < STS_WORKER_UNDER_WAY_MAX &&
	    first(&w->waiting) != NULL)
		return first(&w->waiting);
	return w->sent.count < PROBES_UNDER_WAY_MAX ? first(&w->probes) : NULL;
}

/* False: nothing, or no room. */
static bool
put_next(struct sts_worker *w)
{
	struct question *q = next_question(w);
	bool all = q != NULL && q->what == STS_WORKER_REFRESH_ALL;

	if (q == NULL ||
	    !sts_process_put(&w->process, words[q->what], all ? "" : q->name))
		return false;
	q->tries++;
	q->sent_ms = sts_monotonic_ms();
	if (under_way(w) == 0) {
		w->heard_ms = q->sent_ms;
		w->pinged = false;
	}
	dequeue(q);
	enqueue(all ? &w->round : &w->sent, q);
	return true;
}

/* Writes what fits into the pipe; false if the resolver is gone. */
static bool
write_out(struct sts_worker *w)
{
	ssize_t n;

	do {
		while (put_next(w))
			;
		n = sts_process_write(&w->process);
	} while (n > 0);
	return n == 0;
}

/* "ok", "fault REASON" or "failed REASON". */
static bool
parse_result(struct sts_span result, enum sts_status *status)
{
	struct sts_cursor c = sts_cursor_make(result.p, result.len);
	char reason[64];

	*status = STS_OK;
	if (sts_span_is(result, "ok"))
		return true;
	if (!sts_cursor_literal(&c, "fault ") &&
	    !sts_cursor_literal(&c, "failed "))
		return false;
	return sts_span_copy((struct sts_span){c.p, sts_cursor_left(&c)},
		   reason, sizeof(reason)) &&
	    sts_status_parse(reason, status);
}

/* "done WHAT DOMAIN RESULT"; anything else only shows that it runs. */
static void
handle_line(void *arg, const char *line, size_t len)
{
	struct sts_worker *w = arg;
	struct sts_cursor c = sts_cursor_make(line, len);
	struct sts_span word, name;
	char domain[STS_NAME_MAX + 1];
	enum sts_status status;
	size_t what = 0;
	struct question *q;

	w->heard_ms = sts_monotonic_ms();
	w->pinged = false;
	if (!sts_cursor_literal(&c, "done ") ||
	    !sts_cursor_until(&c, ' ', &word) ||
	    !sts_cursor_until(&c, ' ', &name) ||
	    !sts_span_copy(name, domain, sizeof(domain)) ||
	    !parse_result((struct sts_span){c.p, sts_cursor_left(&c)}, &status))
		return;
	while (what < WORDS && !sts_span_is(word, words[what]))
		what++;
	if (what == WORDS)
		return;
	q = find(w, (enum sts_worker_what)what, domain);
	if (q == NULL && what == STS_WORKER_REFRESH && w->round.count > 0 &&
	    sts_domain_is_normalised(domain))
		w->done(w->arg, STS_WORKER_REFRESH, domain, status);
	/* Not sent: to be repeated by a new resolver, or never asked. */
	if (q == NULL || q->sent_ms == 0)
		return;
	w->proven = true;
	w->failures = 0;
	reply(w, q, status);
}

/* Longest time for an answer, in milliseconds: see mta-sts.conf(5). */
static int64_t
wait_limit_ms(const struct sts_worker *w)
{
	/* Routes: MX, then the addresses of up to 8 hosts one by one. */
	int64_t routes_ms = 9 * w->config->dns_timeout * 1000;

	return sts_max(sts_config_lookup_ms(w->config), routes_ms) + GRACE_MS;
}

/* Ends questions that a running resolver has not answered in time. */
static void
expire(struct sts_worker *w)
{
	int64_t limit = sts_monotonic_ms() - wait_limit_ms(w);

	while (w->sent.count > 0 && first(&w->sent)->sent_ms < limit)
		reply(w, first(&w->sent), STS_RESOLVER_TIMEOUT);
}

/*
 * A silent resolver with work to do is sent an ill-formed line, to which it
 * answers "bad".  False if it does not.
 */
static bool
is_alive(struct sts_worker *w)
{
	int64_t silence = sts_monotonic_ms() - w->heard_ms;

	if (under_way(w) == 0 || silence < STS_WORKER_SILENCE_MS)
		return true;
	/* If even that does not fit, the pipe has been stuck for as long. */
	if (!w->pinged)
		(void)sts_process_put(&w->process, "?", "");
	w->pinged = true;
	return silence < STS_WORKER_STALLED_MS;
}

/* The number of questions that no resolver has. */
static size_t
unsent(const struct sts_worker *w)
{
	return w->waiting.count + w->probes.count;
}

void
sts_worker_step(struct sts_worker *worker)
{
	if (worker == NULL)
		return;
	sts_process_reap(&worker->process);
	if (!worker->process.running && unsent(worker) > 0)
		start(worker);
	if (!worker->process.running)
		return;
	/* What it wrote before it died still counts. */
	if (!sts_process_read(&worker->process, handle_line, worker)) {
		give_up(worker, STS_RESOLVER_DIED);
		return;
	}
	expire(worker);
	if (!is_alive(worker))
		give_up(worker, STS_RESOLVER_TIMEOUT);
	else if (!write_out(worker))
		give_up(worker, STS_RESOLVER_DIED);
}

size_t
sts_worker_poll(const struct sts_worker *worker, struct pollfd *fds)
{
	return worker != NULL ? sts_process_poll(&worker->process, fds) : 0;
}

int64_t
sts_worker_due_ms(const struct sts_worker *worker)
{
	int64_t due = INT64_MAX;

	if (worker == NULL)
		return due;
	if (worker->process.gone_count > 0)
		due = sts_monotonic_ms() + REAP_MS;
	if (!worker->process.running) {
		if (unsent(worker) == 0)
			return due;
		return is_refusing(worker) ? 0 : sts_min(due, worker->retry_ms);
	}
	if (under_way(worker) == 0)
		return unsent(worker) == 0 ? due : 0;
	if (worker->sent.count > 0)
		due = sts_min(due,
		    first(&worker->sent)->sent_ms + wait_limit_ms(worker) + 1);
	return sts_min(due,
	    worker->heard_ms +
		(worker->pinged ? STS_WORKER_STALLED_MS
				: STS_WORKER_SILENCE_MS));
}
