/* SPDX-License-Identifier: ISC */
/*
 * Outgoing sessions.  No event has the MX host, the policy domain before a
 * recipient, or the reason of a TLS failure; events show only that mail was
 * accepted, or that a session ended without a transaction.  Then the host whose
 * route has the session's address is probed.
 */
#include "opensmtpd/filter/filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "core/domain.h"
#include "opensmtpd/choose_mx.h"

enum {
	DOMAINS_BYTES = 4096,  /* of the recipients of one message */
	ADDRESSES_MAX = 16384, /* addresses of MX hosts */
	WALK_MAX = 4096,       /* domains read at a time */
	WALK_AGAIN_MS = 60000,
	/*
	 * The resolver counts from when it contacted the address, which is up
	 * to 20 s after the request while at most four probes are running: a
	 * host requested earlier loses its turn.
	 */
	ASK_AGAIN_MS = (STS_PROBE_AGAIN + 20) * 1000
};

struct relay {
	struct sts_hashmap_node node;
	char address[STS_ADDRESS_TEXT_MAX]; /* "" if not understood */
	bool began;                         /* a transaction, so TLS worked */
	bool is_report; /* the present message is one of our TLS reports */
	char *domains;  /* of accepted recipients, each with its NUL */
	size_t len;
};

/* An address of an MX host. */
struct mx_address {
	struct sts_hashmap_node node;
	char address[STS_ADDRESS_TEXT_MAX];
	bool may_probe;
	int64_t asked_ms; /* when its probe was last requested, 0: never */
	int64_t turn_ms;  /* since when it waits for a probe */
	char host[];
};

/* Ends a session here. */
static void
free_relay(struct sts_filter *f, struct relay *o)
{
	sts_hashmap_remove(&f->out, &o->node);
	free(o->domains);
	free(o);
}

/* In the form of the routes: no port, no brackets, canonical. */
static void
address_of(const char *endpoint, char address[STS_ADDRESS_TEXT_MAX])
{
	struct sts_network n;

	address[0] = '\0';
	if (sts_endpoint_parse(endpoint, &n))
		(void)inet_ntop(
		    n.family, n.bytes, address, STS_ADDRESS_TEXT_MAX);
}

void
sts_relay_connect(struct sts_filter *f, uint64_t id, const char *destination)
{
	struct relay *o = sts_hashmap_find(&f->out, id);

	if (o == NULL) {
		if (f->out.count >= STS_SESSIONS_MAX ||
		    (o = calloc(1, sizeof(*o))) == NULL)
			return;
		sts_hashmap_insert(&f->out, &o->node, id);
	}
	address_of(destination, o->address);
}

void
sts_relay_begin(struct sts_filter *f, uint64_t id)
{
	struct relay *o = sts_hashmap_find(&f->out, id);

	if (o == NULL)
		return;
	o->began = true;
	o->len = 0;
}

static bool
has_domain(const struct relay *o, const char *domain)
{
	for (size_t at = 0; at < o->len; at += strlen(o->domains + at) + 1) {
		if (strcmp(o->domains + at, domain) == 0)
			return true;
	}
	return false;
}

void
sts_relay_sender(struct sts_filter *f, uint64_t id, bool is_report)
{
	struct relay *o = sts_hashmap_find(&f->out, id);

	if (o != NULL)
		o->is_report = is_report;
}

void
sts_relay_recipient(struct sts_filter *f, uint64_t id, const char *recipient)
{
	struct relay *o = sts_hashmap_find(&f->out, id);
	char name[STS_LINE_MAX + 1], domain[STS_NAME_MAX + 1];
	size_t size;
	char *more;

	if (o == NULL || !sts_recipient_domain(recipient, name, sizeof(name)) ||
	    sts_domain_normalise(name, domain) != STS_OK ||
	    has_domain(o, domain))
		return;
	size = strlen(domain) + 1;
	if (o->len + size > DOMAINS_BYTES ||
	    (more = realloc(o->domains, o->len + size)) == NULL)
		return;
	o->domains = more;
	memcpy(o->domains + o->len, domain, size);
	o->len += size;
}

void
sts_relay_commit(struct sts_filter *f, uint64_t id)
{
	struct relay *o = sts_hashmap_find(&f->out, id);

	if (o == NULL)
		return;
	/* The next transaction of this session has its own recipients. */
	for (size_t at = 0; at < o->len; at += strlen(o->domains + at) + 1) {
		sts_delivery_log_note(&f->deliveries, o->domains + at);
		/* Reports have a rule that bypasses the table, RFC 8460 3. */
		if (!o->is_report)
			sts_unprotected_check(f, o->address, o->domains + at);
	}
	o->len = 0;
}

/*
 * Within one millisecond hosts may be added and one of them requested: then
 * another one is next.  Of equals, the one that was added first, which a map
 * returns last.
 */
static bool
is_before(const struct mx_address *p, const struct mx_address *next)
{
	if (p->turn_ms != next->turn_ms)
		return p->turn_ms < next->turn_ms;
	return p->asked_ms <= next->asked_ms;
}

/*
 * Requests a probe of the host with this address that has waited longest; true
 * if there is one.  The resolver contacts an address once in ten minutes: given
 * several hosts it would probe the one whose DNS answers first, and a failed
 * host could hide behind a quick one that works.
 */
static bool
probe_address(struct sts_filter *f, const char *address)
{
	struct mx_address *p =
	    sts_hashmap_find(&f->addresses, sts_hashmap_hash(address));
	struct mx_address *next = NULL;
	int64_t now = sts_monotonic_ms();
	bool known = false;

	for (; p != NULL; p = sts_hashmap_next(&p->node)) {
		if (strcmp(p->address, address) != 0)
			continue;
		known = true;
		if (p->asked_ms != 0 && now - p->asked_ms < ASK_AGAIN_MS)
			return true;
		if (p->may_probe && (next == NULL || is_before(p, next)))
			next = p;
	}
	if (next != NULL && sts_worker_probe(f->worker, next->host, ""))
		next->asked_ms = next->turn_ms = now;
	return known;
}

static void
forget_addresses(struct sts_filter *f)
{
	struct mx_address *p;

	while ((p = sts_hashmap_pop(&f->addresses)) != NULL)
		free(p);
}

/* One address may belong to several hosts with different certificates. */
static void
learn_address(
    struct sts_filter *f, const char *address, const char *host, bool may_probe)
{
	uint64_t key = sts_hashmap_hash(address);
	struct mx_address *p = sts_hashmap_find(&f->addresses, key);
	size_t size = strlen(host) + 1;

	for (; p != NULL; p = sts_hashmap_next(&p->node)) {
		if (strcmp(p->address, address) == 0 &&
		    strcmp(p->host, host) == 0) {
			p->may_probe = may_probe;
			return;
		}
	}
	/* They are added again at the next failure or recipient. */
	if (f->addresses.count >= ADDRESSES_MAX)
		forget_addresses(f);
	if ((p = calloc(1, sizeof(*p) + size)) == NULL)
		return;
	memcpy(p->address, address, strlen(address) + 1);
	memcpy(p->host, host, size);
	p->may_probe = may_probe;
	/* After those that wait, or new names would always be before them. */
	p->turn_ms = sts_monotonic_ms();
	sts_hashmap_insert(&f->addresses, &p->node, key);
}

/* Hosts that the policy does not permit get neither mail nor probes. */
void
sts_relay_learn(struct sts_filter *f, const struct sts_domain_state *known)
{
	const struct sts_policy *policy = sts_domain_state_policy(known);
	bool may_probe = sts_may_probe(&f->config, known);

	if (known->verdict != STS_VERDICT_ENFORCE ||
	    known->routes_status != STS_OK)
		return;
	for (size_t i = 0; i < known->routes.count; i++) {
		const struct sts_route *r = &known->routes.route[i];

		for (size_t j = 0;
		     sts_route_is_permitted(r, policy) && j < r->address_count;
		     j++)
			learn_address(f, r->address[j], r->host, may_probe);
	}
}

/* State of a walk over all routes. */
struct walk {
	struct sts_filter *filter;
	size_t left;
};

static bool
learn_domain(void *arg, const char *domain)
{
	struct walk *w = arg;
	struct sts_domain_state k;

	sts_domain_state_read(&w->filter->config, domain, true, &k);
	sts_relay_learn(w->filter, &k);
	sts_domain_state_free(&k);
	return --w->left > 0;
}

/* The table's resolvers find routes, too, as did earlier runs. */
static void
learn_all(struct sts_filter *f)
{
	int64_t now = sts_monotonic_ms();
	struct walk w = {f, WALK_MAX};
	struct sts_store *store;

	if (f->walked_ms != 0 && now - f->walked_ms < WALK_AGAIN_MS)
		return;
	f->walked_ms = now;
	if (f->config.state_dir == NULL ||
	    sts_store_open(&store, f->config.state_dir, false) != STS_OK)
		return;
	(void)sts_store_walk(store, STS_KIND_ROUTES, learn_domain, &w);
	sts_store_close(store);
}

void
sts_relay_end(struct sts_filter *f, uint64_t id)
{
	struct relay *o = sts_hashmap_find(&f->out, id);

	/* For a refused connection this is the only event. */
	if (o == NULL) {
		sts_delivery_log_failure(&f->deliveries);
		return;
	}
	if (!o->began && o->address[0] != '\0' && f->worker != NULL &&
	    !probe_address(f, o->address)) {
		learn_all(f);
		(void)probe_address(f, o->address);
	}
	free_relay(f, o);
}
