/* SPDX-License-Identifier: ISC */
/*
 * One session at a time, in static memory: Exim has a process for each delivery
 * and makes its connections one after the other.  No single event says what
 * became of TLS.  tcp:close comes for connections that are passed on, without a
 * cipher and from other processes; msg:host:defer also after a good handshake,
 * and never where mail leaves in spite of a failure.  So the answers to EHLO
 * decide, and otherwise the first event after them, or the end of the process:
 * a connection in clear text that is passed on has no further event.
 */
#include "exim/event.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/domain.h"
#include "exim/event_args.h"
#include "exim/event_record.h"

enum { EXIM_OK = 0, DOMAIN_MAX = 4 * STS_NAME_MAX };

/* Of this process: a child that it forks has none yet. */
static struct {
	bool open;
	bool ehlo;    /* answered */
	bool offered; /* STARTTLS */
	bool settled;
	bool may_repeat; /* in clear text, by tls_tempfail_tryclear */
	struct sts_session s;
} now;

/* Bytes that may be part of a name, an address, or a mode. */
static bool
is_graphic(int byte)
{
	return byte > ' ' && byte < 0x7f;
}

static void
copy_word(struct sts_span word, char *out, size_t size)
{
	size_t len = 0;

	while (len < word.len && len + 1 < size &&
	    is_graphic((unsigned char)word.p[len]))
		len++;
	memcpy(out, word.p, len);
	out[len] = '\0';
}

static void
settle(enum sts_session_end end, const char *names)
{
	now.settled = true;
	sts_session_record(&now.s, end, names);
}

/*
 * Of a session that ended before the answer to a second EHLO.  What Exim calls
 * an error of the TLS session (ERRNO_TLSFAILURE) makes it try again in clear
 * text; after a 454 to STARTTLS it goes on in the same connection.
 */
static enum sts_session_end
how_it_ended(const struct sts_event *e)
{
	if (e->encrypted)
		return e->verified ? STS_END_VERIFIED : STS_END_UNVERIFIED;
	if (now.s.has_certificate)
		return STS_END_CERTIFICATE;
	if (!now.offered)
		return STS_END_NO_STARTTLS;
	return sts_event_is_tls_error(e) ? STS_END_HANDSHAKE : STS_END_REJECTED;
}

static void
settle_ended(const struct sts_event *e)
{
	enum sts_session_end end = how_it_ended(e);

	if (!now.open || now.settled || !now.ehlo)
		return;
	/* msg:host:defer, which comes at once, has the reason. */
	if (e->kind == STS_EVENT_CLOSE && end == STS_END_REJECTED)
		return;
	now.may_repeat = end != STS_END_REJECTED && end != STS_END_NO_STARTTLS;
	settle(end, e->names);
}

/* At an event that tells nothing of it. */
static void
settle_before(void)
{
	static const struct sts_event none = {
	    .kind = STS_EVENT_END, .data = "", .names = ""};

	settle_ended(&none);
}

/* The session that a forked child inherits is its parent's. */
static void
forget(void)
{
	memset(&now, 0, sizeof(now));
}

/* Once: children inherit both.  False without memory. */
static bool
register_handlers(void)
{
	static bool forks, ends;

	forks = forks || pthread_atfork(NULL, NULL, forget) == 0;
	ends = ends || (forks && atexit(settle_before) == 0);
	return ends;
}

static bool
is_again(const struct sts_session *before, const struct sts_session *s)
{
	return now.may_repeat && strcmp(before->address, s->address) == 0 &&
	    strcmp(before->host, s->host) == 0;
}

/* False without a domain, and for a path that is too long. */
static bool
read_session(const struct sts_event *e, struct sts_session *s)
{
	char domain[DOMAIN_MAX + 1]; /* may be U-labels */

	memset(s, 0, sizeof(*s));
	if (!sts_span_copy(e->domain, domain, sizeof(domain)))
		return false;
	copy_word(e->host, s->host, sizeof(s->host));
	copy_word(e->address, s->address, sizeof(s->address));
	copy_word(e->source, s->source, sizeof(s->source));
	copy_word(e->mode, s->mode, sizeof(s->mode));
	if (e->config_file != NULL) {
		if (strlen(e->config_file) >= sizeof(s->config_file))
			return false;
		strcpy(s->config_file, e->config_file);
	}
	return sts_domain_normalise(domain, s->domain) == STS_OK;
}

static void
open_session(const struct sts_event *e)
{
	struct sts_session s;
	bool again;

	settle_before();
	now.open = read_session(e, &s);
	again = is_again(&now.s, &s);
	now.s = s;
	now.ehlo = now.offered = now.may_repeat = false;
	now.settled = again;
}

/* As Exim reads it: "250-STARTTLS", in a line that is not the first. */
static bool
offers_starttls(const char *answer)
{
	struct sts_cursor c = sts_cursor_make(answer, strlen(answer));
	static const char keyword[] = "STARTTLS";
	size_t len = sizeof(keyword) - 1;
	struct sts_span line;

	if (!sts_cursor_line(&c, &line))
		return false;
	while (sts_cursor_line(&c, &line)) {
		if (line.len < 4 + len || strncmp(line.p, "250", 3) != 0 ||
		    strncasecmp(line.p + 4, keyword, len) != 0)
			continue;
		if (line.len == 4 + len || sts_is_blank(line.p[4 + len]))
			return true;
	}
	return false;
}

/* "250-mx.example at your service" */
static void
read_helo(const char *answer)
{
	struct sts_span name = {answer, strcspn(answer, "\r\n")};

	if (name.len < 4 || strncmp(name.p, "250", 3) != 0)
		return;
	name.p += 4;
	name.len -= 4;
	copy_word(name, now.s.helo, sizeof(now.s.helo));
}

static void
on_ehlo(const struct sts_event *e)
{
	if (!e->encrypted) {
		now.ehlo = true;
		now.offered = offers_starttls(e->data);
		read_helo(e->data);
	} else
		settle(e->verified ? STS_END_VERIFIED : STS_END_UNVERIFIED,
		    e->names);
}

/*
 * Exim has the result type of RFC 8460 4.3, but says no more than
 * "validation-failure" where no TLSA record is right for the certificate, where
 * there is none because the handshake failed (then the records have been read),
 * and where STARTTLS was refused.
 */
static enum sts_session_end
how_dane_ended(const struct sts_event *e)
{
	if (!sts_result_parse(e->data, &now.s.dane_result))
		now.s.dane_result = STS_RESULT_VALIDATION_FAILURE;
	if (now.s.dane_result != STS_RESULT_VALIDATION_FAILURE || !now.offered)
		return STS_END_DANE;
	if (now.s.has_certificate) {
		now.s.dane_result = STS_RESULT_TLSA_INVALID;
		return STS_END_DANE;
	}
	return e->dane ? STS_END_HANDSHAKE : STS_END_REJECTED;
}

static void
on_dane(const struct sts_event *e)
{
	now.s.dane = true;
	/* A hang-up after a handshake that was good is one of these, too. */
	if (e->encrypted && e->verified)
		settle(STS_END_VERIFIED, e->names);
	else
		settle(how_dane_ended(e), e->names);
}

/*
 * Where the TLSA records cannot be used Exim makes no connection: each attempt
 * is an outcome of its own.
 */
static void
on_dane_unconnected(const struct sts_event *e)
{
	enum sts_result result;
	struct sts_session s;

	if (!sts_result_parse(e->data, &result) ||
	    (result != STS_RESULT_DANE_REQUIRED &&
		result != STS_RESULT_DNSSEC_INVALID) ||
	    !read_session(e, &s))
		return;
	s.dane = true;
	s.dane_result = result;
	s.address[0] = s.source[0] = '\0';
	sts_session_record(&s, STS_END_DANE, "");
}

/*
 * The last certificate that was seen is the host's: OpenSSL shows those of its
 * issuers before.
 */
static void
note_certificate(const struct sts_event *e)
{
	now.s.dane = now.s.dane || e->dane;
	if (!e->has_certificate || !(e->encrypted || now.offered))
		return;
	now.s.has_certificate = true;
	now.s.expired = e->not_after != 0 && e->not_after < (int64_t)time(NULL);
	now.s.named = sts_session_is_named(e->names, now.s.host);
}

static void
on_session_event(const struct sts_event *e)
{
	if (!now.open || now.settled)
		return;
	note_certificate(e);
	switch (e->kind) {
	case STS_EVENT_EHLO:
		on_ehlo(e);
		break;
	case STS_EVENT_DANE:
		on_dane(e);
		break;
	case STS_EVENT_CLOSE:
	case STS_EVENT_DEFER:
	case STS_EVENT_END:
		settle_ended(e);
		break;
	default:
		break;
	}
}

static void
on_event(const struct sts_event *e)
{
	struct sts_session s;

	if (e->kind == STS_EVENT_NO_MX) {
		if (read_session(e, &s))
			sts_session_record_no_mx(&s);
		return;
	}
	if (!register_handlers())
		return;
	if (e->kind == STS_EVENT_CONNECT)
		open_session(e);
	else if (e->kind == STS_EVENT_DANE && (!now.open || now.settled))
		on_dane_unconnected(e);
	else
		on_session_event(e);
}

int
mta_sts_event(unsigned char **yield, int argc, unsigned char *argv[])
{
	static unsigned char empty[1];
	struct sts_event event;
	int saved_errno = errno;

	empty[0] = '\0';
	if (yield != NULL)
		*yield = empty;
	if (sts_event_read(argc, argv, &event))
		on_event(&event);
	errno = saved_errno;
	return EXIM_OK;
}
