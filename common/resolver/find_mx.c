/* SPDX-License-Identifier: ISC */
/*
 * Finds a domain's MX hosts and their addresses, in order, matched.
 *
 * RFC 5321 5.1: MX records by preference, or the domain itself if it has none;
 * RFC 7505: a null MX means that there is no host at all.
 */
#include "store/routes.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/domain.h"
#include "dns/dns.h"
#include "resolver/lookup.h"
#include "resolver/probe.h"

/* A host in order of preference, and the question for its addresses. */
struct host {
	struct sts_routes_task *task;
	struct sts_route route;
	bool asked;
	/* STS_OK; STS_MX_PRIVATE: no address may be contacted */
	enum sts_status status;
};

struct sts_routes_task {
	struct sts_resolver *resolver;
	LIST_ENTRY(sts_routes_task) link;
	struct sts_waiters waiters;
	struct sts_routes routes;
	struct host host[STS_MX_MAX];
	size_t host_count;
	size_t pending;
	int64_t began_ms; /* the first question for an address */
	enum sts_status fault;
};

static void
finish(struct sts_routes_task *t, enum sts_status status)
{
	LIST_REMOVE(t, link);
	if (sts_status_is_local(status))
		sts_log(STS_LOG_ERROR, t->routes.domain,
		    "event=fault reason=%s", sts_status_name(status));
	sts_waiters_end(&t->waiters, status);
	free(t);
}

void
sts_routes_close(struct sts_resolver *resolver)
{
	struct sts_routes_task *t;

	while ((t = LIST_FIRST(&resolver->routes)) != NULL) {
		LIST_REMOVE(t, link);
		sts_waiters_free(&t->waiters);
		free(t);
	}
}

/* Results. */

static const struct sts_route *
earlier_route(const struct sts_routes *earlier, const char *host)
{
	for (size_t i = 0; i < earlier->count; i++) {
		if (strcmp(earlier->route[i].host, host) == 0)
			return &earlier->route[i];
	}
	return NULL;
}

/* True if it is undetermined whether the host has an address. */
static bool
is_unsure(enum sts_status status)
{
	return sts_status_class(status) == STS_CLASS_DNS &&
	    status != STS_DNS_NXDOMAIN && status != STS_DNS_NODATA;
}

/* Copies earlier data of a host if there is nothing newer. */
static void
copy_known(struct sts_routes_task *t, const struct sts_routes *earlier)
{
	for (size_t i = 0; i < t->host_count; i++) {
		struct sts_route *r = &t->host[i].route;
		const struct sts_route *e = earlier_route(earlier, r->host);

		if (e == NULL)
			continue;
		r->probed = e->probed;
		r->probe = e->probe;
		if (t->host[i].asked && is_unsure(t->host[i].status)) {
			memcpy(r->address, e->address, sizeof(r->address));
			r->address_count = e->address_count;
		}
	}
}

/* Why a host has no usable address. */
static enum sts_status
unusable_because(const struct host *h)
{
	if (h->status == STS_MX_PRIVATE || is_unsure(h->status))
		return h->status;
	return STS_MX_NO_ADDRESS;
}

/*
 * Lists the hosts with an address, in their order.  If there is none, and the
 * addresses of a host are undetermined, so is the result.
 */
static void
list_routes(struct sts_routes_task *t)
{
	struct sts_routes *routes = &t->routes;
	enum sts_status none = STS_NO_MX_HOST;

	for (size_t i = 0; i < t->host_count; i++) {
		const struct host *h = &t->host[i];

		if (h->route.address_count > 0 &&
		    routes->count < STS_ROUTES_MAX) {
			routes->route[routes->count++] = h->route;
			continue;
		}
		routes->more++;
		if (!h->asked)
			continue;
		if (is_unsure(h->status))
			none = h->status;
		if (h->route.permitted && routes->unusable == STS_OK)
			routes->unusable = unusable_because(h);
	}
	if (routes->count == 0 && routes->status == STS_OK)
		routes->status = none;
}

static bool
is_known(enum sts_status status)
{
	return status == STS_OK || status == STS_NULL_MX ||
	    status == STS_NO_MX_HOST || status == STS_DNS_NXDOMAIN;
}

/*
 * If the DNS does not answer, stored routes are kept: the certificates of their
 * hosts are verified whenever mail is sent.
 */
static void
release(struct sts_routes_task *t)
{
	struct sts_store *store = t->resolver->store;
	struct sts_routes earlier;
	enum sts_status status = t->fault;

	if (status == STS_OK)
		status = sts_store_read_routes(
		    store, t->routes.domain, sts_now(), &earlier);
	if (status != STS_OK && status != STS_NOT_FOUND) {
		finish(t, status);
		return;
	}
	copy_known(t, &earlier);
	list_routes(t);
	if (!is_known(t->routes.status) && earlier.count > 0) {
		sts_log(STS_LOG_INFO, t->routes.domain,
		    "event=routes-kept reason=%s",
		    sts_status_name(t->routes.status));
		finish(t, STS_OK);
		return;
	}
	sts_prober_see(t->resolver, &t->routes);
	t->routes.recorded = sts_now();
	status = sts_store_write_routes(store, &t->routes);
	/* The same bound, since a domain with routes has been checked. */
	if (status == STS_OK)
		sts_store_trim(store, STS_KIND_ROUTES, t->routes.domain,
		    t->resolver->config->checks_max, t->routes.recorded);
	finish(t, status);
}

/* The addresses. */

static void
keep_address(struct sts_route *r, const struct sts_address *address)
{
	char text[STS_ADDRESS_TEXT_MAX];

	if (r->address_count < STS_ROUTE_ADDRESSES_MAX &&
	    sts_address_text(address, text) != NULL)
		memcpy(r->address[r->address_count++], text, sizeof(text));
}

static void ask_next(struct sts_routes_task *t);

static void
on_addresses(void *arg, enum sts_status status,
    const struct sts_address *addresses, size_t count)
{
	struct host *h = arg;
	struct sts_routes_task *t = h->task;

	h->status = status;
	if (sts_status_is_local(status))
		t->fault = status;
	for (size_t i = 0; status == STS_OK && i < count; i++) {
		if (t->resolver->config->allow_private ||
		    !sts_address_is_private(&addresses[i]))
			keep_address(&h->route, &addresses[i]);
	}
	if (status == STS_OK && h->route.address_count == 0)
		h->status = STS_MX_PRIVATE;
	if (--t->pending == 0)
		ask_next(t);
}

static void
ask_host(struct sts_routes_task *t, struct host *h)
{
	int64_t timeout_ms = t->resolver->config->dns_timeout * 1000;

	h->task = t;
	h->asked = true;
	if (sts_dns_address(t->resolver->dns, h->route.host, timeout_ms,
		on_addresses, h) == NULL)
		t->fault = STS_NO_MEMORY;
	else
		t->pending++;
}

/* Queries up to `room` more hosts, permitted or forbidden ones. */
static size_t
ask_some(struct sts_routes_task *t, bool permitted, size_t room)
{
	for (size_t i = 0; i < t->host_count && room > 0; i++) {
		struct host *h = &t->host[i];

		if (h->asked || h->route.permitted != permitted)
			continue;
		ask_host(t, h);
		room--;
	}
	return room;
}

/*
 * Queries the addresses of the first 8 hosts at once, which takes as long as
 * one; if some have none, of as many more.  A forbidden host never displaces a
 * permitted one.  After one timeout no query is sent, so it takes at most two.
 */
static void
ask_next(struct sts_routes_task *t)
{
	int64_t timeout_ms = t->resolver->config->dns_timeout * 1000;
	size_t room = STS_ROUTES_MAX;

	for (size_t i = 0; i < t->host_count; i++)
		room -= t->host[i].route.address_count > 0;
	t->pending = 1; /* this function */
	if (t->fault == STS_OK &&
	    sts_monotonic_ms() - t->began_ms < timeout_ms) {
		room = ask_some(t, true, room);
		(void)ask_some(t, false, room);
	}
	if (t->pending == 1) {
		release(t);
		return;
	}
	if (--t->pending == 0)
		ask_next(t);
}

/* The hosts. */

/* Ignores names that cannot be a permitted MX host, such as addresses. */
static void
add_host(struct sts_routes_task *t, const char *host, int64_t preference)
{
	struct sts_route *r;
	char name[STS_NAME_MAX + 1];

	if (t->host_count == STS_MX_MAX ||
	    sts_domain_normalise(host, name) != STS_OK)
		return;
	/* Of two entries the first, with the better preference, counts. */
	for (size_t i = 0; i < t->host_count; i++) {
		if (strcmp(t->host[i].route.host, name) == 0)
			return;
	}
	r = &t->host[t->host_count].route;
	memcpy(r->host, name, sizeof(name));
	r->preference = preference;
	t->host_count++;
}

/* A local fault if the policy cannot be read. */
static enum sts_status
match_policy(struct sts_routes_task *t)
{
	struct sts_entry entry;
	int64_t now = sts_now();
	enum sts_status status = sts_store_read_policy(
	    t->resolver->store, t->routes.domain, now, &entry);

	if (status != STS_OK)
		return status == STS_NOT_FOUND ? STS_OK : status;
	for (size_t i = 0; sts_entry_is_live(&entry, now) && i < t->host_count;
	     i++)
		t->host[i].route.permitted =
		    sts_policy_permits(&entry.policy, t->host[i].route.host);
	sts_entry_free(&entry);
	return STS_OK;
}

static void
on_mx(
    void *arg, enum sts_status status, const struct sts_mx *hosts, size_t count)
{
	struct sts_routes_task *t = arg;
	struct sts_routes *routes = &t->routes;

	if (sts_status_is_local(status)) {
		finish(t, status);
		return;
	}
	if (status == STS_OK && count == 1 && hosts[0].host[0] == '\0')
		routes->status = STS_NULL_MX;
	else if (status == STS_OK) {
		for (size_t i = 0; i < count; i++)
			add_host(t, hosts[i].host, hosts[i].preference);
	} else if (status == STS_DNS_NODATA) {
		routes->implicit = true;
		add_host(t, routes->domain, 0);
	} else
		routes->status = status;
	if ((status = match_policy(t)) != STS_OK) {
		finish(t, status);
		return;
	}
	t->began_ms = sts_monotonic_ms();
	ask_next(t);
}

static struct sts_routes_task *
find(struct sts_resolver *r, const char *domain)
{
	struct sts_routes_task *t;

	LIST_FOREACH (t, &r->routes, link) {
		if (strcmp(t->routes.domain, domain) == 0)
			return t;
	}
	return NULL;
}

static struct sts_routes_task *
create(struct sts_resolver *r, const char *domain)
{
	struct sts_routes_task *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->resolver = r;
	memcpy(t->routes.domain, domain, strlen(domain) + 1);
	if (sts_dns_mx(r->dns, domain, r->config->dns_timeout * 1000, on_mx,
		t) == NULL) {
		free(t);
		return NULL;
	}
	LIST_INSERT_HEAD(&r->routes, t, link);
	return t;
}

bool
sts_routes_start(struct sts_resolver *resolver, const char *domain,
    sts_lookup_done *done, void *arg)
{
	struct sts_waiter *w = sts_waiter_create(done, arg);
	struct sts_routes_task *t;

	if (w == NULL)
		return false;
	t = find(resolver, domain);
	if (t == NULL && (t = create(resolver, domain)) == NULL) {
		free(w);
		return false;
	}
	SLIST_INSERT_HEAD(&t->waiters, w, link);
	return true;
}
