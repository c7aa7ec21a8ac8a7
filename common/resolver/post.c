/* SPDX-License-Identifier: ISC */
/* Reports by HTTPS, RFC 8460 5.4: addresses and the fetcher as for a policy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/escape.h"
#include "core/domain.h"
#include "fetcher/wire.h"
#include "resolver/resolver.h"

struct posting {
	char host[STS_NAME_MAX + 1];
	char target[STS_WIRE_TARGET_MAX + 1];
	struct sts_timer timer; /* for an end at once */
	sts_post_done *done;
	void *arg;
};

static bool
is_in_authority(int byte)
{
	return byte != '/' && byte != '?' && byte != '#';
}

/*
 * Host and target of "https://HOST[:443][/PATH][?QUERY]".  Any other port is
 * one that the fetcher's sandbox denies.
 */
static bool
split_url(const char *url, struct posting *p)
{
	struct sts_cursor c = sts_cursor_make(url, strlen(url)), rest;
	char host[STS_NAME_MAX + 1];
	struct sts_span authority, name;

	if (!sts_cursor_literal(&c, "https://"))
		return false;
	authority = sts_cursor_while(&c, is_in_authority);
	rest = sts_cursor_make(authority.p, authority.len);
	if (!sts_cursor_until(&rest, ':', &name) ||
	    !sts_span_copy(name, host, sizeof(host)) ||
	    sts_domain_normalise(host, p->host) != STS_OK)
		return false;
	if (name.len < authority.len &&
	    !(sts_cursor_literal(&rest, "443") && sts_cursor_left(&rest) == 0))
		return false;
	return snprintf(p->target, sizeof(p->target), "%s%s",
		   sts_cursor_peek(&c) == '/' ? "" : "/",
		   c.p) < (int)sizeof(p->target) &&
	    sts_wire_is_target(p->target);
}

static void
on_fetch(void *arg, const struct sts_fetch_result *result)
{
	struct posting *p = arg;

	p->done(p->arg, result->status, result->detail);
	free(p);
}

static void
refuse(void *arg)
{
	struct posting *p = arg;

	p->done(p->arg, STS_RECORD_BAD_RUA, "");
	free(p);
}

bool
sts_post_start(struct sts_resolver *r, const char *url, const char *body,
    size_t len, sts_post_done *done, void *arg)
{
	struct posting *p = calloc(1, sizeof(*p));
	struct sts_post post;

	if (p == NULL)
		return false;
	p->done = done;
	p->arg = arg;
	if (!split_url(url, p)) {
		sts_timer_set(r->loop, &p->timer, 0, refuse, p);
		return true;
	}
	post = (struct sts_post){p->host, p->target, body, len};
	if (sts_fetch_post(&r->network, &post, r->port,
		r->config->dns_timeout * 1000, r->config->fetch_timeout * 1000,
		on_fetch, p) != NULL)
		return true;
	free(p);
	return false;
}

/* The program of one post. */

/* False where there is less: what wrote it has died. */
static bool
read_body(int in, char *body, size_t len)
{
	while (len > 0) {
		ssize_t n = read(in, body, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		body += n;
		len -= (size_t)n;
	}
	return true;
}

struct answer {
	bool done;
	enum sts_status status;
	char detail[4 * STS_WIRE_DETAIL_MAX + 6];
};

static void
on_posted(void *arg, enum sts_status status, const char *detail)
{
	struct answer *a = arg;

	a->done = true;
	a->status = status;
	(void)sts_escape_into(
	    a->detail, sizeof(a->detail), detail, strlen(detail));
}

static enum sts_status
run(struct sts_resolver *r, const char *url, const char *body, size_t len,
    struct answer *a)
{
	enum sts_status status = STS_OK;

	if (!sts_post_start(r, url, body, len, on_posted, a))
		return STS_NO_MEMORY;
	while (!a->done && status == STS_OK)
		status = sts_loop_step(r->loop, 1000);
	return a->done ? a->status : status;
}

enum sts_status
sts_post_run(
    struct sts_resolver *r, const char *url, size_t len, int in, int out)
{
	struct answer a = {.status = STS_BAD_LINE};
	char line[sizeof(a.detail) + 100];
	enum sts_status status = STS_BAD_LINE;
	char *body = malloc(len);
	int n;

	if (body == NULL)
		status = STS_NO_MEMORY;
	else if (read_body(in, body, len))
		status = run(r, url, body, len, &a);
	n = snprintf(line, sizeof(line), "done post %s %s\n",
	    sts_status_name(status), a.detail);
	if (write(out, line, (size_t)n) < 0)
		status = STS_INTERNAL;
	free(body);
	return status;
}
