/* SPDX-License-Identifier: ISC */
/*
 * Each request is a job: a libcurl transfer or a probe session, on one loop.  A
 * job ends when its reply is in the buffer, which is bounded by the number of
 * pending requests.
 */
#include "fetcher/fetcher_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "fetcher/multi.h"
#include "fetcher/probe_session.h"
#include "fetcher/transfer.h"
#include "fetcher/transfer_examine.h"
#include "fetcher/trust.h"
#include "loop/loop.h"

enum { STEP_MS = 60000, OUT_FIRST = 16384 };

struct job {
	TAILQ_ENTRY(job) link;
	struct sts_server *server;
	struct sts_wire_request request;
	X509_STORE *store;
	struct sts_transfer *transfer;     /* of a policy or a post */
	struct sts_probe_session *session; /* of a probe */
	struct sts_timer timer;            /* for an end from outside */
	unsigned long stalls; /* of the loop, when it began to connect */
	struct sts_wire_reply reply;
	char *post; /* the body of a post, so far post_len bytes */
	size_t post_len;
};

struct sts_server {
	struct sts_server_spec spec;
	struct sts_loop *loop;
	struct sts_multi *multi;
	struct sts_trust *trust;
	TAILQ_HEAD(, job) jobs;
	size_t job_count;
	struct sts_watch *reading, *writing;
	char line[STS_WIRE_REQUEST_MAX]; /* an incomplete line */
	size_t line_len;
	struct job *filling; /* a post whose body is being read */
	char *out;           /* what did not fit into the pipe */
	size_t out_len, out_at, out_size;
	bool ended;             /* end of input */
	enum sts_status status; /* why it must end, or STS_OK */
};

/* Replies. */

static void
stop(struct sts_server *s, enum sts_status status)
{
	if (s->status == STS_OK)
		s->status = status;
}

static void flush(void *arg);

static void
watch_output(struct sts_server *s, bool wanted)
{
	if (!wanted) {
		sts_watch_stop(s->loop, s->writing);
		s->writing = NULL;
	} else if (s->writing == NULL) {
		s->writing =
		    sts_watch_start(s->loop, s->spec.out, true, flush, s);
		if (s->writing == NULL)
			stop(s, STS_NO_MEMORY);
	}
}

static void
flush(void *arg)
{
	struct sts_server *s = arg;

	while (s->out_at < s->out_len) {
		ssize_t n = write(
		    s->spec.out, s->out + s->out_at, s->out_len - s->out_at);

		if (n > 0)
			s->out_at += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR) {
			s->ended = true; /* the resolver is gone */
			break;
		}
	}
	if (s->out_at == s->out_len)
		s->out_at = s->out_len = 0;
	watch_output(s, s->out_len > 0 && !s->ended);
}

static void
append(struct sts_server *s, const char *bytes, size_t len)
{
	size_t size = s->out_size > 0 ? s->out_size : OUT_FIRST;
	char *grown;

	while (size - s->out_len < len)
		size *= 2;
	if (size != s->out_size) {
		if ((grown = realloc(s->out, size)) == NULL) {
			stop(s, STS_NO_MEMORY);
			return;
		}
		s->out = grown;
		s->out_size = size;
	}
	/* cppcheck-suppress uninitvar */
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

static void
write_reply(
    struct sts_server *s, const struct sts_wire_reply *reply, const char *body)
{
	char line[STS_WIRE_REPLY_MAX];

	append(s, line, sts_wire_write_reply(reply, line));
	if (reply->length > 0) {
		append(s, body, reply->length);
		append(s, line, sts_wire_write_end(reply->number, line));
	}
	if (s->status == STS_OK)
		flush(s);
}

/* Jobs. */

static void
free_job(struct job *job)
{
	struct sts_server *s = job->server;

	sts_timer_clear(s->loop, &job->timer);
	if (job->transfer != NULL)
		sts_multi_remove(s->multi, job->transfer->easy);
	sts_transfer_free(job->transfer);
	sts_probe_session_cancel(job->session);
	X509_STORE_free(job->store);
	TAILQ_REMOVE(&s->jobs, job, link);
	s->job_count--;
	free(job->post);
	free(job);
}

/* Sends the reply with the body that it is to have. */
static void
send_examined(struct job *job)
{
	struct sts_wire_reply *reply = &job->reply;
	char *answer;

	reply->status =
	    sts_transfer_examine_answer(job->transfer, &answer, &reply->length);
	if (reply->status != STS_OK)
		reply->length = 0;
	write_reply(job->server, reply, answer);
	free(answer);
}

static void
finish(struct job *job, enum sts_status status, const char *detail)
{
	struct sts_wire_reply *reply = &job->reply;
	const char *body = NULL;

	reply->number = job->request.number;
	reply->status = status;
	(void)strlcpy(reply->detail, detail, sizeof(reply->detail));
	if (job->request.kind == STS_WIRE_PROBE)
		(void)sts_address_text(
		    &job->request.addresses[0], reply->address);
	else if (status == STS_OK && job->request.kind == STS_WIRE_POLICY) {
		body = job->transfer->body;
		reply->length = job->transfer->body_len;
	}
	if (status == STS_OK && job->request.kind == STS_WIRE_EXAMINE)
		send_examined(job);
	else
		write_reply(job->server, reply, body);
	free_job(job);
}

/* The status was recorded before. */
static void
finish_noted(void *arg)
{
	struct job *job = arg;

	finish(job, job->reply.status, "");
}

/* Failures that a stop of this process can cause as well. */
static bool
may_be_our_stall(enum sts_status status)
{
	switch (status) {
	case STS_FETCH_CONNECT:
	case STS_FETCH_TIMEOUT:
	case STS_FETCH_TLS:
	case STS_FETCH_STATUS: /* 408 */
	case STS_FETCH_HTTP:
	case STS_MX_CONNECT:
	case STS_MX_TIMEOUT:
	case STS_MX_SMTP:
	case STS_MX_STARTTLS_REFUSED:
	case STS_MX_STARTTLS_PLAINTEXT:
	case STS_MX_TLS:
		return true;
	default:
		return false;
	}
}

/*
 * A process that was stopped, or suspended with the machine, acted too late or
 * missed the answer.
 */
static void
finish_heard(struct job *job, enum sts_status status, const char *detail)
{
	bool stood = sts_loop_stalls(job->server->loop) != job->stalls;

	finish(job,
	    stood && may_be_our_stall(status) ? STS_FETCHER_TIMEOUT : status,
	    detail);
}

static void
transfer_ended(void *private, CURLcode code)
{
	struct job *job = private;
	enum sts_status status = sts_transfer_outcome(job->transfer, code);

	finish_heard(job, status, job->transfer->detail);
}

/* libcurl is broken: ends each of its transfers, from a timer of its own. */
static void
transfers_broken(void *arg, enum sts_status status)
{
	struct sts_server *s = arg;
	struct job *job;

	TAILQ_FOREACH (job, &s->jobs, link) {
		if (job->transfer == NULL)
			continue;
		job->reply.status = status;
		sts_timer_set(s->loop, &job->timer, 0, finish_noted, job);
	}
}

static enum sts_status
start_transfer(struct job *job)
{
	struct sts_server *s = job->server;
	const struct sts_wire_request *r = &job->request;
	struct sts_transfer_spec spec = {
	    .host = r->host,
	    .port = r->port,
	    .addresses = r->addresses,
	    .count = r->count,
	    .timeout_ms = r->timeout_ms,
	    .store = job->store,
	    .sample_root = sts_trust_sample(s->trust),
	    .target = r->kind != STS_WIRE_POLICY ? r->target : NULL,
	    .plain = r->kind == STS_WIRE_EXAMINE && r->port != s->spec.port,
	    .post = job->post,
	    .post_len = job->post_len,
	};
	struct sts_transfer *transfer;
	enum sts_status status = sts_transfer_create(&transfer, &spec);

	if (status != STS_OK)
		return status;
	if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, job) != CURLE_OK)
		status = STS_INTERNAL;
	if (status == STS_OK)
		status = sts_multi_add(s->multi, transfer->easy);
	if (status == STS_OK)
		job->transfer = transfer;
	else
		sts_transfer_free(transfer);
	return status;
}

static void
session_ended(void *arg, enum sts_status status, const char *detail)
{
	struct job *job = arg;

	job->session = NULL;
	finish_heard(job, status, detail);
}

static enum sts_status
start_session(struct job *job)
{
	struct sts_probe_target target = {.host = job->request.host,
	    .address = job->request.addresses[0],
	    .port = job->request.port,
	    .timeout_ms = job->request.timeout_ms,
	    .store = job->store};

	job->session = sts_probe_session_start(
	    job->server->loop, &target, session_ended, job);
	return job->session != NULL ? STS_OK : STS_NO_MEMORY;
}

/* Requests. */

static void
start_job(struct job *job)
{
	enum sts_status status = sts_trust_get(job->server->trust, &job->store);

	/* From here on, since reading the trust roots is slow. */
	job->stalls = sts_loop_stalls(job->server->loop);
	if (status == STS_OK)
		status = job->request.kind == STS_WIRE_PROBE
		    ? start_session(job)
		    : start_transfer(job);
	if (status != STS_OK)
		finish(job, status, "");
}

/* Refuses ports other than the configured ones. */
static bool
is_ours(const struct sts_server *s, const struct sts_wire_request *r)
{
	uint16_t port =
	    r->kind == STS_WIRE_PROBE ? s->spec.mx_port : s->spec.port;

	if (s->job_count >= STS_WIRE_AT_ONCE)
		return false;
	return r->port == port ||
	    (r->kind == STS_WIRE_EXAMINE && r->port == s->spec.plain_port);
}

/* A post begins when the line behind its body is there. */
static void
end_post(struct sts_server *s, struct sts_span line)
{
	struct job *job = s->filling;

	s->filling = NULL;
	if (sts_wire_is_end(line, job->request.number))
		start_job(job);
	else
		stop(s, STS_BAD_LINE);
}

static void
begin_post(struct sts_server *s, struct job *job)
{
	if ((job->post = malloc(job->request.length)) == NULL)
		stop(s, STS_NO_MEMORY);
	else
		s->filling = job;
}

static void
handle_line(struct sts_server *s, struct sts_span line)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL) {
		stop(s, STS_NO_MEMORY);
		return;
	}
	if (!sts_wire_parse_request(line, &job->request) ||
	    !is_ours(s, &job->request)) {
		stop(s, STS_BAD_LINE);
		free(job);
		return;
	}
	job->server = s;
	TAILQ_INSERT_TAIL(&s->jobs, job, link);
	s->job_count++;
	if (job->request.kind == STS_WIRE_POST)
		begin_post(s, job);
	else
		start_job(job);
}

/* As much of the body of a post as there is; false: it is whole, or none. */
static bool
fill_post(struct sts_server *s, struct sts_cursor *c)
{
	struct job *job = s->filling;
	size_t missing, some = sts_cursor_left(c);

	if (job == NULL || job->post_len == job->request.length)
		return false;
	missing = job->request.length - job->post_len;
	if (some > missing)
		some = missing;
	memcpy(job->post + job->post_len, c->p, some);
	job->post_len += some;
	c->p += some;
	return true;
}

/* Handles complete lines and bodies, and moves an incomplete one to the front.
 */
static void
handle_input(struct sts_server *s)
{
	struct sts_cursor c = sts_cursor_make(s->line, s->line_len);
	const char *end;

	while (s->status == STS_OK && sts_cursor_left(&c) > 0) {
		struct sts_span line = {c.p, 0};

		if (fill_post(s, &c))
			continue;
		if ((end = memchr(c.p, '\n', sts_cursor_left(&c))) == NULL)
			break;
		line.len = (size_t)(end - c.p);
		if (s->filling != NULL)
			end_post(s, line);
		else
			handle_line(s, line);
		c.p = end + 1;
	}
	s->line_len = sts_cursor_left(&c);
	memmove(s->line, c.p, s->line_len);
	if (s->line_len == sizeof(s->line))
		stop(s, STS_BAD_LINE);
}

static void
on_input(void *arg)
{
	struct sts_server *s = arg;
	ssize_t n = read(
	    s->spec.in, s->line + s->line_len, sizeof(s->line) - s->line_len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		s->ended = true;
		return;
	}
	s->line_len += (size_t)n;
	handle_input(s);
}

/* The server. */

static bool
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Frees what has been opened so far. */
static void
destroy_server(struct sts_server *s)
{
	sts_multi_destroy(s->multi);
	sts_trust_destroy(s->trust);
	sts_loop_destroy(s->loop);
	free(s->out);
	free(s);
}

enum sts_status
sts_server_create(struct sts_server **out, const struct sts_server_spec *spec)
{
	struct sts_server *s = calloc(1, sizeof(*s));
	enum sts_status status;

	*out = NULL;
	if (s == NULL)
		return STS_NO_MEMORY;
	s->spec = *spec;
	TAILQ_INIT(&s->jobs);
	status = sts_loop_create(&s->loop);
	if (status == STS_OK)
		status = sts_multi_create(
		    &s->multi, s->loop, transfer_ended, transfers_broken, s);
	if (status == STS_OK &&
	    (s->trust = sts_trust_create(spec->ca_file, spec->ca_path)) == NULL)
		status = STS_NO_MEMORY;
	if (status == STS_OK &&
	    (!set_nonblocking(spec->in) || !set_nonblocking(spec->out)))
		status = STS_INTERNAL;
	if (status == STS_OK)
		*out = s;
	else
		destroy_server(s);
	return status;
}

enum sts_status
sts_server_run(struct sts_server *s, const struct sts_wire_hello *hello)
{
	char line[STS_WIRE_REPLY_MAX];
	enum sts_status status = STS_OK;

	append(s, line, sts_wire_write_hello(hello, line));
	flush(s);
	s->reading = sts_watch_start(s->loop, s->spec.in, false, on_input, s);
	if (s->reading == NULL)
		return STS_NO_MEMORY;
	while (status == STS_OK && s->status == STS_OK && !s->ended)
		status = sts_loop_step(s->loop, STEP_MS);
	return status != STS_OK ? status : s->status;
}
