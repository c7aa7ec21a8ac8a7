/* SPDX-License-Identifier: ISC */
/*
 * One fetch: addresses of the policy host -> for a refresh, a pause
 * (pace.h) -> a request to mta-sts-fetcher -> the callback.
 *
 * The addresses are looked up here, since the fetcher has no DNS in its
 * sandbox, and since a name from outside must not lead to a private address:
 * the fetcher connects only to the addresses in the request.  Its reply is
 * passed on unchanged; resolver/fetcher.c has checked its form, and the lookup
 * parses the policy.
 *
 * finish() is the only end: it stops the timer, the question and the request
 * before it calls back, so each fetch calls back once and never from
 * sts_fetch_start.
 */
#include "resolver/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "core/domain.h"

struct sts_fetch {
	const struct sts_fetch_context *context;
	sts_fetch_done *done;
	void *arg;
	struct sts_wire_request request;
	const char *post;                  /* the body of a post, else NULL */
	struct sts_dns_query *question;    /* while addresses are looked up */
	struct sts_fetcher_request *asked; /* after that */
	struct sts_timer timer;            /* for an immediate end, or a wait */
	struct sts_pace *pace;             /* NULL: no wait */
	struct sts_fetch_result result;
};

/*
 * After this nothing happens to the fetch any more, so the callback may do
 * anything.
 */
static void
release(struct sts_fetch *fetch)
{
	sts_timer_clear(fetch->context->loop, &fetch->timer);
	sts_dns_cancel(fetch->question);
	sts_fetcher_cancel(fetch->asked);
}

static void
finish(struct sts_fetch *fetch, enum sts_status status, const char *detail)
{
	struct sts_fetch_result *result = &fetch->result;

	release(fetch);
	result->status = status;
	sts_copy_head(result->detail, detail, sizeof(result->detail));
	fetch->done(fetch->arg, result);
	free(fetch);
}

static void
replied(void *arg, const struct sts_wire_reply *reply, const char *body)
{
	struct sts_fetch *fetch = arg;

	fetch->asked = NULL;
	if (reply->status == STS_OK && fetch->post == NULL) {
		fetch->result.body = body != NULL ? body : "";
		fetch->result.body_len = reply->length;
	}
	finish(fetch, reply->status, reply->detail);
}

/* Selects the addresses to which a name from outside may lead. */
static void
select_addresses(
    struct sts_fetch *fetch, const struct sts_address *found, size_t count)
{
	struct sts_wire_request *r = &fetch->request;
	bool allow_private = fetch->context->config->allow_private;

	r->count = 0;
	for (size_t i = 0; i < count && r->count < STS_WIRE_ADDRESSES; i++) {
		if (allow_private || !sts_address_is_private(&found[i]))
			r->addresses[r->count++] = found[i];
	}
}

/*
 * A host without an address and one whose address is undetermined are different
 * failures of the fetch; a local fault is neither.
 */
static enum sts_status
address_failure(enum sts_status status)
{
	if (status == STS_DNS_NXDOMAIN || status == STS_DNS_NODATA)
		return STS_FETCH_NO_ADDRESS;
	return sts_status_is_local(status) ? status : STS_FETCH_DNS;
}

static void
ask_fetcher(void *arg)
{
	struct sts_fetch *fetch = arg;

	fetch->asked = sts_fetcher_post(fetch->context->fetcher,
	    &fetch->request, fetch->post, replied, fetch);
	if (fetch->asked == NULL)
		finish(fetch, STS_NO_MEMORY, "");
}

static void
keep_pace(struct sts_fetch *fetch)
{
	int64_t wait_ms = sts_pace_reserve(
	    fetch->pace, &fetch->request.addresses[0], sts_monotonic_ms());

	if (wait_ms < 0)
		finish(fetch, STS_TOO_SOON, "");
	else if (wait_ms == 0)
		ask_fetcher(fetch);
	else
		sts_timer_set(fetch->context->loop, &fetch->timer, wait_ms,
		    ask_fetcher, fetch);
}

static void
addresses_found(void *arg, enum sts_status status,
    const struct sts_address *found, size_t count)
{
	struct sts_fetch *fetch = arg;

	fetch->question = NULL;
	if (status != STS_OK) {
		finish(fetch, address_failure(status), sts_status_text(status));
		return;
	}
	select_addresses(fetch, found, count);
	if (fetch->request.count == 0) {
		finish(fetch, STS_FETCH_PRIVATE, "");
		return;
	}
	if (fetch->pace != NULL)
		keep_pace(fetch);
	else
		ask_fetcher(fetch);
}

/* Never from sts_fetch_start itself, whose caller has no pointer yet. */
static void
end_at_once(void *arg)
{
	struct sts_fetch *fetch = arg;

	finish(fetch, fetch->result.status, "");
}

/* What is not a domain name could change the meaning of a URL. */
static enum sts_status
name_host(struct sts_wire_request *r, const char *domain)
{
	if (!sts_domain_is_normalised(domain))
		return STS_INTERNAL;
	return snprintf(r->host, sizeof(r->host), "mta-sts.%s", domain) <
		(int)sizeof(r->host)
	    ? STS_OK
	    : STS_FETCH_NO_ADDRESS;
}

/* Begins with the addresses, or ends with what is wrong already. */
static struct sts_fetch *
begin(struct sts_fetch *fetch, int64_t dns_timeout_ms, enum sts_status status)
{
	if (status == STS_OK) {
		fetch->question =
		    sts_dns_address(fetch->context->dns, fetch->request.host,
			dns_timeout_ms, addresses_found, fetch);
		if (fetch->question == NULL)
			status = STS_NO_MEMORY;
	}
	fetch->result.status = status;
	if (status != STS_OK)
		sts_timer_set(
		    fetch->context->loop, &fetch->timer, 0, end_at_once, fetch);
	return fetch;
}

struct sts_fetch *
sts_fetch_start(const struct sts_fetch_context *context, const char *domain,
    uint16_t port, int64_t dns_timeout_ms, int64_t fetch_timeout_ms,
    sts_fetch_done *done, void *arg)
{
	struct sts_fetch *fetch = calloc(1, sizeof(*fetch));

	if (fetch == NULL)
		return NULL;
	fetch->context = context;
	fetch->done = done;
	fetch->arg = arg;
	fetch->request.kind = STS_WIRE_POLICY;
	fetch->request.port = port;
	fetch->request.timeout_ms = fetch_timeout_ms;
	return begin(fetch, dns_timeout_ms, name_host(&fetch->request, domain));
}

struct sts_fetch *
sts_fetch_post(const struct sts_fetch_context *context,
    const struct sts_post *post, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg)
{
	struct sts_fetch *fetch = calloc(1, sizeof(*fetch));
	bool sound = sts_domain_is_normalised(post->host) &&
	    sts_wire_is_target(post->target) && post->len > 0 &&
	    post->len <= STS_WIRE_POST_MAX;

	if (fetch == NULL)
		return NULL;
	fetch->context = context;
	fetch->done = done;
	fetch->arg = arg;
	fetch->post = post->body;
	fetch->request = (struct sts_wire_request){.kind = STS_WIRE_POST,
	    .port = port,
	    .timeout_ms = fetch_timeout_ms,
	    .length = post->len};
	if (sound) {
		sts_copy_head(fetch->request.host, post->host,
		    sizeof(fetch->request.host));
		sts_copy_head(fetch->request.target, post->target,
		    sizeof(fetch->request.target));
	}
	return begin(fetch, dns_timeout_ms, sound ? STS_OK : STS_INTERNAL);
}

struct sts_fetch *
sts_fetch_examine(const struct sts_fetch_context *context, const char *host,
    const char *target, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg)
{
	struct sts_fetch *fetch = calloc(1, sizeof(*fetch));
	bool sound =
	    sts_domain_is_normalised(host) && sts_wire_is_target(target);

	if (fetch == NULL)
		return NULL;
	fetch->context = context;
	fetch->done = done;
	fetch->arg = arg;
	fetch->request = (struct sts_wire_request){.kind = STS_WIRE_EXAMINE,
	    .port = port,
	    .timeout_ms = fetch_timeout_ms};
	if (sound) {
		sts_copy_head(
		    fetch->request.host, host, sizeof(fetch->request.host));
		sts_copy_head(fetch->request.target, target,
		    sizeof(fetch->request.target));
	}
	return begin(fetch, dns_timeout_ms, sound ? STS_OK : STS_INTERNAL);
}

void
sts_fetch_set_pace(struct sts_fetch *fetch, struct sts_pace *pace)
{
	fetch->pace = pace;
}

void
sts_fetch_cancel(struct sts_fetch *fetch)
{
	if (fetch == NULL)
		return;
	release(fetch);
	free(fetch);
}
