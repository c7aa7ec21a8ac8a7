/* SPDX-License-Identifier: ISC */
/*
 * Lines from smtpd, protocol 0.6 and 0.7:
 *
 *	config|KEY|VALUE                                      config|ready
 *	report|VERSION|TIME|smtp-in|EVENT|SESSION|...         or smtp-out
 *	filter|VERSION|TIME|smtp-in|rcpt-to|SESSION|TOKEN|ADDRESS
 *
 * Only the last field of a line may contain a "|". smtpd 6.8 announces no
 * protocol version, but each line has one, and a relay without this filter
 * sends no smtp-out events; neither is an error.
 */
#include "opensmtpd/filter/filter.h"

#include <string.h>

#include "base/cursor.h"

enum { FIELD_MAX = STS_LINE_MAX };

/* An event, and what follows the session in it. */
struct event {
	bool old; /* protocol 0.6 or before */
	uint64_t id;
	struct sts_span line;     /* all of it */
	char rest[FIELD_MAX + 1]; /* the same, "" if it has a NUL */
};

/*
 * In one piece: smtpd accepts no other line before the last of these.  The
 * dialogues of outgoing sessions are for TLS reports alone.
 */
static void
register_events(struct sts_filter *f)
{
	static const char reports[] =
	    "register|report|smtp-out|link-tls\n"
	    "register|report|smtp-out|protocol-client\n"
	    "register|report|smtp-out|protocol-server\n";
	static const char lines[] = "register|report|smtp-in|link-connect\n"
				    "register|report|smtp-in|link-auth\n"
				    "register|report|smtp-in|link-disconnect\n"
				    "register|report|smtp-in|tx-begin\n"
				    "register|report|smtp-out|link-connect\n"
				    "register|report|smtp-out|link-disconnect\n"
				    "register|report|smtp-out|tx-begin\n"
				    "register|report|smtp-out|tx-rcpt\n"
				    "register|report|smtp-out|tx-commit\n"
				    "register|filter|smtp-in|rcpt-to\n"
				    "register|ready\n";

	if (f->registered)
		return;
	sts_report_begin(f);
	if (f->reporter != NULL)
		sts_output_add(&f->output, reports, sizeof(reports) - 1);
	sts_output_add(&f->output, lines, sizeof(lines) - 1);
	f->registered = true;
}

/* "config|ready" requests the registration. */
static void
handle_config(struct sts_filter *f, struct sts_span rest)
{
	if (sts_span_is(rest, "subsystem|smtp-out"))
		f->sees_out = true;
	if (!sts_span_is(rest, "ready"))
		return;
	register_events(f);
	if (!f->sees_out)
		sts_delivery_log_remove(&f->deliveries);
}

/* Parses 1 to 16 hex digits, which is all that smtpd accepts back. */
static bool
parse_id(struct sts_span s, char text[STS_SESSION_ID_MAX + 1], uint64_t *id)
{
	static const char digits[] = "0123456789abcdef";

	*id = 0;
	if (s.len == 0 || !sts_span_copy(s, text, STS_SESSION_ID_MAX + 1))
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		const char *digit = memchr(
		    digits, *p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p, 16);

		if (digit == NULL)
			return false;
		*id = *id << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

/* Up to "0.6", the arguments of link-auth were swapped. */
static bool
is_old(struct sts_span version)
{
	struct sts_cursor c = sts_cursor_make(version.p, version.len);
	int64_t major, minor;

	return sts_cursor_number(&c, 9, &major) && sts_cursor_byte(&c, '.') &&
	    sts_cursor_number(&c, 9, &minor) && major == 0 && minor <= 6;
}

/* Cuts off the next field at a bar; too long ones are truncated. */
static void
next_field(char **rest, const char **field)
{
	*field = *rest;
	*rest += strcspn(*rest, "|");
	if (**rest == '|')
		*(*rest)++ = '\0';
}

/* link-connect: name of the peer, a verdict on it, source, destination. */
static void
split_connect(struct event *e, const char **source, const char **destination)
{
	char *rest = e->rest;
	const char *skipped;

	next_field(&rest, &skipped);
	next_field(&rest, &skipped);
	next_field(&rest, source);
	next_field(&rest, destination);
}

/* link-auth: "RESULT|USER", in 0.6 "USER|RESULT"; a user may contain bars. */
static bool
has_passed(struct event *e)
{
	char *bar = e->old ? strrchr(e->rest, '|') : strchr(e->rest, '|');

	if (bar == NULL)
		return false;
	if (e->old)
		return strcmp(bar + 1, "pass") == 0;
	*bar = '\0';
	return strcmp(e->rest, "pass") == 0;
}

/* Events of incoming sessions. */
static void
handle_in(struct sts_filter *f, struct sts_span name, struct event *e)
{
	const char *source, *destination;

	if (sts_span_is(name, "link-connect")) {
		split_connect(e, &source, &destination);
		sts_session_connect(f, e->id, source, destination);
	} else if (sts_span_is(name, "link-auth")) {
		if (has_passed(e))
			sts_session_authenticated(f, e->id);
	} else if (sts_span_is(name, "tx-begin"))
		sts_session_begin(f, e->id);
	else if (sts_span_is(name, "link-disconnect"))
		sts_session_end(f, e->id);
}

/* tx-rcpt: message, result, address. */
static void
handle_out_recipient(struct sts_filter *f, struct event *e)
{
	char *rest = e->rest;
	const char *skipped, *result;

	next_field(&rest, &skipped);
	next_field(&rest, &result);
	if (strcmp(result, "ok") == 0)
		sts_relay_recipient(f, e->id, rest);
}

/* Events of outgoing sessions. */
static void
handle_out(struct sts_filter *f, struct sts_span name, struct event *e)
{
	const char *source, *destination;

	if (sts_span_is(name, "link-connect")) {
		split_connect(e, &source, &destination);
		sts_relay_connect(f, e->id, destination);
		sts_report_connect(f, e->id, source, destination);
	} else if (sts_span_is(name, "link-tls"))
		sts_report_tls(f, e->id);
	else if (sts_span_is(name, "protocol-client"))
		sts_report_client(f, e->id, e->line);
	else if (sts_span_is(name, "protocol-server"))
		sts_report_server(f, e->id, e->line);
	else if (sts_span_is(name, "tx-begin"))
		sts_relay_begin(f, e->id);
	else if (sts_span_is(name, "tx-rcpt"))
		handle_out_recipient(f, e);
	else if (sts_span_is(name, "tx-commit"))
		sts_relay_commit(f, e->id);
	else if (sts_span_is(name, "link-disconnect")) {
		sts_report_end(f, e->id);
		sts_relay_end(f, e->id);
	}
}

/* VERSION|TIME|DIRECTION|EVENT|SESSION|... */
static void
handle_report(struct sts_filter *f, struct sts_cursor c)
{
	struct sts_span version, time, direction, name, session;
	char text[STS_SESSION_ID_MAX + 1];
	struct event e;

	if (!sts_cursor_until(&c, '|', &version) ||
	    !sts_cursor_until(&c, '|', &time) ||
	    !sts_cursor_until(&c, '|', &direction) ||
	    !sts_cursor_until(&c, '|', &name) ||
	    !sts_cursor_until(&c, '|', &session) ||
	    !parse_id(session, text, &e.id))
		return;
	e.old = is_old(version);
	e.line = (struct sts_span){c.p, sts_cursor_left(&c)};
	(void)sts_span_copy(e.line, e.rest, sizeof(e.rest));
	if (sts_span_is(direction, "smtp-in"))
		handle_in(f, name, &e);
	else if (sts_span_is(direction, "smtp-out"))
		handle_out(f, name, &e);
}

/* VERSION|TIME|smtp-in|rcpt-to|SESSION|TOKEN|ADDRESS */
static void
handle_request(struct sts_filter *f, struct sts_cursor c, bool cut)
{
	struct sts_span skipped, direction, phase, session, token;
	char recipient[FIELD_MAX + 1];
	struct sts_request r;
	uint64_t id;

	if (!sts_cursor_until(&c, '|', &skipped) ||
	    !sts_cursor_until(&c, '|', &skipped) ||
	    !sts_cursor_until(&c, '|', &direction) ||
	    !sts_cursor_until(&c, '|', &phase) ||
	    !sts_cursor_until(&c, '|', &session) ||
	    !sts_cursor_until(&c, '|', &token) ||
	    !sts_span_is(direction, "smtp-in") ||
	    !sts_span_is(phase, "rcpt-to") ||
	    !parse_id(session, r.session, &r.id) ||
	    !parse_id(token, r.token, &id))
		return;
	/* smtpd never asks before; if it does, this must come first. */
	register_events(f);
	/* An address that was cut off, or contains a NUL, has no domain. */
	if (!sts_span_copy((struct sts_span){c.p, sts_cursor_left(&c)},
		recipient, sizeof(recipient)) ||
	    cut)
		recipient[0] = '\0';
	sts_hold_recipient(f, &r, recipient);
}

void
sts_filter_handle_line(void *filter, struct sts_span line, bool cut)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);

	if (sts_cursor_literal(&c, "filter|"))
		handle_request(filter, c, cut);
	else if (sts_cursor_literal(&c, "report|")) {
		if (!cut)
			handle_report(filter, c);
	} else if (sts_cursor_literal(&c, "config|"))
		handle_config(
		    filter, (struct sts_span){c.p, sts_cursor_left(&c)});
}
