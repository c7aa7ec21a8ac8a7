/* SPDX-License-Identifier: ISC */
/*
 * One resolver process and the questions for it.
 *
 * A question is in one of two queues: `waiting` until it is written to the
 * resolver, `sent` until it is answered.  It ends in reply(), the only function
 * that calls back, so each question has exactly one callback.  When the
 * resolver dies or stalls, its unanswered questions return to the front of the
 * queue; one that was sent twice ends with the reason instead, since it may be
 * what kills the resolver.
 *
 * The resolver parses data from the network, so its output is not trusted: it
 * may be silent, endless or nonsense.  A line that answers no pending question
 * only shows that the resolver runs.  Answers are read from the store, never
 * from the pipe.
 */
#include "client/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/minmax.h"
#include "core/domain.h"

enum {
	TRIES_MAX = 2,       /* how often a question is sent */
	GRACE_MS = 5000,     /* beyond the limits of an answer */
	PROVEN_MS = 10000,   /* a resolver that lived so long did start */
	BACKOFF_MS = 250,    /* doubled with each failure */
	BACKOFF_MAX = 10000, /* milliseconds */
	FAILURES_MAX = 3,    /* in a row; then questions fail at once */
	PROBES_MAX = 64,     /* waiting to be written */
	READS_MAX = 16,      /* of a resolver's output, in one step */
	BUCKETS = 1024,
	LINE_BYTES = STS_NAME_MAX + 100, /* "done lookup DOMAIN fault REASON" */
	REAP_MS = 200
};

static const char *const words[] = {
    [STS_WORKER_LOOKUP] = "lookup",
    [STS_WORKER_ROUTES] = "routes",
    [STS_WORKER_REFRESH] = "refresh",
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

/* The domain is at most STS_NAME_MAX bytes: 20,000 of these are 6 MB. */
struct question {
	struct question *next_in_bucket;
	struct question *next, *prev; /* in a queue */
	enum sts_worker_what what;
	unsigned tries; /* how often it was written to a resolver */
	int64_t sent_ms;
	char domain[];
};

/* First come, first served. */
struct queue {
	struct question *first, *last;
	size_t count;
};

struct sts_worker {
	const struct sts_config *config;
	sts_worker_done *done;
	void *arg;
	struct question *bucket[BUCKETS];
	struct queue waiting; /* not written yet */
	struct queue sent;    /* in the order of sent_ms */
	char probes[PROBES_MAX][STS_NAME_MAX + 1];
	size_t probe_count;

	struct sts_child child;
	bool running;
	int64_t started_ms;
	int64_t heard_ms; /* the last line, or the first question since */
	bool pinged;
	bool proven; /* this resolver has answered a question */
	char out[2 * LINE_BYTES];
	size_t out_len;
	char line[LINE_BYTES];
	size_t line_len;
	bool line_cut;

	unsigned failures;            /* in a row */
	int64_t retry_ms;             /* no start before then */
	enum sts_status start_status; /* of the last start */
	struct sts_reaper reaper;
};

static void
queue_add(struct queue *queue, struct question *q)
{
	q->next = NULL;
	q->prev = queue->last;
	if (queue->last != NULL)
		queue->last->next = q;
	else
		queue->first = q;
	queue->last = q;
	queue->count++;
}

static void
queue_remove(struct queue *queue, struct question *q)
{
	if (q->prev != NULL)
		q->prev->next = q->next;
	else
		queue->first = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	else
		queue->last = q->prev;
	queue->count--;
}

/* Puts all of `from` before the elements of `to`. */
static void
queue_prepend(struct queue *to, struct queue *from)
{
	if (from->first == NULL)
		return;
	from->last->next = to->first;
	if (to->first != NULL)
		to->first->prev = from->last;
	else
		to->last = from->last;
	to->first = from->first;
	to->count += from->count;
	memset(from, 0, sizeof(*from));
}

/* The link to the question, or the place for it. */
static struct question **
find(struct sts_worker *w, enum sts_worker_what what, const char *domain)
{
	size_t hash = (size_t)what + 5381;
	struct question **at;

	for (const char *p = domain; *p != '\0'; p++)
		hash = hash * 33 + (unsigned char)*p;
	at = &w->bucket[hash % BUCKETS];
	while (*at != NULL &&
	    ((*at)->what != what || strcmp((*at)->domain, domain) != 0))
		at = &(*at)->next_in_bucket;
	return at;
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
	w->child = (struct sts_child){-1, -1, -1};
	return w;
}

static void
free_queue(struct queue *queue)
{
	while (queue->first != NULL) {
		struct question *q = queue->first;

		queue_remove(queue, q);
		free(q);
	}
}

void
sts_worker_destroy(struct sts_worker *worker)
{
	if (worker == NULL)
		return;
	sts_child_close(&worker->child);
	sts_reaper_step(&worker->reaper);
	free_queue(&worker->waiting);
	free_queue(&worker->sent);
	free(worker);
}

size_t
sts_worker_pending(const struct sts_worker *worker)
{
	return worker->waiting.count + worker->sent.count;
}

bool
sts_worker_ask(
    struct sts_worker *worker, enum sts_worker_what what, const char *domain)
{
	struct question **at = find(worker, what, domain), *q;
	size_t size = strlen(domain) + 1;

	if (*at != NULL)
		return true;
	if (sts_worker_pending(worker) >= STS_WORKER_QUESTIONS_MAX ||
	    !sts_domain_is_normalised(domain) ||
	    (q = calloc(1, sizeof(*q) + size)) == NULL)
		return false;
	q->what = what;
	memcpy(q->domain, domain, size);
	*at = q;
	queue_add(&worker->waiting, q);
	return true;
}

/* Removes a question and calls back. */
static void
reply(struct sts_worker *w, struct queue *queue, struct question *q,
    enum sts_status status)
{
	struct question **at = find(w, q->what, q->domain);

	*at = q->next_in_bucket;
	queue_remove(queue, q);
	w->done(w->arg, q->what, q->domain, status);
	free(q);
}

/*
 * Gives up the resolver, for `reason`.  Its unanswered questions are sent
 * again, unless they were: a domain may be what kills it.
 */
static void
give_up(struct sts_worker *w, enum sts_status reason)
{
	int64_t now = sts_monotonic_ms();
	struct question *q, *next;
	int64_t delay = 0;

	if (w->proven || now - w->started_ms >= PROVEN_MS)
		w->failures = 0;
	if (w->failures > 0)
		delay = w->failures > 6 ? BACKOFF_MAX
					: BACKOFF_MS << (w->failures - 1);
	w->failures++;
	w->retry_ms = now + sts_min(delay, BACKOFF_MAX);
	w->running = false;
	sts_log(STS_LOG_WARNING, NULL,
	    "event=resolver reason=%s pending=%zu again_in_ms=%lld",
	    sts_status_name(reason), w->sent.count, (long long)delay);
	sts_reaper_take(&w->reaper, &w->child);
	for (q = w->sent.first; q != NULL; q = next) {
		next = q->next;
		if (q->tries >= TRIES_MAX)
			reply(w, &w->sent, q, reason);
		else
			q->sent_ms = 0;
	}
	queue_prepend(&w->waiting, &w->sent);
}

/*
 * True if the next start will probably fail like the last one: until then
 * questions fail at once instead of waiting.
 */
static bool
is_refusing(const struct sts_worker *w)
{
	return !w->running && sts_monotonic_ms() < w->retry_ms &&
	    (w->start_status != STS_OK || w->failures >= FAILURES_MAX);
}

bool
sts_worker_probe(struct sts_worker *worker, const char *host)
{
	if (is_refusing(worker) || !sts_domain_is_normalised(host))
		return false;
	for (size_t i = 0; i < worker->probe_count; i++) {
		if (strcmp(worker->probes[i], host) == 0)
			return true;
	}
	if (worker->probe_count == PROBES_MAX)
		return false;
	memcpy(worker->probes[worker->probe_count++], host, strlen(host) + 1);
	return true;
}

static void
refuse_waiting(struct sts_worker *w)
{
	enum sts_status status =
	    w->start_status != STS_OK ? w->start_status : STS_RESOLVER_DIED;

	for (size_t n = w->waiting.count; n > 0; n--)
		reply(w, &w->waiting, w->waiting.first, status);
	w->probe_count = 0;
}

/* Starts a resolver, unless it is too early for the next try. */
static void
start(struct sts_worker *w)
{
	static const char *const none[] = {NULL};
	int64_t now = sts_monotonic_ms();

	if (is_refusing(w))
		refuse_waiting(w);
	if (now < w->retry_ms)
		return;
	w->start_status =
	    sts_worker_start_resolver(w->config, none, true, 0, &w->child);
	now = sts_monotonic_ms();
	if (w->start_status != STS_OK) {
		sts_log(STS_LOG_ERROR, NULL, "event=resolver reason=%s",
		    sts_status_name(w->start_status));
		w->failures++;
		w->retry_ms = now + (w->failures < 5 ? 1000 : BACKOFF_MAX);
		refuse_waiting(w);
		return;
	}
	w->running = true;
	w->started_ms = w->heard_ms = now;
	w->pinged = w->proven = false;
	w->out_len = w->line_len = 0;
	w->line_cut = false;
}

/* Appends a line to the output; false: no room now. */
static bool
put_line(struct sts_worker *w, const char *word, const char *name)
{
	size_t room = sizeof(w->out) - w->out_len;
	int len = snprintf(w->out + w->out_len, room, "%s%s%s\n", word,
	    name[0] != '\0' ? " " : "", name);

	if (len < 0 || (size_t)len >= room)
		return false;
	w->out_len += (size_t)len;
	return true;
}

/* Questions first, since callers wait.  False: nothing, or no room. */
static bool
put_next(struct sts_worker *w)
{
	struct question *q = w->waiting.first;

	if (q != NULL && w->sent.count < STS_WORKER_UNDER_WAY_MAX) {
		if (!put_line(w, words[q->what], q->domain))
			return false;
		q->tries++;
		q->sent_ms = sts_monotonic_ms();
		if (w->sent.first == NULL) {
			w->heard_ms = q->sent_ms;
			w->pinged = false;
		}
		queue_remove(&w->waiting, q);
		queue_add(&w->sent, q);
		return true;
	}
	if (w->probe_count == 0 || !put_line(w, "probe", w->probes[0]))
		return false;
	w->probe_count--;
	memmove(
	    w->probes[0], w->probes[1], w->probe_count * sizeof(w->probes[0]));
	return true;
}

/* Writes what fits into the pipe; false if the resolver is gone. */
static bool
write_out(struct sts_worker *w)
{
	for (;;) {
		ssize_t n;

		while (put_next(w))
			;
		if (w->out_len == 0)
			return true;
		n = write(w->child.in_fd, w->out, w->out_len);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		memmove(w->out, w->out + n, w->out_len - (size_t)n);
		w->out_len -= (size_t)n;
	}
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
handle_line(struct sts_worker *w, const char *line, size_t len)
{
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
	q = *find(w, (enum sts_worker_what)what, domain);
	/* Not sent: to be repeated by a new resolver, or never asked. */
	if (q == NULL || q->sent_ms == 0)
		return;
	w->proven = true;
	w->failures = 0;
	reply(w, &w->sent, q, status);
}

/* Assembles lines, and drops one that is too long. */
static void
handle_byte(struct sts_worker *w, char byte)
{
	if (byte != '\n') {
		if (w->line_len < sizeof(w->line))
			w->line[w->line_len++] = byte;
		else
			w->line_cut = true;
		return;
	}
	handle_line(w, w->line, w->line_cut ? 0 : w->line_len);
	w->line_len = 0;
	w->line_cut = false;
}

/* Reads what is there; false if the resolver is gone. */
static bool
read_in(struct sts_worker *w)
{
	char buf[4096];
	ssize_t n = 0;

	/* Bounded, since a broken resolver may write for ever. */
	for (int i = 0; i < READS_MAX; i++) {
		n = read(w->child.out_fd, buf, sizeof(buf));
		for (ssize_t j = 0; j < n; j++)
			handle_byte(w, buf[j]);
		if (n <= 0)
			break;
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
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

	while (w->sent.first != NULL && w->sent.first->sent_ms < limit)
		reply(w, &w->sent, w->sent.first, STS_RESOLVER_TIMEOUT);
}

/*
 * A silent resolver with work to do is sent an ill-formed line, to which it
 * answers "bad".  False if it does not.
 */
static bool
is_alive(struct sts_worker *w)
{
	int64_t silence = sts_monotonic_ms() - w->heard_ms;

	if (w->sent.first == NULL || silence < STS_WORKER_SILENCE_MS)
		return true;
	/* If even that does not fit, the pipe has been stuck for as long. */
	if (!w->pinged)
		(void)put_line(w, "?", "");
	w->pinged = true;
	return silence < STS_WORKER_STALLED_MS;
}

void
sts_worker_step(struct sts_worker *worker)
{
	sts_reaper_step(&worker->reaper);
	if (!worker->running &&
	    (worker->waiting.first != NULL || worker->probe_count > 0))
		start(worker);
	if (!worker->running)
		return;
	/* What it wrote before it died still counts. */
	if (!read_in(worker)) {
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
	size_t count = 0;

	if (!worker->running)
		return 0;
	fds[count++] = (struct pollfd){worker->child.out_fd, POLLIN, 0};
	if (worker->out_len > 0)
		fds[count++] = (struct pollfd){worker->child.in_fd, POLLOUT, 0};
	return count;
}

int64_t
sts_worker_due_ms(const struct sts_worker *worker)
{
	int64_t due = INT64_MAX;

	if (worker->reaper.count > 0)
		due = sts_monotonic_ms() + REAP_MS;
	if (!worker->running) {
		if (worker->waiting.first == NULL && worker->probe_count == 0)
			return due;
		return is_refusing(worker) ? 0 : sts_min(due, worker->retry_ms);
	}
	if (worker->sent.first == NULL)
		return worker->waiting.first == NULL ? due : 0;
	due = sts_min(
	    due, worker->sent.first->sent_ms + wait_limit_ms(worker) + 1);
	return sts_min(due,
	    worker->heard_ms +
		(worker->pinged ? STS_WORKER_STALLED_MS
				: STS_WORKER_SILENCE_MS));
}
