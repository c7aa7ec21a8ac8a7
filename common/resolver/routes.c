/* SPDX-License-Identifier: ISC */
/* The MX hosts of a domain, with their addresses, in order, matched. */
#include "store/routes.h"

#include <stdlib.h>
#include <string.h>

#include "core/domain.h"
#include "net/dns.h"
#include "resolver/lookup.h"

struct routes_task {
	struct sts_resolver *resolver;
	sts_lookup_done *done;
	void *arg;
	struct sts_routes routes;
	size_t next; /* the host whose addresses are asked for */
};

static void
finish(struct routes_task *t, enum sts_status status)
{
	t->done(t->arg, status);
	free(t);
}

/* Hosts without an address are no routes; the order stays. */
static void
drop_unreachable(struct sts_routes *routes)
{
	size_t kept = 0;

	for (size_t i = 0; i < routes->count; i++) {
		if (routes->route[i].address_count > 0)
			routes->route[kept++] = routes->route[i];
	}
	routes->count = kept;
	if (kept == 0 && routes->status == STS_OK)
		routes->status = STS_NO_MX_HOST;
}

static void
match_policy(struct routes_task *t)
{
	struct sts_entry entry;
	int64_t now = sts_now();

	if (sts_store_read_policy(
		t->resolver->store, t->routes.domain, now, &entry) != STS_OK)
		return;
	for (size_t i = 0;
	     sts_entry_is_live(&entry, now) && i < t->routes.count; i++)
		t->routes.route[i].permitted =
		    sts_policy_permits(&entry.policy, t->routes.route[i].host);
	sts_entry_free(&entry);
}

static void
write_routes(struct routes_task *t)
{
	drop_unreachable(&t->routes);
	match_policy(t);
	t->routes.recorded = sts_now();
	finish(t, sts_store_write_routes(t->resolver->store, &t->routes));
}

static void
keep_address(struct sts_route *r, const struct sts_address *address)
{
	char text[STS_ADDRESS_TEXT_MAX];

	if (r->address_count < STS_ROUTE_ADDRESSES_MAX &&
	    sts_address_text(address, text) != NULL)
		memcpy(r->address[r->address_count++], text, sizeof(text));
}

static void ask_addresses(struct routes_task *t);

static void
on_addresses(void *arg, enum sts_status status,
    const struct sts_address *addresses, size_t count)
{
	struct routes_task *t = arg;
	struct sts_route *r = &t->routes.route[t->next++];

	if (sts_status_is_local(status)) {
		finish(t, status);
		return;
	}
	for (size_t i = 0; status == STS_OK && i < count; i++) {
		if (t->resolver->config->allow_private ||
		    !sts_address_is_private(&addresses[i]))
			keep_address(r, &addresses[i]);
	}
	ask_addresses(t);
}

static void
ask_addresses(struct routes_task *t)
{
	if (t->next == t->routes.count) {
		write_routes(t);
		return;
	}
	if (sts_dns_address(t->resolver->loop, t->routes.route[t->next].host,
		t->resolver->config->dns_timeout * 1000, on_addresses,
		t) == NULL)
		finish(t, STS_NO_MEMORY);
}

static void
add_host(struct sts_routes *routes, const char *host, int64_t preference)
{
	struct sts_route *r = &routes->route[routes->count];
	char name[STS_NAME_MAX + 1];

	/* An address, or what is no name, cannot be a permitted MX host. */
	if (routes->count == STS_ROUTES_MAX ||
	    sts_domain_normalise(host, name) != STS_OK)
		return;
	memcpy(r->host, name, sizeof(name));
	r->preference = preference;
	routes->count++;
}

static void
on_mx(
    void *arg, enum sts_status status, const struct sts_mx *hosts, size_t count)
{
	struct routes_task *t = arg;
	struct sts_routes *routes = &t->routes;

	if (sts_status_is_local(status)) {
		finish(t, status);
		return;
	}
	if (status == STS_OK && count == 1 && hosts[0].host[0] == '\0')
		routes->status = STS_NULL_MX;
	else if (status == STS_OK) {
		for (size_t i = 0; i < count; i++)
			add_host(routes, hosts[i].host, hosts[i].preference);
	} else if (status == STS_DNS_NODATA) {
		routes->implicit = true;
		add_host(routes, routes->domain, 0);
	} else
		routes->status = status;
	ask_addresses(t);
}

bool
sts_routes_start(struct sts_resolver *resolver, const char *domain,
    sts_lookup_done *done, void *arg)
{
	struct routes_task *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return false;
	t->resolver = resolver;
	t->done = done;
	t->arg = arg;
	memcpy(t->routes.domain, domain, strlen(domain) + 1);
	if (sts_dns_mx(resolver->loop, domain,
		resolver->config->dns_timeout * 1000, on_mx, t) == NULL) {
		free(t);
		return false;
	}
	return true;
}
