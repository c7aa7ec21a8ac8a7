/* SPDX-License-Identifier: ISC */
/*
 * The dialogue, and what a failure at each point is called:
 *
 *	connect			mx_connect
 *	S: 220			mx_greeting (4yz, 5yz)
 *	C: EHLO  S: 250		mx_no_starttls
 *	C: STARTTLS  S: 220	mx_starttls_refused, mx_starttls_plaintext
 *	TLS handshake		mx_tls, mx_cert_*
 *	C: QUIT  S: anything
 *
 * A deadline is always mx_timeout; what is not SMTP, or an early end, is
 * mx_smtp.
 */
#include "fetcher/probe_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "core/domain.h"
#include "base/fault.h"
#include "fetcher/probe_reply.h"
#include "fetcher/probe_tls.h"
#include "fetcher/route.h"
#include "fetcher/sandbox.h"

enum {
	QUIT_MS = 2000,   /* for a QUIT, which changes nothing */
	COMMAND_MAX = 320 /* "EHLO ", a name, CR LF */
};

enum stage {
	STAGE_CONNECT,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_STARTTLS,
	STAGE_HANDSHAKE,
	STAGE_QUIT
};

static const char *const stage_names[] = {"connecting", "the greeting",
    "the answer to EHLO", "the answer to STARTTLS", "the TLS handshake",
    "the answer to QUIT"};

struct sts_probe_session {
	struct sts_loop *loop;
	sts_probe_session_done *done;
	void *arg;
	struct sts_probe_target target;
	struct sts_timer timer; /* the deadline */
	struct sts_watch *watch;
	int fd;
	enum stage stage;
	enum sts_status status; /* what will be reported */
	char detail[STS_WIRE_DETAIL_MAX];

	char out[COMMAND_MAX]; /* the command being sent */
	size_t out_len, out_at;
	char in[STS_SMTP_LINE_MAX + 1]; /* an incomplete line */
	size_t in_len;
	struct sts_smtp_reply reply;

	struct sts_probe_tls tls;
};

static void on_ready(void *arg);

/* The end. */

static void
release(struct sts_probe_session *s)
{
	sts_timer_clear(s->loop, &s->timer);
	sts_watch_stop(s->loop, s->watch);
	sts_probe_tls_close(&s->tls);
	if (s->fd >= 0)
		close(s->fd);
}

void
sts_probe_session_cancel(struct sts_probe_session *session)
{
	if (session == NULL)
		return;
	release(session);
	free(session);
}

static void
report(void *arg)
{
	struct sts_probe_session *s = arg;
	enum sts_status fault = STS_OK;

	release(s);
	/* Libraries report a failed allocation in many ways. */
	if (s->status != STS_OK && !sts_status_is_local(s->status))
		fault = sts_fault_memory();
	if (fault != STS_OK)
		s->status = fault;
	s->done(s->arg, s->status, s->detail);
	free(s);
}

static void
set_outcome(
    struct sts_probe_session *s, enum sts_status status, const char *detail)
{
	s->status = status;
	(void)strlcpy(s->detail, detail, sizeof(s->detail));
}

/*
 * Ends at the next step of the loop, whatever the caller.  The reply to QUIT
 * does not change the outcome.
 */
static void
finish(struct sts_probe_session *s, enum sts_status status, const char *detail)
{
	if (s->stage != STAGE_QUIT)
		set_outcome(s, status, detail);
	sts_watch_stop(s->loop, s->watch);
	s->watch = NULL;
	sts_timer_set(s->loop, &s->timer, 0, report, s);
}

/* Ends at this stage for a reason that the detail names. */
static void
finish_here(
    struct sts_probe_session *s, enum sts_status status, const char *reason)
{
	char text[STS_WIRE_DETAIL_MAX];

	snprintf(text, sizeof(text), "%s: %s", stage_names[s->stage], reason);
	finish(s, status, text);
}

/* Ends after a failed read or write, with its errno. */
static void
finish_errno(struct sts_probe_session *s, enum sts_status status, int error)
{
	enum sts_status fault = sts_fault_traffic(error);

	finish_here(s, fault != STS_OK ? fault : status, strerror(error));
}

static void
set_outcome_reply(struct sts_probe_session *s, enum sts_status status)
{
	s->status = status;
	snprintf(s->detail, sizeof(s->detail), "%s: %d %s",
	    stage_names[s->stage], s->reply.code, s->reply.text);
}

/* The outcome is known; limits the time for QUIT. */
static void
limit_farewell(struct sts_probe_session *s)
{
	if (s->timer.due_ms > sts_monotonic_ms() + QUIT_MS)
		sts_timer_set(s->loop, &s->timer, QUIT_MS, report, s);
	else
		s->timer.due = report;
}

static void
on_deadline(void *arg)
{
	struct sts_probe_session *s = arg;

	set_outcome(s, STS_MX_TIMEOUT, stage_names[s->stage]);
	report(s);
}

/* Waits for the socket; starts again if the direction changes. */
static void
wait_for(struct sts_probe_session *s, bool writing)
{
	sts_watch_stop(s->loop, s->watch);
	s->watch = sts_watch_start(s->loop, s->fd, writing, on_ready, s);
	if (s->watch == NULL)
		finish(s, STS_NO_MEMORY, "");
}

/* Commands. */

/*
 * RFC 5321 4.1.1.1: the machine's name, or an address literal if it is not a
 * public name.  Makes no DNS query.
 */
static void
own_name(int fd, char *buf, size_t size)
{
	char name[STS_NAME_MAX + 2], host[STS_NAME_MAX + 1];
	struct sts_address own = {0};
	char address[INET6_ADDRSTRLEN] = "";
	socklen_t len = sizeof(own.u);

	if (gethostname(name, sizeof(name)) == 0 &&
	    memchr(name, '\0', sizeof(name)) != NULL &&
	    sts_domain_normalise(name, host) == STS_OK &&
	    strchr(host, '.') != NULL && strchr(host, '_') == NULL) {
		(void)strlcpy(buf, host, size);
		return;
	}
	if (getsockname(fd, &own.u.sa, &len) == 0)
		(void)sts_address_text(&own, address);
	snprintf(buf, size, "[%s%s]",
	    own.u.sa.sa_family == AF_INET6 ? "IPv6:" : "", address);
}

/* Sends the rest of the command, then waits for the reply. */
static void
flush(struct sts_probe_session *s)
{
	while (s->out_at < s->out_len) {
		ssize_t n = send(s->fd, s->out + s->out_at,
		    s->out_len - s->out_at, MSG_NOSIGNAL);

		if (n >= 0) {
			s->out_at += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			wait_for(s, true);
		else
			finish_errno(s, STS_MX_SMTP, errno);
		return;
	}
	wait_for(s, false);
}

static void
command(struct sts_probe_session *s, enum stage stage, const char *word,
    const char *argument)
{
	int len = snprintf(s->out, sizeof(s->out), "%s%s\r\n", word, argument);

	s->stage = stage;
	s->reply = (struct sts_smtp_reply){0};
	s->out_at = 0;
	s->out_len = (size_t)len;
	if (len < 0 || (size_t)len >= sizeof(s->out))
		finish(s, STS_INTERNAL, "");
	else
		flush(s);
}

/* A session that ends before TLS also ends with QUIT. */
static void
quit(struct sts_probe_session *s, enum sts_status status)
{
	set_outcome_reply(s, status);
	limit_farewell(s);
	command(s, STAGE_QUIT, "QUIT", "");
}

/* TLS. */

/*
 * A server whose certificate passes RFC 8461 4.2 gets a QUIT inside the
 * session; any other gets nothing more.
 */
static void
on_handshake(struct sts_probe_session *s)
{
	enum sts_status status = STS_INTERNAL;
	const char *detail = "";
	enum sts_probe_wait wait =
	    sts_probe_tls_handshake(&s->tls, &status, &detail);

	if (wait != STS_WAIT_OVER) {
		wait_for(s, wait == STS_WAIT_WRITE);
		return;
	}
	if (status != STS_OK || !sts_probe_tls_quit(&s->tls)) {
		finish(s, status, detail);
		return;
	}
	set_outcome(s, STS_OK, detail);
	s->stage = STAGE_QUIT;
	limit_farewell(s);
	wait_for(s, false);
}

static void
start_tls(struct sts_probe_session *s)
{
	s->stage = STAGE_HANDSHAKE;
	if (sts_probe_tls_open(&s->tls, s->fd, s->target.host, s->target.store))
		on_handshake(s);
	else
		finish(s, STS_NO_MEMORY, "");
}

/* Replies. */

/* RFC 3207 4: any other code than 220 means that it cannot do it now. */
static void
after_starttls(struct sts_probe_session *s)
{
	if (s->reply.code != 220)
		quit(s, STS_MX_STARTTLS_REFUSED);
	else
		start_tls(s);
}

static void
after_ehlo(struct sts_probe_session *s)
{
	int code = s->reply.code;

	if (code == 250 && s->reply.starttls)
		command(s, STAGE_STARTTLS, "STARTTLS", "");
	/* A server without extensions has no STARTTLS, RFC 5321 4.1.1.1. */
	else if (code == 250 || code == 500 || code == 502)
		quit(s, STS_MX_NO_STARTTLS);
	else
		quit(s, STS_MX_SMTP);
}

static void
after_greeting(struct sts_probe_session *s)
{
	char name[STS_NAME_MAX + 1];

	if (s->reply.code >= 400)
		quit(s, STS_MX_GREETING);
	else if (s->reply.code != 220)
		quit(s, STS_MX_SMTP);
	else {
		own_name(s->fd, name, sizeof(name));
		command(s, STAGE_EHLO, "EHLO ", name);
	}
}

/*
 * Bytes that follow a reply before the next command are not a reply to it.
 * After STARTTLS an attacker could have inserted them before the TLS session.
 */
static void
on_reply(struct sts_probe_session *s)
{
	if (s->in_len > 0 && s->stage != STAGE_QUIT) {
		set_outcome_reply(s,
		    s->stage == STAGE_STARTTLS ? STS_MX_STARTTLS_PLAINTEXT
					       : STS_MX_SMTP);
		report(s);
		return;
	}
	switch (s->stage) {
	case STAGE_GREETING:
		after_greeting(s);
		break;
	case STAGE_EHLO:
		after_ehlo(s);
		break;
	case STAGE_STARTTLS:
		after_starttls(s);
		break;
	default: /* to QUIT: the outcome is known */
		report(s);
		break;
	}
}

/*
 * Handles complete lines and moves an incomplete one to the front.  The buffer
 * is not full then: a line that fills it is too long.
 */
static void
read_input(struct sts_probe_session *s)
{
	struct sts_cursor c = sts_cursor_make(s->in, s->in_len);
	enum sts_smtp_progress progress = sts_smtp_reply_take(&s->reply, &c);

	s->in_len = sts_cursor_left(&c);
	memmove(s->in, c.p, s->in_len);
	if (progress == STS_SMTP_DONE)
		on_reply(s);
	else if (progress == STS_SMTP_BAD && s->stage == STAGE_QUIT)
		report(s);
	else if (progress == STS_SMTP_BAD)
		finish_here(s, STS_MX_SMTP, "no SMTP reply");
}

static void
read_reply(struct sts_probe_session *s)
{
	ssize_t n =
	    recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, 0);

	if (n < 0 &&
	    (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n > 0) {
		s->in_len += (size_t)n;
		read_input(s);
	} else if (s->stage == STAGE_QUIT)
		report(s);
	else if (n < 0)
		finish_errno(s, STS_MX_SMTP, errno);
	else
		finish_here(s, STS_MX_SMTP, "closed");
}

/* The connection. */

static void
on_connected(struct sts_probe_session *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == EINPROGRESS || error == EALREADY)
		return;
	if (error != 0) {
		finish_errno(s, STS_MX_CONNECT, error);
		return;
	}
	s->stage = STAGE_GREETING;
	wait_for(s, false);
}

static void
on_ready(void *arg)
{
	struct sts_probe_session *s = arg;

	if (s->stage == STAGE_CONNECT)
		on_connected(s);
	else if (s->stage == STAGE_HANDSHAKE)
		on_handshake(s);
	else if (s->tls.ssl != NULL) {
		if (sts_probe_tls_drain(&s->tls) == STS_WAIT_OVER)
			report(s);
	} else if (s->out_at < s->out_len)
		flush(s);
	else
		read_reply(s);
}

static void
start_connection(struct sts_probe_session *s)
{
	struct sts_address to = s->target.address;
	int family = to.u.sa.sa_family;
	socklen_t len = family == AF_INET6 ? sizeof(to.u.v6) : sizeof(to.u.v4);
	enum sts_status fault;
	int error;

	if (family == AF_INET6)
		to.u.v6.sin6_port = htons(s->target.port);
	else
		to.u.v4.sin_port = htons(s->target.port);
	s->fd = sts_sandbox_socket(
	    family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0) {
		fault = sts_fault_socket(errno, family);
		finish(s, fault != STS_OK ? fault : STS_MX_CONNECT,
		    strerror(errno));
	} else if (connect(s->fd, &to.u.sa, len) == 0 || errno == EINPROGRESS ||
	    errno == EINTR)
		wait_for(s, true);
	else {
		error = errno;
		fault = sts_route_fault_errno(error, family, s->target.port);
		finish(s, fault != STS_OK ? fault : STS_MX_CONNECT,
		    strerror(error));
	}
}

struct sts_probe_session *
sts_probe_session_start(struct sts_loop *loop,
    const struct sts_probe_target *target, sts_probe_session_done *done,
    void *arg)
{
	struct sts_probe_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->target = *target;
	s->done = done;
	s->arg = arg;
	s->fd = -1;
	sts_timer_set(loop, &s->timer, target->timeout_ms, on_deadline, s);
	start_connection(s);
	return s;
}
