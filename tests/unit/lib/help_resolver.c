/* SPDX-License-Identifier: ISC */
/*
 * The resolver with policy hosts on another port than 443, for tests that are
 * not root.
 *
 * usage: help_resolver CONFIG PORT serve
 *        help_resolver CONFIG PORT refresh
 *        help_resolver CONFIG PORT lookup|force|due|refetch DOMAIN...
 *        help_resolver CONFIG PORT post URL LENGTH
 *
 * Looks up the domains one after the other, printing one answer line each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/resolver.h"

struct outcome {
	bool done;
	enum sts_status status;
};

static void
on_done(void *arg, enum sts_status status)
{
	struct outcome *o = arg;

	o->done = true;
	o->status = status;
}

static int
run_one(struct sts_resolver *r, const char *what, const char *domain)
{
	enum sts_task task = strcmp(what, "force") == 0 ? STS_TASK_FORCE
	    : strcmp(what, "due") == 0                  ? STS_TASK_AFTER
	    : strcmp(what, "refetch") == 0              ? STS_TASK_REFETCH
							: STS_TASK_LOOKUP;
	struct outcome o = {false, STS_OK};

	if (!sts_lookup_start(r, domain, task, on_done, &o))
		return 9;
	while (!o.done) {
		if (sts_loop_step(r->loop, 1000) != STS_OK)
			return 9;
	}
	sts_answer_line(STDOUT_FILENO, what, domain, o.status);
	return 0;
}

static void
on_refreshed(void *arg, const char *domain, enum sts_status status, size_t done,
    size_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	sts_answer_line(STDOUT_FILENO, "refresh", domain, status);
}

struct round {
	bool ended;
	enum sts_status status;
};

static void
on_round(void *arg, enum sts_status status, const struct sts_refresh_counts *c)
{
	struct round *round = arg;

	round->ended = true;
	round->status = status;
	if (status == STS_OK)
		printf("fetched=%zu not_due=%zu failed=%zu removed=%zu\n",
		    c->fetched, c->not_due, c->failed, c->removed);
}

static int
refresh_all(struct sts_resolver *r)
{
	struct round round = {false, STS_OK};

	if (!sts_refresh_start(r, 32, on_refreshed, on_round, &round))
		return 3;
	while (!round.ended && sts_loop_step(r->loop, 1000) == STS_OK)
		continue;
	return round.ended && round.status == STS_OK ? 0 : 3;
}

int
main(int argc, char **argv)
{
	struct sts_resolver r;
	struct sts_config config;
	enum sts_status status;
	int result = 0;

	if (argc < 4)
		return 2;
	sts_log_open("help_resolver", STS_LOG_STDERR, STS_LOG_DEBUG);
	if (sts_config_load(&config, argv[1], sts_config_note_log, NULL) !=
	    STS_OK)
		return 9;
	if ((status = sts_resolver_open(&r, &config)) != STS_OK) {
		printf("open %s\n", sts_status_name(status));
		sts_config_free(&config);
		return 3;
	}
	sts_resolver_set_ports(&r, (uint16_t)atoi(argv[2]), 25);
	if (strcmp(argv[3], "serve") == 0)
		result = sts_serve(&r, STDIN_FILENO, STDOUT_FILENO);
	else if (strcmp(argv[3], "refresh") == 0)
		result = refresh_all(&r);
	else if (strcmp(argv[3], "post") == 0 && argc == 6) {
		result = (int)sts_post_run(&r, argv[4], (size_t)atol(argv[5]),
			     STDIN_FILENO, STDOUT_FILENO) == STS_OK
		    ? 0
		    : 1;
		argc = 4;
	}
	for (int i = 4; i < argc && result == 0; i++)
		result = run_one(&r, argv[3], argv[i]);
	sts_resolver_close(&r);
	sts_config_free(&config);
	return result;
}
