/* SPDX-License-Identifier: ISC */
/*
 * The text protocol: "table|0.1|TIME|NAME|check|domain|ID|KEY".
 *
 * smtpd sends one request and reads one line; if that does not begin with the
 * request's name and id, it exits.  So a line that is not a request gets no
 * answer, an invalid request gets an error, and an id is repeated only if it
 * can do no harm.
 */
#include "opensmtpd/table/table_proto.h"

#include <stdio.h>
#include <string.h>

enum { ID_MAX = 64, REPLY_MAX = 512 };

/* A request, split at its bars. */
struct request {
	struct sts_span op; /* check, lookup, fetch, update */
	struct sts_span service;
	char id[ID_MAX + 1];
	char key[STS_KEY_MAX + 1];
};

/* Once, even if the request is repeated. */
static void
register_services(struct sts_table_text *t)
{
	static const char lines[] =
	    "register|domain\nregister|relayhost\nregister|ready\n";

	if (!t->registered)
		sts_output_add(t->output, lines, sizeof(lines) - 1);
	t->registered = true;
}

/* An id that is sent back must not end a field or a line. */
static bool
parse_id(struct sts_span span, char id[ID_MAX + 1])
{
	for (size_t i = 0; i < span.len; i++) {
		if (!sts_is_alnum((unsigned char)span.p[i]))
			return false;
	}
	return span.len > 0 && sts_span_copy(span, id, ID_MAX + 1);
}

/*
 * False if it is not a request.  A key that is too long or contains a NUL
 * cannot be a domain, and counts as empty.
 */
static bool
parse_request(struct sts_span line, struct request *r)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	struct sts_span skipped, id;

	memset(r, 0, sizeof(*r));
	for (int i = 0; i < 3; i++) { /* version, time, name of the table */
		if (!sts_cursor_until(&c, '|', &skipped))
			return false;
	}
	if (!sts_cursor_until(&c, '|', &r->op))
		return false;
	if (!sts_span_is(r->op, "update") &&
	    !sts_cursor_until(&c, '|', &r->service))
		return false;
	if (!sts_cursor_until(&c, '|', &id) || !parse_id(id, r->id))
		return false;
	(void)sts_span_copy((struct sts_span){c.p, sts_cursor_left(&c)}, r->key,
	    sizeof(r->key));
	return true;
}

/* A whole line. */
static void
put_result(struct sts_table_text *t, const char *op, const char *id,
    const char *result)
{
	char line[REPLY_MAX];
	int len =
	    snprintf(line, sizeof(line), "%s-result|%s|%s\n", op, id, result);

	/* All of it is bounded: it fits. */
	if (len > 0 && (size_t)len < sizeof(line))
		sts_output_add(t->output, line, (size_t)len);
}

/* Only a lookup has a value, only an error has a reason. */
static void
put_reply(struct sts_table_text *t, const struct request *r,
    const struct sts_reply *reply, bool with_value)
{
	const char *op = with_value ? "lookup" : "check";
	char result[REPLY_MAX - ID_MAX - 32];

	if (reply->found == STS_NOT_IN_TABLE)
		put_result(t, op, r->id, "not-found");
	else if (reply->found == STS_FOUND && !with_value)
		put_result(t, op, r->id, "found");
	else {
		(void)snprintf(result, sizeof(result), "%s|%s",
		    reply->found == STS_FOUND ? "found" : "error", reply->text);
		put_result(t, op, r->id, result);
	}
}

/* Also answers for a service that was not registered. */
static void
handle_request(struct sts_table_text *t, const struct request *r)
{
	struct sts_reply reply = {STS_ERROR, "service"};

	if (sts_span_is(r->op, "update"))
		put_result(t, "update", r->id,
		    sts_table_update(t->table) ? "ok" : "error|config");
	else if (sts_span_is(r->op, "fetch"))
		put_result(t, "fetch", r->id, "error|service");
	else if (sts_span_is(r->op, "check")) {
		if (sts_span_is(r->service, "domain"))
			sts_table_check(t->table, r->key, &reply);
		put_reply(t, r, &reply, false);
	} else if (sts_span_is(r->op, "lookup")) {
		if (sts_span_is(r->service, "relayhost"))
			sts_table_lookup(t->table, r->key, &reply);
		put_reply(t, r, &reply, true);
	}
}

static void
handle_line(void *arg, struct sts_span line, bool cut)
{
	struct sts_table_text *t = arg;
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	struct request r;

	if (sts_span_is(line, "config|ready")) {
		register_services(t);
		return;
	}
	if (!sts_cursor_literal(&c, "table|") ||
	    !parse_request((struct sts_span){c.p, sts_cursor_left(&c)}, &r))
		return;
	if (cut)
		r.key[0] = '\0';
	/* smtpd never asks before; if it does, this must come first. */
	register_services(t);
	handle_request(t, &r);
}

void
sts_table_text_feed(struct sts_table_text *text, const char *bytes, size_t len)
{
	sts_lines_feed(&text->lines, bytes, len, handle_line, text);
}
