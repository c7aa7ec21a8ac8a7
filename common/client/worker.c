/* SPDX-License-Identifier: ISC */
/*
 * A question is in one of two queues: `waiting` until it is written to a
 * resolver, `sent` until that answers.  It ends in settle, the only place that
 * calls back, and only there.  Where the resolver is given up, what it had is
 * put back in front of the queue, or, the second time, answered with the
 * reason: then the question itself may be what it died of.
 *
 * Trust in the resolver is limited: it may say nothing, anything, or without
 * an end.  A line that is no answer to a question that is open counts as a
 * sign of life and no more.
 */
#include "client/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "core/domain.h"

enum {
	TRIES_MAX = 2,     /* a question is asked, and once again */
	GRACE_MS = 5000,   /* beyond what an answer may take */
	PROVEN_MS = 10000, /* a resolver that lived so long had started well */
	BACKOFF_MS = 250,  /* doubled with each failure */
	BACKOFF_MAX = 10000, /* milliseconds */
	FAILURES_MAX = 3,    /* failures in a row: nobody is kept waiting */
	PROBES_MAX = 64,     /* waiting to be written */
	READS_MAX = 16,      /* of a resolver's output, a step */
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
	bool proven; /* this resolver has answered something */
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

/* Puts all of `from` before what `to` has. */
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

/* The link to the question, or to where it would be. */
static struct question **
find(struct sts_worker *k, enum sts_worker_what what, const char *domain)
{
	size_t hash = (size_t)what + 5381;
	struct question **at;

	for (const char *p = domain; *p != '\0'; p++)
		hash = hash * 33 + (unsigned char)*p;
	at = &k->bucket[hash % BUCKETS];
	while (*at != NULL &&
	    ((*at)->what != what || strcmp((*at)->domain, domain) != 0))
		at = &(*at)->next_in_bucket;
	return at;
}

struct sts_worker *
sts_worker_create(
    const struct sts_config *config, sts_worker_done *done, void *arg)
{
	struct sts_worker *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->config = config;
	k->done = done;
	k->arg = arg;
	k->child = (struct sts_child){-1, -1, -1};
	return k;
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
sts_worker_destroy(struct sts_worker *keep)
{
	if (keep == NULL)
		return;
	sts_child_close(&keep->child);
	sts_reaper_step(&keep->reaper);
	free_queue(&keep->waiting);
	free_queue(&keep->sent);
	free(keep);
}

size_t
sts_worker_pending(const struct sts_worker *keep)
{
	return keep->waiting.count + keep->sent.count;
}

bool
sts_worker_ask(
    struct sts_worker *keep, enum sts_worker_what what, const char *domain)
{
	struct question **at = find(keep, what, domain), *q;
	size_t size = strlen(domain) + 1;

	if (*at != NULL)
		return true;
	if (sts_worker_pending(keep) >= STS_WORKER_QUESTIONS_MAX ||
	    !sts_domain_is_normalised(domain) ||
	    (q = calloc(1, sizeof(*q) + size)) == NULL)
		return false;
	q->what = what;
	memcpy(q->domain, domain, size);
	*at = q;
	queue_add(&keep->waiting, q);
	return true;
}

/* Takes a question out for good and tells whoever asked. */
static void
reply(struct sts_worker *k, struct queue *queue, struct question *q,
    enum sts_status status)
{
	struct question **at = find(k, q->what, q->domain);

	*at = q->next_in_bucket;
	queue_remove(queue, q);
	k->done(k->arg, q->what, q->domain, status);
	free(q);
}

/*
 * Gives the resolver up, for `reason`.  What it had not answered is asked
 * again, unless it was before: a domain may be what kills it.
 */
static void
give_up(struct sts_worker *k, enum sts_status reason)
{
	int64_t now = sts_monotonic_ms();
	struct question *q, *next;
	int64_t delay = 0;

	if (k->proven || now - k->started_ms >= PROVEN_MS)
		k->failures = 0;
	if (k->failures > 0)
		delay = k->failures > 6 ? BACKOFF_MAX
					: BACKOFF_MS << (k->failures - 1);
	k->failures++;
	k->retry_ms = now + (delay < BACKOFF_MAX ? delay : BACKOFF_MAX);
	k->running = false;
	sts_log(STS_LOG_WARNING, NULL,
	    "event=resolver reason=%s pending=%zu again_in_ms=%lld",
	    sts_status_name(reason), k->sent.count, (long long)delay);
	sts_reaper_take(&k->reaper, &k->child);
	for (q = k->sent.first; q != NULL; q = next) {
		next = q->next;
		if (q->tries >= TRIES_MAX)
			reply(k, &k->sent, q, reason);
		else
			q->sent_ms = 0;
	}
	queue_prepend(&k->waiting, &k->sent);
}

/*
 * True until the next start where that is likely to fail like the last: who
 * waits had better be told at once.
 */
static bool
is_refusing(const struct sts_worker *k)
{
	return !k->running && sts_monotonic_ms() < k->retry_ms &&
	    (k->start_status != STS_OK || k->failures >= FAILURES_MAX);
}

bool
sts_worker_probe(struct sts_worker *keep, const char *host)
{
	if (is_refusing(keep) || !sts_domain_is_normalised(host))
		return false;
	for (size_t i = 0; i < keep->probe_count; i++) {
		if (strcmp(keep->probes[i], host) == 0)
			return true;
	}
	if (keep->probe_count == PROBES_MAX)
		return false;
	memcpy(keep->probes[keep->probe_count++], host, strlen(host) + 1);
	return true;
}

static void
refuse_waiting(struct sts_worker *k)
{
	enum sts_status status =
	    k->start_status != STS_OK ? k->start_status : STS_RESOLVER_DIED;

	for (size_t n = k->waiting.count; n > 0; n--)
		reply(k, &k->waiting, k->waiting.first, status);
	k->probe_count = 0;
}

/* Starts a resolver, unless it is too early for the next try. */
static void
start(struct sts_worker *k)
{
	static const char *const none[] = {NULL};
	int64_t now = sts_monotonic_ms();

	if (is_refusing(k))
		refuse_waiting(k);
	if (now < k->retry_ms)
		return;
	k->start_status =
	    sts_worker_start_resolver(k->config, none, true, 0, &k->child);
	now = sts_monotonic_ms();
	if (k->start_status != STS_OK) {
		sts_log(STS_LOG_ERROR, NULL, "event=resolver reason=%s",
		    sts_status_name(k->start_status));
		k->failures++;
		k->retry_ms = now + (k->failures < 5 ? 1000 : BACKOFF_MAX);
		refuse_waiting(k);
		return;
	}
	k->running = true;
	k->started_ms = k->heard_ms = now;
	k->pinged = k->proven = false;
	k->out_len = k->line_len = 0;
	k->line_cut = false;
}

/* Adds a line to what is to be written; false: no room now. */
static bool
put_line(struct sts_worker *k, const char *word, const char *name)
{
	size_t room = sizeof(k->out) - k->out_len;
	int len = snprintf(k->out + k->out_len, room, "%s%s%s\n", word,
	    name[0] != '\0' ? " " : "", name);

	if (len < 0 || (size_t)len >= room)
		return false;
	k->out_len += (size_t)len;
	return true;
}

/* Questions first: somebody waits for them.  False: nothing, or no room. */
static bool
put_next(struct sts_worker *k)
{
	struct question *q = k->waiting.first;

	if (q != NULL && k->sent.count < STS_WORKER_UNDER_WAY_MAX) {
		if (!put_line(k, words[q->what], q->domain))
			return false;
		q->tries++;
		q->sent_ms = sts_monotonic_ms();
		if (k->sent.first == NULL) {
			k->heard_ms = q->sent_ms;
			k->pinged = false;
		}
		queue_remove(&k->waiting, q);
		queue_add(&k->sent, q);
		return true;
	}
	if (k->probe_count == 0 || !put_line(k, "probe", k->probes[0]))
		return false;
	k->probe_count--;
	memmove(
	    k->probes[0], k->probes[1], k->probe_count * sizeof(k->probes[0]));
	return true;
}

/* Writes what the pipe takes; false where the resolver is gone. */
static bool
write_out(struct sts_worker *k)
{
	for (;;) {
		ssize_t n;

		while (put_next(k))
			;
		if (k->out_len == 0)
			return true;
		n = write(k->child.in_fd, k->out, k->out_len);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		memmove(k->out, k->out + n, k->out_len - (size_t)n);
		k->out_len -= (size_t)n;
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

/* "done WHAT DOMAIN RESULT"; all else is a sign of life and no more. */
static void
handle_line(struct sts_worker *k, const char *line, size_t len)
{
	struct sts_cursor c = sts_cursor_make(line, len);
	struct sts_span word, name;
	char domain[STS_NAME_MAX + 1];
	enum sts_status status;
	size_t what = 0;
	struct question *q;

	k->heard_ms = sts_monotonic_ms();
	k->pinged = false;
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
	q = *find(k, (enum sts_worker_what)what, domain);
	/* Not sent: asked again of a new resolver, or never asked. */
	if (q == NULL || q->sent_ms == 0)
		return;
	k->proven = true;
	k->failures = 0;
	reply(k, &k->sent, q, status);
}

/* Bytes are put together to lines, a line that is too long to none. */
static void
handle_byte(struct sts_worker *k, char byte)
{
	if (byte != '\n') {
		if (k->line_len < sizeof(k->line))
			k->line[k->line_len++] = byte;
		else
			k->line_cut = true;
		return;
	}
	handle_line(k, k->line, k->line_cut ? 0 : k->line_len);
	k->line_len = 0;
	k->line_cut = false;
}

/* Reads what has come; false where the resolver is gone. */
static bool
read_in(struct sts_worker *k)
{
	char buf[4096];
	ssize_t n = 0;

	/* Not for ever: a mad resolver may write without an end. */
	for (int i = 0; i < READS_MAX; i++) {
		n = read(k->child.out_fd, buf, sizeof(buf));
		for (ssize_t j = 0; j < n; j++)
			handle_byte(k, buf[j]);
		if (n <= 0)
			break;
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Longest that an answer may take, in milliseconds: see mta-sts.conf(5). */
static int64_t
wait_limit_ms(const struct sts_worker *k)
{
	/* Routes: MX, then the addresses of up to 8 hosts one by one. */
	int64_t lookup = k->config->fetch_timeout + 2 * k->config->dns_timeout;
	int64_t routes = 9 * k->config->dns_timeout;

	return (lookup > routes ? lookup : routes) * 1000 + GRACE_MS;
}

/* A resolver that lives, but never came back to a question. */
static void
expire(struct sts_worker *k)
{
	int64_t limit = sts_monotonic_ms() - wait_limit_ms(k);

	while (k->sent.first != NULL && k->sent.first->sent_ms < limit)
		reply(k, &k->sent, k->sent.first, STS_RESOLVER_TIMEOUT);
}

/*
 * A resolver with work to do that says nothing is asked for a sign of life: it
 * answers any ill-formed line with "bad".  False where it gave none.
 */
static bool
is_alive(struct sts_worker *k)
{
	int64_t silence = sts_monotonic_ms() - k->heard_ms;

	if (k->sent.first == NULL || silence < STS_WORKER_SILENCE_MS)
		return true;
	/* Where even that has no room, the pipe has not moved for as long. */
	if (!k->pinged)
		(void)put_line(k, "?", "");
	k->pinged = true;
	return silence < STS_WORKER_STALLED_MS;
}

void
sts_worker_step(struct sts_worker *keep)
{
	sts_reaper_step(&keep->reaper);
	if (!keep->running &&
	    (keep->waiting.first != NULL || keep->probe_count > 0))
		start(keep);
	if (!keep->running)
		return;
	/* What it said before it died still counts. */
	if (!read_in(keep)) {
		give_up(keep, STS_RESOLVER_DIED);
		return;
	}
	expire(keep);
	if (!is_alive(keep))
		give_up(keep, STS_RESOLVER_TIMEOUT);
	else if (!write_out(keep))
		give_up(keep, STS_RESOLVER_DIED);
}

size_t
sts_worker_poll(const struct sts_worker *keep, struct pollfd *fds)
{
	size_t count = 0;

	if (!keep->running)
		return 0;
	fds[count++] = (struct pollfd){keep->child.out_fd, POLLIN, 0};
	if (keep->out_len > 0)
		fds[count++] = (struct pollfd){keep->child.in_fd, POLLOUT, 0};
	return count;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
sts_worker_due_ms(const struct sts_worker *keep)
{
	int64_t due = INT64_MAX;

	if (keep->reaper.count > 0)
		due = sts_monotonic_ms() + REAP_MS;
	if (!keep->running) {
		if (keep->waiting.first == NULL && keep->probe_count == 0)
			return due;
		return is_refusing(keep) ? 0 : sooner(due, keep->retry_ms);
	}
	if (keep->sent.first == NULL)
		return keep->waiting.first == NULL ? due : 0;
	due = sooner(due, keep->sent.first->sent_ms + wait_limit_ms(keep) + 1);
	return sooner(due,
	    keep->heard_ms +
		(keep->pinged ? STS_WORKER_STALLED_MS : STS_WORKER_SILENCE_MS));
}
