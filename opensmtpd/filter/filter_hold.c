/* SPDX-License-Identifier: ISC */
/*
 * Recipients that wait.  The table must not wait for a lookup, this filter may:
 * so when smtpd asks the table, everything is in the store.
 *
 * A domain with waiting recipients has one struct wait and one pending question
 * to the resolver, however many they are:
 *
 *	lookup -> [enforce: routes] -> all its recipients are answered
 *
 * A recipient leaves earlier at its own deadline, since smtpd has none and does
 * not report when a client leaves; but it exits if it is answered twice.  So a
 * request is either answered at once or is one struct sts_hold, whose end, in
 * end_hold, is its answer.
 */
#include "opensmtpd/filter/filter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "opensmtpd/choose_mx.h"

/* What the waiting recipients of a domain wait for. */
struct wait {
	struct sts_hashmap_node node;
	enum sts_worker_what what;
	struct sts_hold *first, *last; /* in the order of arrival */
	char domain[];
};

struct sts_hold {
	struct sts_hold *next, *prev; /* by deadline */
	struct sts_hold *next_same;   /* of the same domain */
	struct wait *wait;
	struct sts_request request;
	bool socket;
	int64_t began_ms;
	int64_t end_ms;
};

/* Why smtpd would get no host for this domain, if so. */
static enum sts_decision
decide(const struct sts_domain_state *k)
{
	const struct sts_route *route;
	enum sts_status status;

	if (k->verdict != STS_VERDICT_ENFORCE || k->routes_status != STS_OK ||
	    !k->routes_fresh)
		return STS_PROCEED;
	status = sts_choose_host(&k->routes, sts_domain_state_policy(k),
	    (int64_t)time(NULL), &route);
	switch (status) {
	case STS_NO_MATCH:
	case STS_MX_NO_ADDRESS:
	case STS_MX_PRIVATE:
	case STS_NULL_MX:
	case STS_NO_MX_HOST:
	case STS_DNS_NXDOMAIN:
		return STS_REFUSE_NO_MX;
	default:
		return sts_probe_failed_tls(status) ? STS_REFUSE_CERTIFICATE
						    : STS_PROCEED;
	}
}

static void
ask_probes(struct sts_filter *f, const struct sts_domain_state *k)
{
	enum sts_moment moment = f->gate ? STS_MAIL_GATED : STS_MAIL_PASSED;

	for (size_t i = 0; i < k->routes.count; i++) {
		const struct sts_route *r = &k->routes.route[i];

		if (sts_route_wants_probe(&f->config, k, r, moment))
			(void)sts_worker_probe(f->worker, r->host, "");
	}
}

/* `k` is NULL if the lookup has no result. */
static void
answer(struct sts_filter *f, const struct sts_request *request, bool socket,
    const struct sts_domain_state *k)
{
	enum sts_decision decision = STS_PROCEED;

	/* sendmail has no queue for what is refused. */
	if (f->gate && !socket && k != NULL)
		decision = decide(k);
	sts_filter_answer(f, request, decision);
}

static void
unlink_hold(struct sts_holds *holds, struct sts_hold *h)
{
	if (h->prev != NULL)
		h->prev->next = h->next;
	else
		holds->first = h->next;
	if (h->next != NULL)
		h->next->prev = h->prev;
	else
		holds->last = h->prev;
	holds->count--;
}

/* Ordered by deadline; nearly all belong at the end. */
static void
link_hold(struct sts_holds *holds, struct sts_hold *h)
{
	struct sts_hold *before = holds->last;

	while (before != NULL && before->end_ms > h->end_ms)
		before = before->prev;
	h->prev = before;
	h->next = before != NULL ? before->next : holds->first;
	if (h->next != NULL)
		h->next->prev = h;
	else
		holds->last = h;
	if (before != NULL)
		before->next = h;
	else
		holds->first = h;
	holds->count++;
}

/* Ends a hold that is in no wait's list any more. */
static void
end_hold(
    struct sts_filter *f, struct sts_hold *h, const struct sts_domain_state *k)
{
	struct sts_session *s = sts_session_find(f, h->request.id);

	if (s != NULL)
		s->held_ms += sts_monotonic_ms() - h->began_ms;
	answer(f, &h->request, h->socket, k);
	unlink_hold(&f->holds, h);
	free(h);
}

/* Two domains may have one hash. */
static struct wait *
find_wait(const struct sts_filter *f, const char *domain)
{
	struct wait *w =
	    sts_hashmap_find(&f->holds.domains, sts_hashmap_hash(domain));

	while (w != NULL && strcmp(w->domain, domain) != 0)
		w = sts_hashmap_next(&w->node);
	return w;
}

static void
forget_wait(struct sts_filter *f, struct wait *w)
{
	sts_hashmap_remove(&f->holds.domains, &w->node);
	free(w);
}

/* Asks the resolver about a domain; NULL if that is not possible. */
static struct wait *
start_wait(struct sts_filter *f, const char *domain, enum sts_worker_what what)
{
	size_t size = strlen(domain) + 1;
	struct wait *w;

	if ((w = calloc(1, sizeof(*w) + size)) == NULL)
		return NULL;
	if (!sts_worker_ask(f->worker, what, domain)) {
		free(w);
		return NULL;
	}
	w->what = what;
	memcpy(w->domain, domain, size);
	sts_hashmap_insert(
	    &f->holds.domains, &w->node, sts_hashmap_hash(domain));
	return w;
}

/* How long this recipient may wait, in milliseconds. */
static int64_t
wait_limit_ms(const struct sts_filter *f, const struct sts_session *s)
{
	int64_t lookup = sts_config_lookup_ms(&f->config) + STS_HOLD_GRACE_MS;
	int64_t left = STS_HOLD_TRANSACTION_MS - s->held_ms;

	return sts_min(left, lookup);
}

/* False if it cannot wait: then the request is not answered yet. */
static bool
hold(struct sts_filter *f, const struct sts_session *s,
    const struct sts_request *request, const char *domain,
    enum sts_worker_what what)
{
	struct wait *w = find_wait(f, domain);
	int64_t limit = wait_limit_ms(f, s);
	struct sts_hold *h;

	if (w == NULL && (w = start_wait(f, domain, what)) == NULL)
		return false;
	/* The lookup continues nevertheless. */
	if (limit <= 0 || f->holds.count >= STS_HOLDS_MAX ||
	    (h = calloc(1, sizeof(*h))) == NULL)
		return false;
	h->request = *request;
	h->socket = s->socket;
	h->began_ms = sts_monotonic_ms();
	h->end_ms = h->began_ms + limit;
	h->wait = w;
	if (w->last != NULL)
		w->last->next_same = h;
	else
		w->first = h;
	w->last = h;
	link_hold(&f->holds, h);
	return true;
}

/* Answers at once if no wait is needed or possible. */
void
sts_hold_recipient(struct sts_filter *f, const struct sts_request *request,
    const char *recipient)
{
	struct sts_session *s = sts_session_find(f, request->id);
	char name[STS_LINE_MAX + 1];
	struct sts_domain_state k;
	enum sts_worker_what what;

	if (s == NULL || !s->ours || f->config_status != STS_OK ||
	    !sts_recipient_domain(recipient, name, sizeof(name))) {
		sts_filter_answer(f, request, STS_PROCEED);
		return;
	}
	sts_domain_state_read(&f->config, name, true, &k);
	if (k.due)
		sts_refresh_want(f, k.domain);
	if (!sts_domain_state_needs(&k, STS_MAIL_COMES, &what) ||
	    !hold(f, s, request, k.domain, what)) {
		answer(f, request, s->socket, &k);
		ask_probes(f, &k);
		sts_relay_learn(f, &k);
		sts_report_expect(f, &k);
	}
	sts_domain_state_free(&k);
}

/* Ends the wait of all recipients of this domain. */
static void
release(struct sts_filter *f, struct wait *w, const struct sts_domain_state *k)
{
	struct sts_hold *h = w->first, *next;

	for (; h != NULL; h = next) {
		next = h->next_same;
		end_hold(f, h, k);
	}
	ask_probes(f, k);
	sts_relay_learn(f, k);
	sts_report_expect(f, k);
	forget_wait(f, w);
}

bool
sts_hold_done(struct sts_filter *f, enum sts_worker_what what,
    const char *domain, enum sts_status status)
{
	struct wait *w = find_wait(f, domain);
	enum sts_worker_what next;
	struct sts_domain_state k;

	if (w == NULL || w->what != what)
		return false;
	sts_domain_state_read(&f->config, domain, true, &k);
	/* After a fault asking for more is useless. */
	if (what == STS_WORKER_LOOKUP && status == STS_OK &&
	    sts_domain_state_needs(&k, STS_MAIL_LOOKED_UP, &next) &&
	    sts_worker_ask(f->worker, next, domain))
		w->what = next;
	else
		release(f, w, &k);
	sts_domain_state_free(&k);
	return true;
}

/* The first to end is near the front, since waits are about equally long. */
static void
leave_wait(struct sts_hold *h)
{
	struct wait *w = h->wait;
	struct sts_hold *before = NULL, *at = w->first;

	while (at != h) {
		before = at;
		at = at->next_same;
	}
	if (before != NULL)
		before->next_same = h->next_same;
	else
		w->first = h->next_same;
	if (w->last == h)
		w->last = before;
}

void
sts_hold_expire(struct sts_filter *f, bool all)
{
	int64_t now = sts_monotonic_ms();
	struct sts_hold *h;

	while ((h = f->holds.first) != NULL && (all || h->end_ms <= now)) {
		if (!all)
			sts_log(STS_LOG_WARNING, h->wait->domain,
			    "event=hold reason=deadline session=%s",
			    h->request.session);
		leave_wait(h);
		end_hold(f, h, NULL);
	}
}

int64_t
sts_hold_due_ms(const struct sts_filter *f)
{
	return f->holds.first != NULL ? f->holds.first->end_ms : INT64_MAX;
}
