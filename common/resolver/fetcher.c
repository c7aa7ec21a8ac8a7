/* SPDX-License-Identifier: ISC */
/*
 * A request waits, is sent, and gets a reply or ends: its deadline is a timer
 * of this process, whatever the child does.
 *
 * A cancelled request stays until its reply or its deadline, or else its reply
 * would have an unknown number, which counts as nonsense.
 */
#include "resolver/fetcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "resolver/fetcher_input.h"

enum {
	GRACE_MS = 1000,   /* for a reply on its way */
	IDLE_MS = 30000,   /* then an idle fetcher is ended */
	LIFE_MS = 3600000, /* then a fetcher is replaced */
	LEFT_MIN_MS = 100, /* with less left a request is not repeated */
	SHORT_MS = 500     /* a request may lose so much in the queue */
};

enum state {
	STATE_WAITING, /* for a slot, or for a child */
	STATE_SENT,
	STATE_ENDED /* its callback is due */
};

struct sts_fetcher_request {
	TAILQ_ENTRY(sts_fetcher_request) link;
	struct sts_fetcher *fetcher;
	struct sts_wire_request what;
	const char *body; /* of a post */
	enum state state;
	bool retried;    /* or must not be */
	int64_t full_ms; /* the time it was to have, */
	int64_t end_ms;  /* and when the fetcher should be done */
	struct sts_timer timer;
	sts_fetcher_replied *replied; /* NULL: cancelled */
	void *arg;
	struct sts_wire_reply reply;
};

struct sts_fetcher {
	struct sts_loop *loop;
	const struct sts_config *config;
	uint16_t port, mx_port, plain_port;
	TAILQ_HEAD(, sts_fetcher_request) requests;
	size_t sent; /* requests without a reply */
	uint32_t number;
	struct sts_timer timer; /* for the next action, or idleness */

	struct sts_child child; /* pid -1: none */
	int64_t started_ms;
	struct sts_watch *reading, *writing;
	struct sts_fetcher_input input;
	char *out; /* what did not fit into the pipe */
	size_t out_len, out_size;
};

static void send_waiting(void *arg);

/* The end of a request. */

static void
free_request(struct sts_fetcher_request *r)
{
	struct sts_fetcher *f = r->fetcher;

	sts_timer_clear(f->loop, &r->timer);
	TAILQ_REMOVE(&f->requests, r, link);
	free(r);
}

static void
leave_sent(struct sts_fetcher_request *r, enum state state)
{
	if (r->state == STATE_SENT)
		r->fetcher->sent--;
	r->state = state;
}

static void end_idle(void *arg);

/* Has everything that is possible done in the next step. */
static void
wake(struct sts_fetcher *f)
{
	if (!TAILQ_EMPTY(&f->requests))
		sts_timer_set(f->loop, &f->timer, 0, send_waiting, f);
	else if (f->child.pid > 0)
		sts_timer_set(f->loop, &f->timer, IDLE_MS, end_idle, f);
}

static void
report(struct sts_fetcher_request *r, const char *body)
{
	struct sts_fetcher *f = r->fetcher;

	leave_sent(r, STATE_ENDED);
	if (r->replied != NULL)
		r->replied(r->arg, &r->reply, body);
	free_request(r);
	wake(f);
}

static void
report_noted(void *arg)
{
	report(arg, NULL);
}

/* Does not call back here: the caller may be in the middle of a list. */
static void
end_soon(struct sts_fetcher_request *r, enum sts_status status)
{
	leave_sent(r, STATE_ENDED);
	r->reply = (struct sts_wire_reply){.status = status};
	sts_timer_set(r->fetcher->loop, &r->timer, 0, report_noted, r);
}

/* The end of a child. */

static void
kill_child(struct sts_fetcher *f)
{
	sts_watch_stop(f->loop, f->reading);
	sts_watch_stop(f->loop, f->writing);
	f->reading = f->writing = NULL;
	sts_fetcher_input_reset(&f->input);
	f->out_len = 0;
	(void)sts_child_finish(&f->child, 0);
	f->child = (struct sts_child){-1, -1, -1};
}

static void
end_idle(void *arg)
{
	struct sts_fetcher *f = arg;

	if (TAILQ_EMPTY(&f->requests))
		kill_child(f);
}

/*
 * Kills the fetcher for `status`.  `culprit` is the request at which it failed,
 * NULL if unknown; the others are sent once more.
 */
static void
give_up(struct sts_fetcher *f, enum sts_status status,
    const struct sts_fetcher_request *culprit)
{
	struct sts_fetcher_request *r, *next;

	sts_log(STS_LOG_ERROR, NULL, "event=fault reason=%s requests=%zu",
	    sts_status_name(status), f->sent);
	kill_child(f);
	for (r = TAILQ_FIRST(&f->requests); r != NULL; r = next) {
		next = TAILQ_NEXT(r, link);
		if (r->state != STATE_SENT)
			continue;
		if (r == culprit || r->retried || r->replied == NULL)
			end_soon(r, status);
		else {
			r->retried = true;
			leave_sent(r, STATE_WAITING);
		}
	}
	wake(f);
}

/* Ends all requests: no other child would do better. */
static void
fail_all(struct sts_fetcher *f, enum sts_status status)
{
	struct sts_fetcher_request *r;

	sts_log(STS_LOG_ERROR, NULL, "event=fault reason=%s",
	    sts_status_name(status));
	kill_child(f);
	TAILQ_FOREACH (r, &f->requests, link) {
		if (r->state != STATE_ENDED)
			end_soon(r, status);
	}
}

static void
on_deadline(void *arg)
{
	struct sts_fetcher_request *r = arg;

	if (r->state == STATE_SENT)
		give_up(r->fetcher, STS_FETCHER_TIMEOUT, r);
	else
		end_soon(r, STS_FETCHER_TIMEOUT);
}

/* Replies of the child. */

static struct sts_fetcher_request *
find_sent(struct sts_fetcher *f, uint32_t number)
{
	struct sts_fetcher_request *r;

	TAILQ_FOREACH (r, &f->requests, link) {
		if (r->state == STATE_SENT && r->what.number == number)
			return r;
	}
	return NULL;
}

/*
 * The sandbox allows the trust roots that were there at its start; if they were
 * replaced since, a new fetcher reads them.
 */
static bool
wants_another(const struct sts_fetcher *f, const struct sts_fetcher_request *r,
    const struct sts_wire_reply *reply)
{
	return reply->status == STS_CA_UNUSABLE && !r->retried &&
	    r->end_ms - r->what.timeout_ms > f->started_ms;
}

/*
 * Time that an earlier fetcher or the queue used is not held against the host.
 */
static bool
had_too_little(const struct sts_fetcher_request *r)
{
	return (r->reply.status == STS_FETCH_TIMEOUT ||
		   r->reply.status == STS_MX_TIMEOUT) &&
	    r->full_ms - r->what.timeout_ms > SHORT_MS;
}

static bool
accept_hello(void *arg, const struct sts_wire_hello *hello)
{
	struct sts_fetcher *f = arg;
	bool bare = strcmp(hello->sandbox, "none") == 0;

	sts_log(bare ? STS_LOG_WARNING : STS_LOG_DEBUG, NULL,
	    "event=fetcher sandbox=%s", hello->sandbox);
	if (hello->status == STS_OK)
		return true;
	sts_log(
	    STS_LOG_ERROR, NULL, "event=fetcher detail=\"%s\"", hello->detail);
	fail_all(f, hello->status);
	return false;
}

/* Checks whether this reply is allowed, and the length of its body. */
static bool
accept_reply(void *arg, const struct sts_wire_reply *reply)
{
	const struct sts_fetcher_request *r = find_sent(arg, reply->number);

	return r != NULL && sts_wire_may_say(r->what.kind, reply->status) &&
	    (reply->length == 0 || r->what.kind == STS_WIRE_POLICY ||
		r->what.kind == STS_WIRE_EXAMINE);
}

static void
handle_reply(void *arg, const struct sts_wire_reply *reply, const char *body)
{
	struct sts_fetcher *f = arg;
	struct sts_fetcher_request *r = find_sent(f, reply->number);

	if (r == NULL)
		return;
	if (wants_another(f, r, reply)) {
		give_up(f, reply->status, NULL);
		return;
	}
	r->reply = *reply;
	if (had_too_little(r))
		r->reply.status = STS_FETCHER_TIMEOUT;
	report(r, body);
}

static const struct sts_fetcher_input_calls calls = {
    accept_hello, accept_reply, handle_reply};

static void
on_output(void *arg)
{
	struct sts_fetcher *f = arg;
	char buf[16384];
	ssize_t n = read(f->child.out_fd, buf, sizeof(buf));
	pid_t pid = f->child.pid;
	enum sts_status status = STS_FETCHER_DIED;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		status = sts_fetcher_input_take(
		    &f->input, buf, (size_t)n, &calls, f);
	if (status != STS_OK && f->child.pid == pid)
		give_up(f, status,
		    f->input.in_reply ? find_sent(f, f->input.reply.number)
				      : NULL);
}

/* Requests to the child. */

static void flush(void *arg);

static void
watch_input(struct sts_fetcher *f, bool wanted)
{
	if (!wanted) {
		sts_watch_stop(f->loop, f->writing);
		f->writing = NULL;
	} else if (f->writing == NULL) {
		f->writing =
		    sts_watch_start(f->loop, f->child.in_fd, true, flush, f);
		if (f->writing == NULL)
			fail_all(f, STS_NO_MEMORY);
	}
}

static void
flush(void *arg)
{
	struct sts_fetcher *f = arg;
	size_t at = 0;

	while (at < f->out_len) {
		ssize_t n = write(f->child.in_fd, f->out + at, f->out_len - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR) {
			give_up(f, STS_FETCHER_DIED, NULL);
			return;
		}
	}
	f->out_len -= at;
	memmove(f->out, f->out + at, f->out_len);
	watch_input(f, f->out_len > 0);
}

/* Makes room for so many bytes; false: no memory. */
static bool
reserve(struct sts_fetcher *f, size_t len)
{
	char *grown;

	if (f->out_len + len > f->out_size) {
		size_t size = 2 * (f->out_len + len);

		if ((grown = realloc(f->out, size)) == NULL)
			return false;
		f->out = grown;
		f->out_size = size;
	}
	return true;
}

static void
append(struct sts_fetcher *f, const char *bytes, size_t len)
{
	memcpy(f->out + f->out_len, bytes, len);
	f->out_len += len;
}

static bool
append_request(struct sts_fetcher *f, const struct sts_fetcher_request *r)
{
	char line[STS_WIRE_REQUEST_MAX], end[STS_WIRE_REPLY_MAX];
	size_t len = sts_wire_write_request(&r->what, line);
	size_t end_len = sts_wire_write_end(r->what.number, end);
	bool post = r->what.kind == STS_WIRE_POST;

	if (!reserve(f, post ? len + r->what.length + end_len : len))
		return false;
	append(f, line, len);
	if (post) {
		append(f, r->body, r->what.length);
		append(f, end, end_len);
	}
	return true;
}

/* Passes on what is left of its time. */
static void
send_request(struct sts_fetcher *f, struct sts_fetcher_request *r)
{
	int64_t left = r->end_ms - sts_monotonic_ms();

	if (left < (r->retried ? LEFT_MIN_MS : 1)) {
		end_soon(r, STS_FETCHER_TIMEOUT);
		return;
	}
	r->what.timeout_ms = left;
	r->what.number = ++f->number;
	if (!append_request(f, r)) {
		end_soon(r, STS_NO_MEMORY);
		return;
	}
	r->state = STATE_SENT;
	f->sent++;
}

/* The child. */

/* sts_child_start returns the resolver's statuses. */
static enum sts_status
start_status(enum sts_status status)
{
	switch (status) {
	case STS_RESOLVER_MISSING:
	case STS_RESOLVER_ROOT:
		return STS_FETCHER_MISSING;
	case STS_RESOLVER_TIMEOUT:
		return STS_FETCHER_TIMEOUT;
	default:
		return status;
	}
}

static enum sts_status
start_child(struct sts_fetcher *f)
{
	char port[8], mx_port[8], plain_port[8];
	struct sts_child_spec spec = {.path = f->config->fetcher,
	    .argv = {"mta-sts-fetcher", "--port", port, "--mx-port", mx_port},
	    .want_stdin = true,
	    .want_stdout = true,
	    .inherit_stderr = true};
	size_t count = 5;
	enum sts_status status;

	snprintf(port, sizeof(port), "%u", (unsigned)f->port);
	snprintf(mx_port, sizeof(mx_port), "%u", (unsigned)f->mx_port);
	if (f->plain_port != 0) {
		snprintf(plain_port, sizeof(plain_port), "%u",
		    (unsigned)f->plain_port);
		spec.argv[count++] = "--plain-port";
		spec.argv[count++] = plain_port;
	}
	if (f->config->ca_file != NULL) {
		spec.argv[count++] = "--ca-file";
		spec.argv[count++] = f->config->ca_file;
	}
	if (f->config->ca_path != NULL) {
		spec.argv[count++] = "--ca-path";
		spec.argv[count++] = f->config->ca_path;
	}
	status = start_status(sts_child_start(&f->child, &spec));
	if (status != STS_OK) {
		f->child = (struct sts_child){-1, -1, -1};
		return status;
	}
	f->started_ms = sts_monotonic_ms();
	f->reading =
	    sts_watch_start(f->loop, f->child.out_fd, false, on_output, f);
	return f->reading != NULL ? STS_OK : STS_NO_MEMORY;
}

static void
send_waiting(void *arg)
{
	struct sts_fetcher *f = arg;
	struct sts_fetcher_request *r;
	enum sts_status status;

	/* Its sandbox has the trust roots' directories of its start. */
	if (f->sent == 0 && f->child.pid > 0 &&
	    sts_monotonic_ms() - f->started_ms > LIFE_MS)
		kill_child(f);
	TAILQ_FOREACH (r, &f->requests, link) {
		if (r->state != STATE_WAITING)
			continue;
		if (f->sent == STS_WIRE_AT_ONCE)
			break;
		if (f->child.pid <= 0 && (status = start_child(f)) != STS_OK) {
			fail_all(f, status);
			return;
		}
		send_request(f, r);
	}
	if (f->out_len > 0 && f->writing == NULL)
		flush(f);
}

/* For callers. */

enum sts_status
sts_fetcher_create(struct sts_fetcher **out, struct sts_loop *loop,
    const struct sts_config *config)
{
	struct sts_fetcher *f = calloc(1, sizeof(*f));

	*out = f;
	if (f == NULL)
		return STS_NO_MEMORY;
	f->loop = loop;
	f->config = config;
	f->port = 443;
	f->mx_port = 25;
	f->child = (struct sts_child){-1, -1, -1};
	TAILQ_INIT(&f->requests);
	return STS_OK;
}

void
sts_fetcher_set_ports(struct sts_fetcher *f, uint16_t port, uint16_t mx_port)
{
	f->port = port;
	f->mx_port = mx_port;
}

void
sts_fetcher_set_plain_port(struct sts_fetcher *f, uint16_t port)
{
	f->plain_port = port;
}

void
sts_fetcher_destroy(struct sts_fetcher *f)
{
	struct sts_fetcher_request *r;

	if (f == NULL)
		return;
	while ((r = TAILQ_FIRST(&f->requests)) != NULL)
		free_request(r);
	kill_child(f);
	sts_timer_clear(f->loop, &f->timer);
	free(f->out);
	free(f);
}

struct sts_fetcher_request *
sts_fetcher_post(struct sts_fetcher *f, const struct sts_wire_request *request,
    const char *body, sts_fetcher_replied *replied, void *arg)
{
	struct sts_fetcher_request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->fetcher = f;
	r->what = *request;
	r->body = body;
	r->retried = request->kind == STS_WIRE_POST;
	if (r->what.timeout_ms > STS_WIRE_MS_MAX)
		r->what.timeout_ms = STS_WIRE_MS_MAX;
	r->full_ms = r->what.timeout_ms;
	r->end_ms = sts_monotonic_ms() + r->full_ms;
	r->replied = replied;
	r->arg = arg;
	TAILQ_INSERT_TAIL(&f->requests, r, link);
	sts_timer_set(
	    f->loop, &r->timer, r->what.timeout_ms + GRACE_MS, on_deadline, r);
	wake(f);
	return r;
}

struct sts_fetcher_request *
sts_fetcher_ask(struct sts_fetcher *f, const struct sts_wire_request *request,
    sts_fetcher_replied *replied, void *arg)
{
	return sts_fetcher_post(f, request, NULL, replied, arg);
}

void
sts_fetcher_cancel(struct sts_fetcher_request *r)
{
	if (r == NULL)
		return;
	r->replied = NULL;
	if (r->state == STATE_SENT)
		return;
	wake(r->fetcher);
	free_request(r);
}
