/* SPDX-License-Identifier: ISC */
#include "client/mx_hosts.h"

#include <time.h>

#include "client/run_resolver.h"
#include "core/domain.h"

static bool
read_fresh(const struct sts_config *config, struct sts_store *store,
    const char *domain, struct sts_routes *routes)
{
	int64_t now = (int64_t)time(NULL);

	return sts_store_read_routes(store, domain, now, routes) == STS_OK &&
	    !routes->unsure && now - routes->recorded <= config->recheck;
}

enum sts_status
sts_ask_mx_hosts(const struct sts_config *config, const char *domain,
    struct sts_budget *budget, struct sts_routes *routes)
{
	char name[STS_NAME_MAX + 1];
	struct sts_store *store = NULL;
	enum sts_status status = sts_domain_normalise(domain, name);

	if (status == STS_OK)
		status = sts_store_open(&store, config->state_dir, false);
	if (status == STS_OK && !read_fresh(config, store, name, routes)) {
		status = sts_client_find_routes(config, store, name, budget);
		if (status == STS_OK &&
		    !read_fresh(config, store, name, routes))
			status = STS_NOT_FOUND;
	}
	sts_store_close(store);
	return status;
}
