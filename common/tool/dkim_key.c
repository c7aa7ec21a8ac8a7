/* SPDX-License-Identifier: ISC */
#include "tool/dkim_key.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "tool/resolver_lines.h"

enum { SPARE_MS = 5000 };

/* The value of a tag of "tag=value; tag=value"; false: it has none. */
static bool
find_tag(const char *record, const char *tag, struct sts_span *value)
{
	struct sts_cursor c = sts_cursor_make(record, strlen(record));
	struct sts_span part, name;

	while (sts_cursor_left(&c) > 0) {
		struct sts_cursor p;

		(void)sts_cursor_until(&c, ';', &part);
		p = sts_cursor_make(part.p, part.len);
		if (!sts_cursor_until(&p, '=', &name) ||
		    !sts_span_is(sts_span_trim(name), tag))
			continue;
		*value =
		    sts_span_trim((struct sts_span){p.p, sts_cursor_left(&p)});
		return true;
	}
	return false;
}

/* Whether a list of services, separated by colons, has tlsrpt or "*". */
static bool
serves_reports(struct sts_span list)
{
	struct sts_cursor c = sts_cursor_make(list.p, list.len);
	struct sts_span service;

	while (sts_cursor_left(&c) > 0) {
		(void)sts_cursor_until(&c, ':', &service);
		service = sts_span_trim(service);
		if (sts_span_is(service, "*") || sts_span_is(service, "tlsrpt"))
			return true;
	}
	return false;
}

void
sts_dkim_check_record(
    struct sts_findings *f, const char *name, const char *record)
{
	struct sts_span value;

	if (!find_tag(record, "p", &value) || value.len == 0)
		sts_report_problem(f, STS_FIND_WARNING,
		    "publish the key that signs",
		    "%s: the key is missing or revoked (p=), so TLS reports "
		    "do not count as signed",
		    name);
	if (find_tag(record, "s", &value) && !serves_reports(value))
		sts_report_problem(f, STS_FIND_WARNING,
		    "remove s= from the record, or add tlsrpt to it: "
		    "s=email:tlsrpt",
		    "%s: s=%.*s does not allow the key for TLS reports "
		    "(RFC 8460 3)",
		    name, (int)value.len, value.p);
}

/* What the resolver says, line by line. */
struct reply {
	char record[STS_RESOLVER_LINE_BYTES]; /* the first one that looks like a
						 key */
	char status[64];
};

static void
take_line(void *arg, char *line)
{
	struct reply *reply = arg;
	struct sts_span p;

	if (strncmp(line, "txt ", 4) == 0 && reply->record[0] == '\0' &&
	    find_tag(line + 4, "p", &p))
		(void)snprintf(
		    reply->record, sizeof(reply->record), "%s", line + 4);
	else if (strncmp(line, "done txt ", 9) == 0)
		(void)snprintf(
		    reply->status, sizeof(reply->status), "%.63s", line + 9);
}

static enum sts_status
ask(struct reply *reply, const struct sts_config *config, const char *name)
{
	const char *arguments[] = {"--txt", name, NULL};

	return sts_tool_resolver_lines(config, arguments,
	    config->dns_timeout * 1000 + SPARE_MS, take_line, reply);
}

void
sts_dkim_check_key(
    struct sts_findings *f, const struct sts_config *config, const char *name)
{
	struct reply reply = {.record = ""};
	enum sts_status status = ask(&reply, config, name);
	bool absent = strcmp(reply.status, "dns_nxdomain") == 0 ||
	    strcmp(reply.status, "dns_nodata") == 0;

	if (reply.record[0] != '\0')
		sts_dkim_check_record(f, name, reply.record);
	else if (absent || strcmp(reply.status, "ok") == 0)
		sts_report_problem(f, STS_FIND_WARNING,
		    "publish the key that signs",
		    "%s: there is no DKIM key, so TLS reports do not count as "
		    "signed",
		    name);
	else
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "%s: the DKIM key could not be queried: %s", name,
		    status != STS_OK              ? sts_status_text(status)
			: reply.status[0] != '\0' ? reply.status
						  : "no answer");
}
