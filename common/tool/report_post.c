/* SPDX-License-Identifier: ISC */
/*
 * Reports by HTTPS: a resolver of its own looks the host up and posts the
 * report through a fetcher, as mta-sts-resolver(8) describes.
 */
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "client/ask.h"
#include "fetcher/wire.h"
#include "tool/report_post.h"

enum {
	GRACE_MS = 5000,   /* beyond the limits of the resolver */
	EXIT_MS = 1000,    /* from its answer to its end */
	DETAIL_MAX = 1000, /* bytes of its last field, escaped */
	STATUS_GONE = 410
};

/* The resolver's answer. */
struct answer {
	enum sts_status status;
	char detail[DETAIL_MAX];
};

/* "done post STATUS DETAIL" */
static bool
parse_answer(const char *line, size_t len, struct answer *answer)
{
	struct sts_cursor c = sts_cursor_make(line, len);
	struct sts_span text, word;
	char token[64];

	answer->detail[0] = '\0';
	return len > 0 && line[len - 1] == '\n' && sts_cursor_line(&c, &text) &&
	    (c = sts_cursor_make(text.p, text.len),
		sts_cursor_literal(&c, "done post ")) &&
	    sts_cursor_until(&c, ' ', &word) &&
	    sts_span_copy(word, token, sizeof(token)) &&
	    sts_status_parse(token, &answer->status) &&
	    sts_span_copy((struct sts_span){c.p, sts_cursor_left(&c)},
		answer->detail, sizeof(answer->detail));
}

/* Runs the resolver; without an answer the post may have arrived. */
static void
run_resolver(const struct sts_config *config, const char *url,
    const char *bytes, size_t len, struct answer *answer)
{
	int64_t deadline_ms =
	    sts_monotonic_ms() + sts_config_lookup_ms(config) + GRACE_MS;
	char line[DETAIL_MAX + 100];
	struct sts_child child;
	ssize_t n;

	answer->detail[0] = '\0';
	answer->status = sts_client_start_post(config, url, len, &child);
	if (answer->status != STS_OK)
		return;
	/* Of a part of it nothing is posted. */
	(void)sts_child_write(&child, bytes, len, deadline_ms);
	n = sts_child_read(&child, line, sizeof(line), true, deadline_ms);
	if (n <= 0 || !parse_answer(line, (size_t)n, answer))
		answer->status =
		    n < 0 ? STS_RESOLVER_TIMEOUT : STS_RESOLVER_DIED;
	(void)sts_child_finish(&child, sts_monotonic_ms() + EXIT_MS);
}

/* "HTTP status 500" is "http-500". */
static int
http_status(const char *detail)
{
	struct sts_cursor c = sts_cursor_make(detail, strlen(detail));
	int64_t number = 0;

	(void)(sts_cursor_literal(&c, "HTTP status ") &&
	    sts_cursor_number(&c, 3, &number));
	return (int)number;
}

/*
 * A host that has not got the whole report has taken nothing.  One that has got
 * it may have taken it, and so where a process of ours has died.
 */
static enum sts_attempt
attempt_of(const struct answer *answer)
{
	switch (answer->status) {
	case STS_OK:
		return STS_ATTEMPT_TAKEN;
	case STS_RECORD_BAD_RUA:
		return STS_ATTEMPT_REFUSED;
	case STS_FETCH_STATUS:
		return http_status(answer->detail) == STATUS_GONE
		    ? STS_ATTEMPT_REFUSED
		    : STS_ATTEMPT_LATER;
	case STS_FETCH_TIMEOUT:
		return strcmp(answer->detail, STS_WIRE_POSTED) == 0
		    ? STS_ATTEMPT_UNSURE
		    : STS_ATTEMPT_LATER;
	case STS_RESOLVER_DIED:
	case STS_RESOLVER_TIMEOUT:
	case STS_FETCHER_DIED:
	case STS_FETCHER_TIMEOUT:
	case STS_FETCHER_REPLY:
		return STS_ATTEMPT_UNSURE;
	default:
		return STS_ATTEMPT_LATER;
	}
}

static void
set_reason(struct sts_attempt_result *result, const struct answer *answer)
{
	int http = http_status(answer->detail);

	if (answer->status == STS_OK)
		result->reason[0] = '\0';
	else if (http > 0)
		(void)snprintf(
		    result->reason, sizeof(result->reason), "http-%d", http);
	else
		sts_copy_head(result->reason, sts_status_name(answer->status),
		    sizeof(result->reason));
}

void
sts_report_post(struct sts_deliver *d, const struct sts_report_job *job,
    const struct sts_delivery *to, struct sts_attempt_result *result)
{
	struct answer answer;

	run_resolver(d->config, to->uri, job->packed, job->packed_len, &answer);
	result->what = attempt_of(&answer);
	result->local = sts_status_is_local(answer.status);
	result->slow = answer.status == STS_FETCH_TIMEOUT ||
	    answer.status == STS_FETCH_CONNECT ||
	    answer.status == STS_RESOLVER_TIMEOUT;
	set_reason(result, &answer);
	/* RFC 8460 3: that does not stop the report. */
	if (answer.status == STS_OK && answer.detail[0] != '\0')
		sts_log(STS_LOG_WARNING, job->domain,
		    "event=report-certificate destination=%s error=\"%s\"",
		    to->uri, answer.detail);
}
