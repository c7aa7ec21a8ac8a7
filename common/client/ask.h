/* SPDX-License-Identifier: ISC */
/*
 * The question that every delivery asks: what does this domain demand?
 *
 * Answered from the store where that suffices, otherwise a resolver is
 * started, waited for within its deadline, and the store is read again.  Works
 * where the caller is root (the resolver then runs as the owner of the state
 * directory), is the MTA's user, or may only read the store, or not even that.
 */
#ifndef STS_CLIENT_ASK_H
#define STS_CLIENT_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"
#include "core/policy.h"
#include "store/store.h"

enum sts_verdict {
	STS_VERDICT_NONE,    /* no policy, or mode none: deliver as ever */
	STS_VERDICT_TESTING, /* deliver as ever, report */
	STS_VERDICT_ENFORCE, /* only as answer.entry.policy says */
	STS_VERDICT_DEFER    /* not known; answer.why says why */
};

struct sts_answer {
	enum sts_verdict verdict;
	/*
	 * STS_OK; for DEFER the reason; for NONE why there is no policy, what
	 * is wrong with the name (STS_ADDRESS_LITERAL, STS_BAD_DOMAIN), or
	 * the fault under on-local-error deliver; for a policy used although
	 * something failed, that fault.
	 */
	enum sts_status why;
	char domain[STS_NAME_MAX + 1]; /* normalised; "" where it is none */
	bool has_entry;                /* entry is filled: a live policy */
	struct sts_entry entry;
	bool has_check; /* check is filled: of the policy, or "no policy" */
	struct sts_check check;
	const struct sts_override *override; /* that decided, or NULL */
	bool asked;                          /* a resolver was started */
	bool due; /* the policy is to be fetched again in the background:
		     sts_ask has started that, after sts_ask_store the
		     caller does */
};

/* A domain that a resolver was started for, to wait for it or not. */
struct sts_asked {
	bool detached;
	int64_t at_ms;      /* monotonic */
	uint64_t directory; /* a hash of the state directory's path */
	enum sts_status status;
	char domain[STS_NAME_MAX + 1];
};

enum { STS_ASKED_MAX = 64 };

/*
 * The time that one process has used in lookups; zero it once.  At most 60 s
 * go into them, a second of each not counted; after that each waits 2 s and is
 * answered STS_BUDGET while its resolver goes on alone.  For the last 64
 * domains it starts no second resolver within a minute: what the first one
 * left in the store, or the fault that it met, is the answer.  NULL: no budget.
 */
struct sts_budget {
	int64_t slow_ms;
	size_t next_asked;
	struct sts_asked asked[STS_ASKED_MAX];
};

/*
 * Asks about a domain as it came from outside.  Always fills *answer; the
 * caller frees it with sts_answer_free.  Takes at most fetch-timeout +
 * 2 x dns-timeout + 5 s.
 */
void sts_ask(const struct sts_config *config, const char *domain,
    struct sts_budget *budget, struct sts_answer *answer);

/*
 * The same from the store alone: never starts anything, never waits.  An
 * unexpired entry answers however long ago it was checked; STS_NOT_FOUND with
 * DEFER, whatever on-local-error says, where there is none.
 */
void sts_ask_store(const struct sts_config *config, const char *domain,
    struct sts_answer *answer);

void sts_answer_free(struct sts_answer *answer);

/*
 * Starts a resolver that goes on alone, as sts_ask does for a policy that is
 * due, to fetch the domain's policy again whatever its id (RFC 8461 10.2): for
 * an MTA that found no MX host permitted by it.  The resolver does it at most
 * once in ten minutes.  `domain` is as it came from outside.  STS_OK where it
 * was started, or a fault.  Nothing is waited for but the start.
 */
enum sts_status sts_client_refetch(
    const struct sts_config *config, const char *domain);

/*
 * Starts `mta-sts-resolver` with the given further arguments (at most 8,
 * NULL-ended) as the owner of the state directory, for the command's use.
 * The child's standard output comes through child->out_fd, its standard error
 * is inherited.
 */
struct sts_child;
enum sts_status sts_client_start_resolver(const struct sts_config *config,
    const char *const *arguments, struct sts_child *child);

/*
 * What "domain NAME testing" or "enforce" makes of the verdict that a policy
 * in force gives: enforce counts as testing, or testing as enforce; none
 * stays none, defer stays defer.  Other overrides, and NULL, change nothing.
 */
enum sts_verdict sts_override_verdict(
    const struct sts_override *override, enum sts_verdict verdict);

/* "none", "testing", "enforce" or "defer". */
const char *sts_verdict_name(enum sts_verdict verdict);

#endif
