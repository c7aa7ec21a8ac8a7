/* SPDX-License-Identifier: ISC */
/*
 * Processes that share a store and are stopped at every call that another one
 * can see: the real lookup, client and store, with a DNS and a fetcher that
 * answer what the scenario says.  Locks are the kernel's, so each is a real
 * process; only one of them runs at a time.
 */
#ifndef STS_TESTS_RACE_WORLD_H
#define STS_TESTS_RACE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/status.h"
#include "client/ask.h"
#include "resolver/resolver.h"

enum race_role {
	ROLE_NONE,
	ROLE_MAIL,    /* sts_ask, with the resolver's lookup in it */
	ROLE_READER,  /* sts_ask_store */
	ROLE_REFRESH, /* what is due, by the timer */
	ROLE_AFTER,   /* the same after a delivery */
	ROLE_REFETCH, /* no MX host was permitted */
	ROLE_FORCE,   /* by the operator */
	ROLE_DROP,    /* cache drop */
	ROLE_TRIM     /* the bound of policies/ is reached */
};

enum race_fetch { FETCH_POLICY, FETCH_NONE_MODE, FETCH_FAILS };

/* What one process does, and what the network answers it. */
struct race_part {
	enum race_role role;
	enum sts_status record; /* STS_OK: a record with `id` */
	const char *id;
	enum race_fetch fetch;
	bool impatient; /* goes on without the lookup lock */
};

/* A part in short; all but PATIENT do not wait for the lookup lock. */
#define POLICY(role, id)                             \
	{                                            \
		role, STS_OK, id, FETCH_POLICY, true \
	}
#define PATIENT(role, id)                             \
	{                                             \
		role, STS_OK, id, FETCH_POLICY, false \
	}
#define FAILS(role, id)                             \
	{                                           \
		role, STS_OK, id, FETCH_FAILS, true \
	}
#define MODE_NONE(role, id)                             \
	{                                               \
		role, STS_OK, id, FETCH_NONE_MODE, true \
	}
#define NO_RECORD(role)                                        \
	{                                                      \
		role, STS_DNS_NXDOMAIN, "", FETCH_POLICY, true \
	}
#define TROUBLE(role)                                          \
	{                                                      \
		role, STS_DNS_SERVFAIL, "", FETCH_POLICY, true \
	}

/* Where a process has stopped; DONE: its part is over. */
enum race_step {
	STEP_POLICY_READ,
	STEP_CHECK_READ,
	STEP_CHECK_WRITE,
	STEP_LOCK,
	STEP_UNLOCK,
	STEP_RENAME,
	STEP_REMOVE,
	STEP_DNS,
	STEP_FETCH,
	STEP_BLOCKED, /* waits for the lookup lock */
	STEP_WAITS,   /* waits for the write lock */
	STEP_DONE
};

struct race_message {
	enum race_step step;
	enum sts_status status; /* DONE: what the task ended with */
	enum sts_verdict verdict;
	bool has_entry;
};

/* The clock that all processes read, in shared memory. */
struct race_clock {
	int64_t seconds;
	int64_t microseconds; /* each reading adds one */
	int64_t monotonic_ms;
};
extern struct race_clock *race_clock;

extern const char race_domain[]; /* what all parts are about */
extern char race_neighbour[32];  /* another domain in its directory */
extern struct sts_config race_config;

struct race_process {
	pid_t pid;
	int to, from;
};

/* Chooses the neighbour, sets config and clock; before the first process. */
bool race_prepare(char *state_dir);

/* A process that waits for parts. */
bool race_start(struct race_process *p);
void race_end(struct race_process *p);

/* Gives it a part; it stops before its first step, or is done. */
bool race_give(struct race_process *p, const struct race_part *part,
    struct race_message *at);

/* Lets it take the step where it has stopped, up to the next one. */
bool race_go(struct race_process *p, struct race_message *at);

#endif
