/* SPDX-License-Identifier: ISC */
/*
 * Makes a store for benches:
 *
 *	fill STATE FROM TO EVERY
 *
 * nN.example for N from FROM up to but not including TO, all just checked: each
 * domain whose number is a multiple of EVERY has an enforce policy that mail
 * uses, and the routes that OpenSMTPD asks for (EVERY 0: none has), every other
 *one is known to have none.  Nothing is synced: a power cut ends a bench
 *anyway.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/routes.h"

static const char body[] = "version: STSv1\nmode: enforce\nmx: mx1.example\n"
			   "mx: *.mx.example\nmax_age: 604800\n";

/* In place of libc's, for all that is linked here. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

static enum sts_status
add_policy(struct sts_store *store, const char *domain, int64_t now)
{
	struct sts_policy policy;
	struct sts_entry entry;
	enum sts_status status;
	bool replaced;

	status = sts_policy_parse(&policy, body, sizeof(body) - 1, NULL, NULL);
	if (status != STS_OK ||
	    (status = sts_entry_make(
		 &entry, domain, "id1", &policy, now, 0, 300)) != STS_OK)
		return status;
	status = sts_store_write_policy(store, &entry, now, &replaced);
	sts_entry_free(&entry);
	return status;
}

static enum sts_status
add_routes(struct sts_store *store, const char *domain, int64_t now)
{
	struct sts_routes routes = {.recorded = now,
	    .count = 1,
	    .route = {{.host = "mx1.example",
		.permitted = true,
		.address = {"192.0.2.1"},
		.address_count = 1,
		.probed = now}}};

	snprintf(routes.domain, sizeof(routes.domain), "%s", domain);
	return sts_store_write_routes(store, &routes);
}

static enum sts_status
add(struct sts_store *store, long number, long every, int64_t now)
{
	struct sts_check check = {.checked = now,
	    .next_check = now + 86400,
	    .used = now,
	    .used_days = 2};
	enum sts_status status = STS_OK;

	snprintf(check.domain, sizeof(check.domain), "n%ld.example", number);
	if (every > 0 && number % every == 0) {
		status = add_policy(store, check.domain, now);
		if (status == STS_OK)
			status = add_routes(store, check.domain, now);
	} else {
		check.reason = STS_DNS_NXDOMAIN;
		check.until = now + 86400;
	}
	return status == STS_OK ? sts_store_write_check(store, &check) : status;
}

int
main(int argc, char **argv)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_store *store;
	enum sts_status status = STS_OK;

	if (argc != 5 || sts_store_open(&store, argv[1], true) != STS_OK)
		return 2;
	for (long i = atol(argv[2]); i < atol(argv[3]) && status == STS_OK; i++)
		status = add(store, i, atol(argv[4]), now);
	sts_store_close(store);
	if (status != STS_OK)
		fprintf(stderr, "fill: %s\n", sts_status_name(status));
	return status != STS_OK;
}
