/* SPDX-License-Identifier: ISC */
#include "resolver/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "net/fetch.h"
#include "resolver/lookup.h"
#include "resolver/probe.h"

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
		status = sts_fetch_check_library();
	if (status == STS_OK)
		status = sts_loop_create(&resolver->loop, config);
	if (status != STS_OK)
		sts_store_close(resolver->store);
	return status;
}

void
sts_resolver_close(struct sts_resolver *resolver)
{
	while (resolver->lookups != NULL) {
		struct sts_lookup *l = resolver->lookups;

		resolver->lookups = l->next;
		while (l->waiters != NULL) {
			struct sts_waiter *w = l->waiters;

			l->waiters = w->next;
			free(w);
		}
		sts_entry_free(&l->entry);
		free(l);
	}
	sts_routes_close(resolver);
	sts_prober_close(resolver);
	sts_loop_destroy(resolver->loop);
	sts_store_close(resolver->store);
}
