/* SPDX-License-Identifier: ISC */
#include "exim/no_mx.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/config.h"
#include "client/ask.h"
#include "client/mx_hosts.h"
#include "client/record_deferral.h"
#include "core/domain.h"
#include "exim/query.h"

enum { EXIM_OK = 0 };

static char reason[STS_NAME_MAX + 100];

/* True if there is a permitted MX host, whose address Exim ignored. */
static bool
has_permitted(const struct sts_routes *routes)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (routes->route[i].permitted)
			return true;
	}
	return routes->unusable != STS_OK;
}

/*
 * The store has what the published policy permits; with "domain NAME policy
 * FILE" that of the file decides.
 */
static void
match_override(const struct sts_config *config, const char *domain,
    struct sts_routes *routes)
{
	const struct sts_override *override =
	    sts_domain_override(config, domain);
	struct sts_answer answer;

	if (override == NULL || override->kind != STS_OVERRIDE_POLICY)
		return;
	sts_ask(config, domain, sts_exim_budget(), &answer);
	routes->unusable = STS_OK;
	for (size_t i = 0; i < routes->count; i++)
		routes->route[i].permitted = answer.has_entry &&
		    sts_policy_permits(
			&answer.entry.policy, routes->route[i].host);
	sts_answer_free(&answer);
}

/* Permitted ones, as far as they are known. */
static bool
find_permitted(const struct sts_config *config, const char *domain,
    struct sts_routes *routes)
{
	if (sts_ask_mx_hosts(config, domain, sts_exim_budget(), routes) !=
	    STS_OK)
		return false;
	match_override(config, domain, routes);
	return has_permitted(routes);
}

static void
find_reason(const struct sts_config *config, const char *domain)
{
	struct sts_routes routes;

	if (!find_permitted(config, domain, &routes)) {
		/* A failure changes nothing: the mail waits anyway. */
		(void)sts_client_refetch(config, domain);
		return;
	}
	snprintf(reason, sizeof(reason),
	    "no permitted MX host of %s has a usable address%s%s%s",
	    routes.domain, routes.unusable != STS_OK ? " (" : "",
	    routes.unusable != STS_OK ? sts_status_name(routes.unusable) : "",
	    routes.unusable != STS_OK ? ")" : "");
}

static void
explain(const char *domain, const char *config_file)
{
	struct sts_config config;
	char name[STS_NAME_MAX + 1];

	if (sts_domain_normalise(domain, name) != STS_OK)
		return;
	snprintf(reason, sizeof(reason),
	    "no MX host of %s is permitted by its policy", name);
	if (sts_config_load(&config, config_file, NULL, NULL) == STS_OK) {
		find_reason(&config, name);
		sts_client_record_deferral(&config, name, STS_NO_MATCH);
	}
	sts_config_free(&config);
}

int
mta_sts_no_mx(unsigned char **yield, int argc, unsigned char *argv[])
{
	int saved_errno = errno;

	snprintf(reason, sizeof(reason),
	    "no MX host is permitted by the domain's policy");
	if (argc >= 1 && argc <= 2 && argv != NULL && argv[0] != NULL &&
	    (argc == 1 || argv[1] != NULL))
		explain((const char *)argv[0],
		    argc == 2 ? (const char *)argv[1] : NULL);
	if (yield != NULL)
		*yield = (unsigned char *)reason;
	errno = saved_errno;
	return EXIM_OK;
}
