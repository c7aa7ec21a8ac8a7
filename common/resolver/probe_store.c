/* SPDX-License-Identifier: ISC */
/* The part of the prober that reads and writes the routes of all domains. */
#include "resolver/probe.h"

#include <string.h>

#include "base/child.h"
#include "resolver/lookup.h"

enum { SLICE_MS = 5 }; /* of reading files; then the loop goes on */

static bool
slice_is_over(int64_t began_ms)
{
	return sts_monotonic_ms() - began_ms >= SLICE_MS;
}

static struct sts_route *
find_host(struct sts_routes *routes, const char *host)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (strcmp(routes->route[i].host, host) == 0)
			return &routes->route[i];
	}
	return NULL;
}

/*
 * "probe off" applies if a domain has one host only: with several, a failed
 * host must be distinguished from a working one.
 */
static bool
may_probe(const struct sts_config *config, const struct sts_routes *routes)
{
	size_t permitted = 0;

	for (size_t i = 0; i < routes->count; i++)
		permitted += routes->route[i].permitted;
	/* Without a policy no host is marked as permitted, and all are. */
	if (permitted == 0)
		permitted = routes->count;
	return config->probe != STS_PROBE_OFF || permitted > 1;
}

/* Records the addresses that any process contacted recently. */
static void
note_addresses(struct sts_prober *prober, const struct sts_routes *routes)
{
	int64_t now = sts_now();

	for (size_t i = 0; i < routes->count; i++) {
		const struct sts_route *r = &routes->route[i];

		for (size_t k = 0; k < r->address_count; k++)
			sts_probe_memory_note_address(
			    prober->memory, r->address[k], r->probed, now);
	}
}

/* Considers routes that name the host; false: no memory. */
static bool
consider(struct sts_probe_task *task, struct sts_routes *routes)
{
	const struct sts_config *config = task->prober->resolver->config;
	const struct sts_route *r = find_host(routes, task->host);

	if (r == NULL)
		return true;
	if (may_probe(config, routes))
		task->wanted = true;
	if (r->probed > task->probed) {
		task->probed = r->probed;
		task->probe = r->probe;
	}
	return sts_names_add(&task->domains, routes->domain);
}

/* An unreadable file is ignored; only a general fault ends the work. */
static bool
ends_all(enum sts_status status)
{
	return status == STS_NO_MEMORY || status == STS_NO_DESCRIPTORS;
}

static bool
load(void *arg, const char *domain)
{
	struct sts_probe_task *task = arg;
	struct sts_routes routes;
	enum sts_status status = sts_store_read_routes(
	    task->prober->resolver->store, domain, sts_now(), &routes);

	if (status == STS_OK) {
		note_addresses(task->prober, &routes);
		if (!consider(task, &routes))
			status = STS_NO_MEMORY;
	}
	if (ends_all(status))
		task->fault = status;
	return task->fault == STS_OK;
}

void
sts_probe_look(struct sts_probe_task *task)
{
	sts_probe_memory_domains(task->prober->memory, task->host, load, task);
}

struct collection {
	struct sts_names *names;
	bool no_memory;
};

static bool
collect(void *arg, const char *domain)
{
	struct collection *c = arg;

	c->no_memory = !sts_names_add(c->names, domain);
	return !c->no_memory;
}

enum sts_status
sts_probe_scan_begin(struct sts_prober *prober)
{
	struct collection c = {.names = &prober->scan};
	enum sts_status status;

	sts_names_free(&prober->scan);
	prober->scanned = 0;
	status = sts_store_walk(
	    prober->resolver->store, STS_KIND_ROUTES, collect, &c);
	for (struct sts_probe_task *t = prober->tasks; t != NULL; t = t->next) {
		if (t->step != STS_STEP_WANT_SCAN)
			continue;
		t->step = STS_STEP_SCAN;
		sts_names_free(&t->domains);
	}
	prober->scanning = true;
	return c.no_memory ? STS_NO_MEMORY : status;
}

static enum sts_status
scan_one(struct sts_prober *prober, const char *domain)
{
	struct sts_routes routes;
	enum sts_status status = sts_store_read_routes(
	    prober->resolver->store, domain, sts_now(), &routes);

	if (status != STS_OK)
		return ends_all(status) ? status : STS_OK;
	note_addresses(prober, &routes);
	for (struct sts_probe_task *t = prober->tasks; t != NULL; t = t->next) {
		if (t->step == STS_STEP_SCAN && !consider(t, &routes))
			return STS_NO_MEMORY;
	}
	return STS_OK;
}

enum sts_status
sts_probe_scan_step(struct sts_prober *prober)
{
	int64_t began_ms = sts_monotonic_ms();
	enum sts_status status = STS_OK;

	while (status == STS_OK && prober->scanned < prober->scan.count &&
	    !slice_is_over(began_ms))
		status = scan_one(prober, prober->scan.name[prober->scanned++]);
	if (status != STS_OK || prober->scanned == prober->scan.count) {
		prober->scanning = false;
		sts_names_free(&prober->scan);
	}
	return status;
}

/*
 * Another process may replace the file between reading and writing: then a
 * result is lost, which the next probe restores.
 */
static enum sts_status
write_one(const struct sts_probe_task *task, const char *domain)
{
	struct sts_store *store = task->prober->resolver->store;
	struct sts_routes routes;
	struct sts_route *r;
	enum sts_status status =
	    sts_store_read_routes(store, domain, sts_now(), &routes);

	if (status != STS_OK)
		return ends_all(status) ? status : STS_OK;
	r = find_host(&routes, task->host);
	if (r == NULL || r->probed >= task->probed)
		return STS_OK;
	r->probed = task->probed;
	r->probe = task->probe;
	return sts_store_write_routes(store, &routes);
}

bool
sts_probe_write_step(struct sts_probe_task *task)
{
	int64_t began_ms = sts_monotonic_ms();

	while (task->written < task->domains.count && task->fault == STS_OK &&
	    !slice_is_over(began_ms))
		task->fault =
		    write_one(task, task->domains.name[task->written++]);
	return task->fault != STS_OK || task->written == task->domains.count;
}
