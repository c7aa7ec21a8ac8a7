/* SPDX-License-Identifier: ISC */
/*
 * The resolver with MX hosts on another port than 25, for tests that are not
 * root; and a writer of policies and of routes that have aged.
 *
 * usage: help_probe_resolver CONFIG serve PORT
 *        help_probe_resolver CONFIG policy DOMAIN MX...
 *        help_probe_resolver CONFIG age DOMAIN SECONDS   (routes; may be < 0)
 *        help_probe_resolver CONFIG fill COUNT HOST
 *
 * fill writes routes of COUNT domains, each with a host of its own, every
 * hundredth with HOST.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "resolver/resolver.h"
#include "store/routes.h"

/* No clamping: as far in the future as a file may say. */
static const int64_t far_future = INT64_C(1) << 52;

static int
serve(const struct sts_config *config, const char *port)
{
	struct sts_resolver r;
	int result;

	if (sts_resolver_open(&r, config) != STS_OK)
		return 3;
	sts_resolver_set_ports(&r, 443, (uint16_t)atoi(port));
	result = sts_serve(&r, STDIN_FILENO, STDOUT_FILENO);
	sts_resolver_close(&r);
	return result;
}

static enum sts_status
write_policy(struct sts_store *store, char **argv)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {
	    .checked = now, .next_check = now + 300, .used = now};
	struct sts_policy policy;
	struct sts_entry e;
	enum sts_status status;
	bool replaced;
	char body[4096] = "version: STSv1\nmode: enforce\nmax_age: 604800\n";
	size_t at = strlen(body);

	snprintf(c.domain, sizeof(c.domain), "%s", argv[0]);
	for (int i = 1; argv[i] != NULL && at < sizeof(body); i++)
		at += (size_t)snprintf(
		    body + at, sizeof(body) - at, "mx: %s\n", argv[i]);
	status = sts_policy_parse(&policy, body, strlen(body), NULL, NULL);
	if (status == STS_OK)
		status =
		    sts_entry_make(&e, argv[0], "id1", &policy, now, 0, 300);
	if (status != STS_OK)
		return status;
	/* In place of one that this second has brought already. */
	(void)sts_store_drop(store, argv[0]);
	status = sts_store_write_policy(store, &e, now, &replaced);
	if (status == STS_OK)
		status = sts_store_write_check(store, &c);
	sts_entry_free(&e);
	return status;
}

static enum sts_status
age(struct sts_store *store, const char *domain, int64_t seconds)
{
	struct sts_routes routes;
	enum sts_status status =
	    sts_store_read_routes(store, domain, far_future, &routes);

	routes.recorded -= seconds;
	for (size_t i = 0; i < routes.count; i++) {
		if (routes.route[i].probed != 0)
			routes.route[i].probed -= seconds;
	}
	return status != STS_OK ? status
				: sts_store_write_routes(store, &routes);
}

static enum sts_status
fill(struct sts_store *store, long count, const char *host)
{
	enum sts_status status = STS_OK;

	for (long i = 0; i < count && status == STS_OK; i++) {
		struct sts_routes r = {.recorded = time(NULL), .count = 1};

		snprintf(r.domain, sizeof(r.domain), "d%ld.fill.test", i);
		if (i % 100 == 0)
			snprintf(r.route[0].host, sizeof(r.route[0].host), "%s",
			    host);
		else
			snprintf(r.route[0].host, sizeof(r.route[0].host),
			    "mx.d%ld.fill.test", i);
		r.route[0].permitted = true;
		r.route[0].address_count = 1;
		strcpy(r.route[0].address[0], "192.0.2.1");
		status = sts_store_write_routes(store, &r);
	}
	return status;
}

static int
write_store(const struct sts_config *config, int argc, char **argv)
{
	struct sts_store *store;
	enum sts_status status =
	    sts_store_open(&store, config->state_dir, true);

	if (status != STS_OK)
		return 3;
	status = STS_USAGE;
	if (strcmp(argv[2], "policy") == 0)
		status = write_policy(store, argv + 3);
	else if (strcmp(argv[2], "age") == 0 && argc == 5)
		status = age(store, argv[3], atoll(argv[4]));
	else if (strcmp(argv[2], "fill") == 0 && argc == 5)
		status = fill(store, atol(argv[3]), argv[4]);
	sts_store_close(store);
	printf("%s\n", sts_status_name(status));
	return status == STS_OK ? 0 : 3;
}

int
main(int argc, char **argv)
{
	struct sts_config config;
	int result;

	if (argc < 4)
		return 2;
	sts_log_open("help_probe_resolver", STS_LOG_STDERR, STS_LOG_DEBUG);
	if (sts_config_load(&config, argv[1], sts_config_note_log, NULL) !=
	    STS_OK)
		return 9;
	result = strcmp(argv[2], "serve") == 0
	    ? serve(&config, argv[3])
	    : write_store(&config, argc, argv);
	sts_config_free(&config);
	return result;
}
