/* SPDX-License-Identifier: ISC */
/*
 * The query of every delivery: what does this domain's policy require?
 *
 * Answered from the store if possible; otherwise a resolver is started, the
 * caller waits up to its deadline, and the store is read again.  The caller may
 * be root (the resolver then runs as the owner of the state directory), the
 * MTA's user, or a user who may only read the store, or not even that.
 */
#ifndef STS_CLIENT_ASK_H
#define STS_CLIENT_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/status.h"
#include "core/policy.h"
#include "store/store.h"

enum sts_verdict {
	STS_VERDICT_NONE,    /* no policy, or mode none: as without MTA-STS */
	STS_VERDICT_TESTING, /* as without MTA-STS, and report */
	STS_VERDICT_ENFORCE, /* only as answer.entry.policy says */
	STS_VERDICT_DEFER    /* undetermined; answer.why is the reason */
};

struct sts_answer {
	enum sts_verdict verdict;
	/*
	 * STS_OK; for DEFER the reason; for NONE why there is no policy, what
	 * is wrong with the name (STS_ADDRESS_LITERAL, STS_BAD_DOMAIN), or the
	 * fault under on-local-error deliver; for a policy that is used in
	 * spite of a fault, that fault.
	 */
	enum sts_status why;
	char domain[STS_NAME_MAX + 1]; /* normalised, or "" */
	bool has_entry;                /* entry is filled: a live policy */
	struct sts_entry entry;
	bool has_check; /* check is filled: of the policy, or "no policy" */
	struct sts_check check;
	uid_t owner; /* of the state directory; 0: root, or not opened */
	const struct sts_override *override; /* the one that decided, or NULL */
	bool asked;                          /* a resolver was started */
	bool due; /* the policy is to be fetched again in the background:
		     sts_ask has started that, after sts_ask_store the
		     caller does */
};

/* A domain for which a resolver was started, detached or not. */
struct sts_asked {
	bool detached;
	int64_t at_ms;      /* monotonic */
	uint64_t directory; /* a hash of the state directory's path */
	enum sts_status status;
	char domain[STS_NAME_MAX + 1];
};

enum { STS_ASKED_MAX = 64 };

/*
 * The time that one process has spent on lookups; zero it once. 60 s in all,
 * not counting the first second of each lookup; after that each lookup waits 2
 * s and then gives STS_BUDGET, while its resolver continues.  For the last 64
 * domains no second resolver is started within a minute: the result of the
 * first one, in the store or a fault, is the answer.  NULL: no budget.
 */
struct sts_budget {
	int64_t slow_ms;
	size_t next_asked;
	struct sts_asked asked[STS_ASKED_MAX];
};

/*
 * Answers for a domain as it came from outside.  Always fills *answer; the
 * caller frees it with sts_answer_free.  Takes at most fetch-timeout + 2 x
 * dns-timeout + 5 s.
 */
void sts_ask(const struct sts_config *config, const char *domain,
    struct sts_budget *budget, struct sts_answer *answer);

/*
 * The same from the store alone: starts nothing, never waits.  Any unexpired
 * entry is used, however old its check; if there is none, DEFER with
 * STS_NOT_FOUND, regardless of on-local-error.
 */
void sts_ask_store(const struct sts_config *config, const char *domain,
    struct sts_answer *answer);

/*
 * The same; *store is what it has read from, open, for the caller to read more
 * from and to close, or NULL where the answer needed none.
 */
void sts_ask_in_store(const struct sts_config *config, const char *domain,
    struct sts_answer *answer, struct sts_store **store);

void sts_answer_free(struct sts_answer *answer);

/*
 * Starts a detached resolver, as sts_ask does for a policy that is due, to
 * fetch the domain's policy again even if its id is unchanged (RFC 8461 10.2):
 * for an MTA that found no permitted MX host.  The resolver does so at most
 * once in ten minutes.  `domain` is as it came from outside.  Returns after the
 * start: STS_OK or a fault.
 */
enum sts_status sts_client_refetch(
    const struct sts_config *config, const char *domain);

/*
 * Starts `mta-sts-resolver` with further arguments (at most 8, NULL-ended) as
 * the owner of the state directory, for mta-sts(1).  The child's standard
 * output is child->out_fd, its standard error is inherited.
 */
struct sts_child;
enum sts_status sts_client_start_resolver(const struct sts_config *config,
    const char *const *arguments, struct sts_child *child);

/*
 * The same for one that posts `len` bytes to a URL, as mta-sts-resolver(8) has
 * it; the caller writes them to child->in_fd.
 */
enum sts_status sts_client_start_post(const struct sts_config *config,
    const char *url, size_t len, struct sts_child *child);

/*
 * Starts one in serving mode, without standard error (it logs to syslog).  It
 * exits at the end of its input, after the pending answers, or after `lifetime`
 * seconds; 0 is no limit.
 */
enum sts_status sts_client_serve(const struct sts_config *config,
    unsigned lifetime, struct sts_child *child);

/*
 * Applies "domain NAME testing" or "enforce" to the verdict of a policy in
 * force: enforce becomes testing, or testing enforce; none and defer stay.
 * Other overrides, and NULL, change nothing.
 */
enum sts_verdict sts_override_verdict(
    const struct sts_override *override, enum sts_verdict verdict);

/* "none", "testing", "enforce" or "defer". */
const char *sts_verdict_name(enum sts_verdict verdict);

#endif
