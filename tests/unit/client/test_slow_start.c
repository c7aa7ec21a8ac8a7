/* SPDX-License-Identifier: ISC */
/*
 * A machine on which a resolver takes seconds to start, or not to: that time is
 * a delivery process's too.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "client/ask.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_world.h"

enum { TAKES_MS = 2000, FREE_MS = 1000 };

/* In the child that is to become the resolver. */
int
execve(const char *path, char *const argv[], char *const envp[])
{
	(void)path;
	(void)argv;
	(void)envp;
	(void)poll(NULL, 0, TAKES_MS);
	errno = ENOENT;
	return -1;
}

int
main(void)
{
	struct sts_budget budget = {0};
	struct sts_answer answer;
	struct sts_config config;
	struct world w;

	world_make(&w, "stores", "");
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	sts_ask(&config, "good.example", &budget, &answer);
	is_str(sts_verdict_name(answer.verdict), "defer", "the verdict");
	is_str(
	    sts_status_name(answer.why), "resolver_missing", "and its reason");
	ok(budget.slow_ms >= TAKES_MS - FREE_MS,
	    "the wait counts against the budget: %lld ms",
	    (long long)budget.slow_ms);
	sts_answer_free(&answer);
	sts_config_free(&config);
	world_remove(&w);
	return tap_done();
}
