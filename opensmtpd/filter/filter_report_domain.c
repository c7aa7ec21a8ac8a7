/* SPDX-License-Identifier: ISC */
/*
 * A connection that ends before RCPT has named nothing but an address.  Which
 * domain it was for can still be told: a strict one was made because the table
 * had just given its host, a plain one because there was mail; and the routes
 * have the addresses of hosts.  Where domains share an address the last one has
 * it, which may be wrong: so the outcome says where its domain is from.
 */
#include "opensmtpd/filter/filter_report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "opensmtpd/choose_mx.h"
#include "opensmtpd/delivery_log.h"
#include "opensmtpd/last_hosts.h"
#include "store/routes.h"

enum { TRIES_MAX = 128 }; /* routes that are read for one connection */

struct candidate {
	int64_t distance_ms; /* before the connection; after it, more */
	const char *domain;
	const char *host; /* NULL: any of the domain's */
};

void
sts_report_domain_note(struct sts_reporter *reporter, const char *domain)
{
	struct sts_recent *r =
	    &reporter->recent[sts_hashmap_mix(sts_hashmap_hash(domain)) %
		STS_RECENT_MAX];

	r->when_ms = sts_delivery_log_now();
	memcpy(r->domain, domain, strlen(domain) + 1);
}

/*
 * What was asked after the connection was made may have been asked before it,
 * too: only the last time is known.
 */
static int64_t
distance(int64_t when_ms, int64_t connected_ms)
{
	return when_ms <= connected_ms ? connected_ms - when_ms
				       : STS_RECENT_MS + when_ms - connected_ms;
}

static int
by_distance(const void *a, const void *b)
{
	const struct candidate *p = a, *q = b;

	return (p->distance_ms > q->distance_ms) -
	    (p->distance_ms < q->distance_ms);
}

static size_t
collect(const struct sts_reporter *reporter, const struct sts_last_host *hosts,
    size_t count, int64_t connected_ms, struct candidate *out)
{
	int64_t since = connected_ms - STS_RECENT_MS;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		out[n++] =
		    (struct candidate){distance(hosts[i].when_ms, connected_ms),
			hosts[i].domain, hosts[i].host};
	for (size_t i = 0; i < STS_RECENT_MAX; i++) {
		const struct sts_recent *r = &reporter->recent[i];

		if (r->when_ms >= since && r->when_ms != 0)
			out[n++] = (struct candidate){
			    distance(r->when_ms, connected_ms), r->domain,
			    NULL};
	}
	qsort(out, n, sizeof(*out), by_distance);
	return n;
}

/* The candidate's host at the address; NULL if it has none there. */
static const char *
host_at(struct sts_store *store, const struct candidate *c, const char *address,
    struct sts_routes *routes)
{
	if (sts_store_read_routes(
		store, c->domain, (int64_t)time(NULL), routes) != STS_OK)
		return NULL;
	for (size_t i = 0; i < routes->count; i++) {
		const struct sts_route *r = &routes->route[i];

		if ((c->host == NULL || strcmp(r->host, c->host) == 0) &&
		    sts_route_has_address(r, address))
			return r->host;
	}
	return NULL;
}

bool
sts_report_domain_find(struct sts_filter *f, const char *address,
    int64_t connected_ms, char domain[STS_NAME_MAX + 1],
    char host[STS_NAME_MAX + 1])
{
	/* Large, and this is never entered twice. */
	static struct sts_last_host hosts[STS_LAST_HOSTS_MAX];
	static struct candidate found[STS_LAST_HOSTS_MAX + STS_RECENT_MAX];
	struct sts_routes routes;
	struct sts_store *store;
	const char *name = NULL;
	size_t count = sts_last_hosts_read(
	    &f->reporter->hosts, connected_ms - STS_RECENT_MS, hosts);

	count = collect(f->reporter, hosts, count, connected_ms, found);
	if (count == 0 || f->config.state_dir == NULL ||
	    sts_store_open(&store, f->config.state_dir, false) != STS_OK)
		return false;
	for (size_t i = 0; i < count && i < TRIES_MAX && name == NULL; i++) {
		name = host_at(store, &found[i], address, &routes);
		if (name == NULL)
			continue;
		memcpy(domain, found[i].domain, strlen(found[i].domain) + 1);
		memcpy(host, name, strlen(name) + 1);
	}
	sts_store_close(store);
	return name != NULL;
}
