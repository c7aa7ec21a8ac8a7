/* SPDX-License-Identifier: ISC */
#include "resolver/resolver.h"

#include <sys/queue.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/fetch.h"
#include "resolver/lookup.h"
#include "resolver/probe.h"

/* write(2) reports a closed pipe; the default would end the process. */
static void
ignore_sigpipe(void)
{
	struct sigaction now, ignore = {.sa_handler = SIG_IGN};

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		(void)sigaction(SIGPIPE, &ignore, NULL);
}

static void
close_network(struct sts_resolver *resolver)
{
	sts_fetcher_destroy(resolver->fetcher);
	sts_dns_destroy(resolver->dns);
	sts_loop_destroy(resolver->loop);
}

static enum sts_status
open_network(struct sts_resolver *resolver, const struct sts_config *config)
{
	enum sts_status status = sts_loop_create(&resolver->loop);

	ignore_sigpipe();
	if (status == STS_OK)
		status = sts_dns_create(&resolver->dns, resolver->loop, config);
	if (status == STS_OK)
		status = sts_fetcher_create(
		    &resolver->fetcher, resolver->loop, config);
	resolver->network = (struct sts_fetch_context){.loop = resolver->loop,
	    .dns = resolver->dns,
	    .fetcher = resolver->fetcher,
	    .config = config};
	if (status != STS_OK)
		close_network(resolver);
	return status;
}

void
sts_resolver_set_ports(
    struct sts_resolver *resolver, uint16_t port, uint16_t mx_port)
{
	resolver->port = port;
	resolver->mx_port = mx_port;
	sts_fetcher_set_ports(resolver->fetcher, port, mx_port);
}

enum sts_status
sts_resolver_open(
    struct sts_resolver *resolver, const struct sts_config *config)
{
	enum sts_status status;

	memset(resolver, 0, sizeof(*resolver));
	resolver->config = config;
	resolver->port = 443;
	resolver->mx_port = STS_MX_PORT;
	status = sts_store_open(&resolver->store, config->state_dir, true);
	if (status == STS_OK)
		status = open_network(resolver, config);
	if (status != STS_OK)
		sts_store_close(resolver->store);
	return status;
}

void
sts_resolver_close(struct sts_resolver *resolver)
{
	struct sts_lookup *l;

	while ((l = sts_hashmap_pop(&resolver->lookups)) != NULL) {
		sts_waiters_free(&l->waiters);
		sts_entry_free(&l->entry);
		free(l);
	}
	sts_routes_close(resolver);
	sts_refresh_close(resolver);
	sts_prober_close(resolver);
	close_network(resolver);
	sts_store_close(resolver->store);
}
