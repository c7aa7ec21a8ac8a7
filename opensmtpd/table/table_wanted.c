/* SPDX-License-Identifier: ISC */
/*
 * smtpd asks once an envelope, and a domain whose answer stays outdated must
 * not cause a lookup each time: so each is noted for a while, whatever its
 * result.
 */
#include "opensmtpd/table/table_answer.h"

#include <string.h>

#include "base/clock.h"
#include "base/hashmap.h"
#include "opensmtpd/choose_mx.h"
#include "opensmtpd/daemon.h"

enum { AGAIN_MS = 30000, PROBE_AGAIN_MS = 60000 };

static uint64_t
key_of(enum sts_worker_what what, const char *name)
{
	return sts_hashmap_mix(sts_hashmap_hash(name) + (uint64_t)what);
}

static void
note(struct sts_table *t, enum sts_worker_what what, const char *name)
{
	uint64_t key = key_of(what, name);

	t->recent[key % STS_TABLE_RECENT_MAX].key = key;
	t->recent[key % STS_TABLE_RECENT_MAX].ms = sts_monotonic_ms();
}

static bool
may_ask(const struct sts_table *t, enum sts_worker_what what, const char *name)
{
	uint64_t key = key_of(what, name);
	int64_t pause = what == STS_WORKER_PROBE ? PROBE_AGAIN_MS : AGAIN_MS;
	/* Probes take long: they leave room for the other questions. */
	size_t max = what == STS_WORKER_PROBE ? STS_TABLE_WANTED_MAX / 2
					      : STS_TABLE_WANTED_MAX;
	size_t i = key % STS_TABLE_RECENT_MAX;

	return sts_worker_pending(t->worker) < max &&
	    (t->recent[i].key != key ||
		sts_monotonic_ms() - t->recent[i].ms >= pause);
}

void
sts_wanted_ask(
    struct sts_table *t, enum sts_worker_what what, const char *domain)
{
	if (may_ask(t, what, domain) && sts_worker_ask(t->worker, what, domain))
		note(t, what, domain);
}

void
sts_wanted_probe(struct sts_table *t, const char *host, const char *domain)
{
	if (may_ask(t, STS_WORKER_PROBE, host) &&
	    sts_worker_probe(t->worker, host, domain))
		note(t, STS_WORKER_PROBE, host);
}

void
sts_wanted_fresh(struct sts_table *t, const struct sts_domain_state *k,
    enum sts_moment moment)
{
	bool answered =
	    moment == STS_HOST_ANSWERED || moment == STS_POLICY_ANSWERED;
	enum sts_worker_what what;

	for (size_t i = 0; i < k->routes.count; i++) {
		const struct sts_route *r = &k->routes.route[i];

		if (sts_route_wants_probe(&t->config, k, r, moment))
			sts_wanted_probe(t, r->host, answered ? "" : k->domain);
	}
	/* RFC 8461 10.2. */
	if (k->due && answered)
		sts_wanted_ask(t, STS_WORKER_REFRESH, k->domain);
	if (!sts_domain_state_needs(k, moment, &what))
		return;
	if (!k->fresh)
		sts_wanted_ask(t, STS_WORKER_LOOKUP, k->domain);
	sts_wanted_ask(t, what, k->domain);
}

/* The result may require another lookup; a fault does not. */
static void
on_done(void *arg, enum sts_worker_what what, const char *domain,
    enum sts_status status)
{
	struct sts_table *t = arg;
	struct sts_domain_state k;

	if (what == STS_WORKER_ROUTES && t->awaited != NULL &&
	    strcmp(domain, t->awaited) == 0)
		t->awaited = NULL;
	if (what == STS_WORKER_ROUTES || sts_status_is_local(status))
		return;
	sts_domain_state_read(&t->config, domain, true, &k);
	sts_wanted_fresh(t, &k,
	    what == STS_WORKER_PROBE ? STS_HOST_PROBED : STS_QUEUE_LOOKED_UP);
	sts_domain_state_free(&k);
}

void
sts_wanted_init(struct sts_table *t)
{
	t->worker = sts_worker_create(&t->config, on_done, t);
}

void
sts_wanted_wait(struct sts_table *t, const char *domain)
{
	int64_t end_ms = sts_monotonic_ms() + STS_TABLE_WAIT_MS;

	note(t, STS_WORKER_LOOKUP, domain);
	note(t, STS_WORKER_ROUTES, domain);
	if (!sts_worker_ask(t->worker, STS_WORKER_LOOKUP, domain) ||
	    !sts_worker_ask(t->worker, STS_WORKER_ROUTES, domain))
		return;
	t->awaited = domain;
	for (sts_worker_step(t->worker);
	     t->awaited != NULL && sts_monotonic_ms() < end_ms;
	     sts_worker_step(t->worker)) {
		struct pollfd fds[STS_WORKER_FDS];
		int64_t due_ms = sts_worker_due_ms(t->worker);

		sts_daemon_poll(fds, sts_worker_poll(t->worker, fds),
		    due_ms < end_ms ? due_ms : end_ms);
	}
	t->awaited = NULL;
}
