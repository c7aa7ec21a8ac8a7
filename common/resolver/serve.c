/* SPDX-License-Identifier: ISC */
/* The serving mode: requests on standard input, answers as they come. */
#include "resolver/resolver.h"

#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "core/domain.h"
#include "store/events.h"

enum {
	REQUEST_MAX = STS_NAME_MAX + 16,
	ANSWER_MAX = REQUEST_MAX + 100,
	ANSWERS_SIZE = 4096,
	ANSWERS_MS = 5, /* an answer waits for the next, if a disk is slow */
	STEP_MS = 60000,
	REFRESHES_AT_ONCE = 16 /* of a round: some hang; mail has more */
};

/* The request that has no domain. */
#define ROUND "refresh-all"

struct server {
	struct sts_resolver *resolver;
	int in;
	int out;
	struct sts_watch *watch;
	char line[REQUEST_MAX];
	size_t len;
	bool overlong; /* the rest of the line is dropped */
	bool ended;    /* end of input */
	bool lost;     /* the state directory was replaced */
	size_t pending;
	/* Answers of this step: one write, and one wake-up of the client. */
	char answers[ANSWERS_SIZE];
	size_t answers_len;
	int64_t answers_ms; /* of the first of them */
};

struct request {
	struct server *server;
	const char *what; /* the word */
	char domain[STS_NAME_MAX + 1];
};

/* What a request starts, and the words for it. */
typedef bool start(struct sts_resolver *resolver, const char *name,
    sts_lookup_done *done, void *arg);

static bool
start_lookup(struct sts_resolver *resolver, const char *name,
    sts_lookup_done *done, void *arg)
{
	return sts_lookup_start(resolver, name, STS_TASK_LOOKUP, done, arg);
}

static bool
start_refresh(struct sts_resolver *resolver, const char *name,
    sts_lookup_done *done, void *arg)
{
	return sts_lookup_start(resolver, name, STS_TASK_REFRESH, done, arg);
}

static bool
start_refetch(struct sts_resolver *resolver, const char *name,
    sts_lookup_done *done, void *arg)
{
	return sts_lookup_start(resolver, name, STS_TASK_REFETCH, done, arg);
}

static const struct {
	const char *word;
	start *start;
} requests[] = {
    {"lookup", start_lookup},
    {"refresh", start_refresh},
    {"refetch", start_refetch},
    {"routes", sts_routes_start},
    {"probe", sts_probe_start},
};

/* A pipe that the caller does not read is no fault. */
static void
write_out(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd p = {fd, POLLOUT, 0};

			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return;
		} else if (n == 0 || errno != EINTR)
			return;
	}
}

/* Returns the length. */
static size_t
format_answer(char line[ANSWER_MAX], const char *what, const char *domain,
    enum sts_status status)
{
	int len;

	if (status == STS_OK)
		len =
		    snprintf(line, ANSWER_MAX, "done %s %s ok\n", what, domain);
	else
		len = snprintf(line, ANSWER_MAX, "done %s %s %s %s\n", what,
		    domain, sts_status_is_local(status) ? "fault" : "failed",
		    sts_status_name(status));
	return len > 0 && len < ANSWER_MAX ? (size_t)len : 0;
}

void
sts_answer_line(
    int out, const char *what, const char *domain, enum sts_status status)
{
	char line[ANSWER_MAX];

	write_out(out, line, format_answer(line, what, domain, status));
}

/* Events first: who has the answer finds them in `mta-sts status`. */
static void
flush_answers(struct server *s)
{
	sts_events_flush(s->resolver->store);
	write_out(s->out, s->answers, s->answers_len);
	s->answers_len = 0;
}

static void
answer(struct server *s, const char *what, const char *domain,
    enum sts_status status)
{
	int64_t now = sts_monotonic_ms();

	if (s->answers_len == 0)
		s->answers_ms = now;
	s->answers_len +=
	    format_answer(s->answers + s->answers_len, what, domain, status);
	if (s->answers_len + ANSWER_MAX > sizeof(s->answers) ||
	    now - s->answers_ms >= ANSWERS_MS)
		flush_answers(s);
}

static void
on_done(void *arg, enum sts_status status)
{
	struct request *q = arg;

	q->server->pending--;
	if (status == STS_NOT_DUE)
		status = STS_OK;
	answer(q->server, q->what, q->domain, status);
	free(q);
}

static void
on_round_domain(void *arg, const char *domain, enum sts_status status,
    size_t done, size_t total)
{
	(void)done;
	(void)total;
	answer(arg, "refresh", domain, status == STS_NOT_DUE ? STS_OK : status);
}

static void
on_round(
    void *arg, enum sts_status status, const struct sts_refresh_counts *counts)
{
	struct server *s = arg;

	(void)counts;
	s->pending--;
	answer(s, ROUND, "*", status);
}

static void
start_round(struct server *s)
{
	if (sts_refresh_start(
		s->resolver, REFRESHES_AT_ONCE, on_round_domain, on_round, s))
		s->pending++;
	else
		answer(s, ROUND, "*",
		    s->resolver->refresh != NULL ? STS_TOO_SOON
						 : STS_NO_MEMORY);
}

/* Splits "WORD DOMAIN"; false for anything else. */
static bool
parse_request(
    struct sts_span line, size_t *which, char domain[STS_NAME_MAX + 1])
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	struct sts_span word, name;

	if (!sts_cursor_until(&c, ' ', &word))
		return false;
	name.p = c.p;
	name.len = sts_cursor_left(&c);
	if (!sts_span_copy(name, domain, STS_NAME_MAX + 1) ||
	    !sts_domain_is_normalised(domain))
		return false;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (sts_span_is(word, requests[i].word)) {
			*which = i;
			return true;
		}
	}
	return false;
}

static void
handle_line(struct server *s, struct sts_span line)
{
	struct request *q = NULL;
	char domain[STS_NAME_MAX + 1];
	size_t which;

	if (sts_span_is(line, ROUND)) {
		start_round(s);
		return;
	}
	if (!parse_request(line, &which, domain)) {
		write_out(s->out, "bad\n", 4);
		return;
	}
	if ((q = calloc(1, sizeof(*q))) != NULL) {
		q->server = s;
		q->what = requests[which].word;
		memcpy(q->domain, domain, sizeof(domain));
		if (requests[which].start(s->resolver, domain, on_done, q)) {
			s->pending++;
			/* cppcheck-suppress memleak */ /* on_done frees it */
			return;
		}
		free(q);
	}
	answer(s, requests[which].word, domain, STS_NO_MEMORY);
}

static void
handle_byte(struct server *s, char byte)
{
	if (byte != '\n') {
		if (s->len < sizeof(s->line))
			s->line[s->len++] = byte;
		else
			s->overlong = true;
		return;
	}
	if (s->overlong)
		write_out(s->out, "bad\n", 4);
	else
		handle_line(s, (struct sts_span){s->line, s->len});
	s->len = 0;
	s->overlong = false;
}

static void
on_input(void *arg)
{
	struct server *s = arg;
	char buf[4096];
	ssize_t n = read(s->in, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		s->ended = true;
		sts_refresh_stop(s->resolver);
		sts_watch_stop(s->resolver->loop, s->watch);
		return;
	}
	/*
	 * The directory was created again, or something is mounted over it.
	 * The client sees this process end, and asks the next one.
	 */
	s->lost = !sts_store_is_current(
	    s->resolver->store, s->resolver->config->state_dir);
	for (ssize_t i = 0; i < n && !s->lost; i++)
		handle_byte(s, buf[i]);
}

int
sts_serve(struct sts_resolver *resolver, int in, int out)
{
	struct server s = {.resolver = resolver, .in = in, .out = out};
	enum sts_status status = STS_OK;

	resolver->serving = true;
	sts_events_keep(resolver->store);
	s.watch = sts_watch_start(resolver->loop, in, false, on_input, &s);
	if (s.watch == NULL)
		return 3;
	/* Background refreshes are completed, too. */
	while (status == STS_OK && !s.lost &&
	    (!s.ended || s.pending > 0 || resolver->lookups.count > 0)) {
		status = sts_loop_step(resolver->loop, STEP_MS);
		flush_answers(&s);
	}
	return status == STS_OK && !s.lost ? 0 : 3;
}
