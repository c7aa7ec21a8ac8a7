/* SPDX-License-Identifier: ISC */
/*
 * A directory of its own for each test: configuration, state directory, a
 * resolver that misbehaves as told (tests/unit/lib/fake_resolver.sh).
 *
 *     DIR/mta-sts.conf   DIR/state/   DIR/prepared/   DIR/ran   DIR/FAKE
 *
 * Run by root, everything belongs to uid and gid 65534, as it would belong to
 * the MTA's user.
 */
#ifndef STS_TESTS_TAP_WORLD_H
#define STS_TESTS_TAP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum { WORLD_USER = 65534 };

struct world {
	char dir[64];
	char conf[80];
	char state[80];
};

/* Makes one with this fake ("": a resolver that does not exist) and with
 * further lines of configuration; ends the program where it cannot. */
void world_make(struct world *w, const char *fake, const char *lines);
void world_remove(struct world *w);

/* How often the fake was started. */
unsigned world_runs(const struct world *w);

/*
 * Writes a policy into DIR/`where` ("state", "prepared") that was fetched and
 * checked so many seconds ago, in place of all that is known of the domain.
 */
void world_policy(const struct world *w, const char *where, const char *domain,
    const char *body, int64_t fetched_ago, int64_t checked_ago);

/* The same for "no policy"; `id` is not "" after a failed fetch. */
void world_none(const struct world *w, const char *where, const char *domain,
    const char *id, int64_t checked_ago, int64_t life);

/*
 * A check beside a policy whose refreshes fail: since then, tried again in so
 * many seconds.
 */
void world_failing(const struct world *w, const char *where, const char *domain,
    int64_t since_ago, int64_t next_in);

/* Its _smtp._tls record, in the check that is there; "": it has none. */
void world_tlsrpt(const struct world *w, const char *where, const char *domain,
    const char *record);

/* The newest fetch that succeeded; a negative number is in the future. */
void world_newest(const struct world *w, int64_t fetched_ago);

/* A check that met SERVFAIL a moment ago. */
void world_trouble(const struct world *w, const char *where, const char *domain,
    int64_t checked_ago);

/* The same where the policy host's address could not be looked up. */
void world_host_trouble(const struct world *w, const char *where,
    const char *domain, int64_t checked_ago);

/* Flips one bit of a domain's file of that kind ("policies", "checks"). */
void world_damage(const struct world *w, const char *kind, const char *domain);

#endif
