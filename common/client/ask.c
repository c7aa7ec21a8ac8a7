/* SPDX-License-Identifier: ISC */
#include "client/ask.h"

#include <string.h>
#include <time.h>

#include "client/recent.h"
#include "client/run_resolver.h"
#include "client/override.h"
#include "core/domain.h"

/* One question on its way to its answer. */
struct question {
	const struct sts_config *config;
	struct sts_budget *budget;
	bool may_start; /* a resolver, and wait for it */
	struct sts_answer *answer;
};

/* What the store says of a domain at one moment. */
struct known {
	int64_t now;
	enum sts_status policy_status; /* STS_OK: entry is filled */
	enum sts_status check_status;  /* STS_OK: check is filled */
	struct sts_entry entry;
	struct sts_check check;
};

/*
 * The check first: a policy that is written between the two readings is not
 * missed.
 */
static void
read_store(struct sts_store *store, const char *domain, struct known *k)
{
	k->now = (int64_t)time(NULL);
	k->check_status =
	    sts_store_read_check(store, domain, k->now, &k->check);
	k->policy_status =
	    sts_store_read_policy(store, domain, k->now, &k->entry);
}

static bool
has_live_policy(const struct known *k)
{
	return k->policy_status == STS_OK &&
	    sts_entry_is_live(&k->entry, k->now);
}

/*
 * "No policy" counts only where there is no policy file, or an expired one: it
 * never wins over a policy in force, and a file that is damaged may hold one.
 */
static bool
may_be_none(const struct known *k)
{
	return k->check_status == STS_OK &&
	    (k->policy_status == STS_NOT_FOUND ||
		(k->policy_status == STS_OK && !has_live_policy(k)));
}

static void
forget(struct known *k)
{
	if (k->policy_status == STS_OK)
		sts_entry_free(&k->entry);
	k->policy_status = STS_NOT_FOUND;
}

/*
 * The one place where a local fault becomes an answer: it is never taken for
 * "no policy" unless the operator wants mail to go out in spite of it.  A
 * budget that is spent is no fault: other recipients' domains spend it, and the
 * next attempt has the answer.
 */
static void
answer_fault(struct question *q, enum sts_status fault)
{
	q->answer->verdict =
	    q->config->deliver_on_local_error && fault != STS_BUDGET
	    ? STS_VERDICT_NONE
	    : STS_VERDICT_DEFER;
	q->answer->why = fault;
}

/*
 * Moves the entry into the answer.  The mode decides alone, RFC 8461 5: what
 * else the MTA must check is in the policy.
 */
static void
answer_policy(struct question *q, struct sts_entry *entry)
{
	struct sts_answer *a = q->answer;

	a->entry = *entry;
	a->has_entry = true;
	memset(entry, 0, sizeof(*entry));
	switch (a->entry.policy.mode) {
	case STS_MODE_ENFORCE:
		a->verdict = STS_VERDICT_ENFORCE;
		break;
	case STS_MODE_TESTING:
		a->verdict = STS_VERDICT_TESTING;
		break;
	case STS_MODE_NONE:
		a->verdict = STS_VERDICT_NONE;
		break;
	}
}

/*
 * RFC 8461 10.2: a policy that is due answers at once, checked or not, and is
 * fetched again afterwards.
 */
static bool
answer_live(struct question *q, struct known *k, bool fresh)
{
	const struct sts_config *config = q->config;
	bool due = sts_entry_wants_refresh(
	    &k->entry, &k->check, k->now, config->refresh_after);

	/* One from the future counts as unchecked. */
	if (fresh && (!due || k->entry.unsure) &&
	    !sts_entry_is_fresh(&k->entry, &k->check, k->now, config->recheck))
		return false;
	q->answer->due = due;
	q->answer->has_check = k->check_status == STS_OK;
	q->answer->check = k->check;
	answer_policy(q, &k->entry);
	return true;
}

/* A DNS in trouble says neither that there is a policy nor that there is none.
 */
static bool
answer_none(struct question *q, const struct known *k, bool fresh)
{
	bool trouble = sts_status_is_dns_trouble(k->check.reason);

	if (!may_be_none(k) ||
	    !(fresh ? sts_check_is_fresh(&k->check, k->now)
		    : sts_check_is_none(&k->check, k->now)))
		return false;
	q->answer->verdict = trouble && q->config->on_dns_error_defer
	    ? STS_VERDICT_DEFER
	    : STS_VERDICT_NONE;
	q->answer->why = k->check.reason;
	q->answer->has_check = true;
	q->answer->check = k->check;
	return true;
}

/*
 * Answers with what is known, if it suffices: `fresh`, what needs no query,
 * else everything unexpired.
 */
static bool
answer_known(struct question *q, struct known *k, bool fresh)
{
	return has_live_policy(k) ? answer_live(q, k, fresh)
				  : answer_none(q, k, fresh);
}

/*
 * Why nothing is known, the most telling reason first: a policy file that
 * cannot be believed or read needs a person, whatever the resolver met.
 */
static enum sts_status
reason_of(const struct known *k, enum sts_status fault)
{
	if (k->policy_status != STS_OK && k->policy_status != STS_NOT_FOUND)
		return k->policy_status;
	if (fault != STS_OK)
		return fault;
	if (k->check_status != STS_OK && k->check_status != STS_NOT_FOUND)
		return k->check_status;
	return STS_INTERNAL;
}

/* Answers after everything that could be tried: `fault` is what went wrong. */
static void
decide(struct question *q, struct known *k, enum sts_status fault)
{
	enum sts_status reason;

	if (answer_known(q, k, false)) {
		if (q->answer->has_entry)
			q->answer->why = fault;
		return;
	}
	reason = reason_of(k, fault);
	/* Not known is no fault where nobody was asked. */
	if (!q->may_start && reason == STS_INTERNAL)
		q->answer->why = STS_NOT_FOUND;
	else
		answer_fault(q, reason);
}

/*
 * True where to ask again would be to wait again for the same: for what went
 * wrong here, or for a policy that could not be fetched.
 */
static bool
asked_enough(
    const struct question *q, const struct known *k, enum sts_status *fault)
{
	if (!sts_recent_recently(
		q->budget, q->config, q->answer->domain, false, fault))
		return false;
	return *fault != STS_OK ||
	    (k->check_status == STS_OK && sts_check_is_none(&k->check, k->now));
}

/*
 * A policy that was in force when the question was asked answers it, also
 * where it ran out while the resolver was at work.
 */
static void
ask_resolver(struct question *q, struct sts_store *store, struct known *before)
{
	const char *domain = q->answer->domain;
	enum sts_status fault = STS_OK;
	struct known k = *before;

	if (!asked_enough(q, before, &fault)) {
		fault = sts_client_lookup(
		    q->config, store, domain, q->budget, &q->answer->asked);
		if (q->answer->asked)
			sts_recent_note(
			    q->budget, q->config, domain, false, fault);
		read_store(store, domain, &k);
		if (has_live_policy(before) && !has_live_policy(&k)) {
			forget(&k);
			k = *before;
		} else
			forget(before);
	}
	decide(q, &k, fault);
	forget(&k);
}

/* The store, then the resolver, then the store again: one way to an answer. */
static void
ask_store(struct question *q, struct sts_store *store)
{
	struct known k;

	read_store(store, q->answer->domain, &k);
	if (answer_known(q, &k, true))
		forget(&k);
	else if (q->may_start)
		ask_resolver(q, store, &k);
	else {
		decide(q, &k, STS_OK);
		forget(&k);
	}
}

/* Once a minute from one process is enough; another one may be at it. */
static void
start_refresh(struct question *q, struct sts_store *store)
{
	struct sts_answer *a = q->answer;
	enum sts_status status;

	/* Not by a resolver that has just failed. */
	if (!a->due || !q->may_start || a->why != STS_OK ||
	    sts_recent_recently(q->budget, q->config, a->domain, true, &status))
		return;
	status = sts_client_detach(q->config, store, "--due", a->domain);
	sts_recent_note(q->budget, q->config, a->domain, true, status);
}

/* Whether the override only changes how a fetched policy counts. */
static bool
changes_mode(const struct sts_override *override)
{
	return override->kind == STS_OVERRIDE_TESTING ||
	    override->kind == STS_OVERRIDE_ENFORCE;
}

enum sts_verdict
sts_override_verdict(
    const struct sts_override *override, enum sts_verdict verdict)
{
	if (override == NULL)
		return verdict;
	if (override->kind == STS_OVERRIDE_TESTING &&
	    verdict == STS_VERDICT_ENFORCE)
		return STS_VERDICT_TESTING;
	if (override->kind == STS_OVERRIDE_ENFORCE &&
	    verdict == STS_VERDICT_TESTING)
		return STS_VERDICT_ENFORCE;
	return verdict;
}

/* What an override decides; true where that is the answer. */
static bool
ask_override(struct question *q)
{
	struct sts_answer *a = q->answer;
	struct sts_entry entry;
	enum sts_status status;

	a->override = sts_domain_override(q->config, a->domain);
	if (a->override == NULL || changes_mode(a->override))
		return false;
	a->why = STS_OK;
	a->verdict = STS_VERDICT_NONE;
	if (a->override->kind == STS_OVERRIDE_OFF)
		return true;
	status = a->override->kind == STS_OVERRIDE_BAD
	    ? STS_CONFIG
	    : sts_override_read(
		  a->override, a->domain, (int64_t)time(NULL), &entry);
	if (status == STS_OK) {
		answer_policy(q, &entry);
	} else if (status == STS_CONFIG || status == STS_UNSAFE_FILE) {
		/* An error of the operator's opens nothing, whatever he said
		 * of the machine's. */
		a->verdict = STS_VERDICT_DEFER;
		a->why = status;
	} else {
		answer_fault(q, status);
	}
	return true;
}

/* What the name alone decides; true where that is the answer. */
static bool
ask_name(struct question *q, const char *name)
{
	struct sts_answer *a = q->answer;
	enum sts_status status =
	    sts_domain_normalise(name != NULL ? name : "", a->domain);

	if (status == STS_OK)
		return false;
	a->why = status;
	a->verdict = STS_VERDICT_DEFER;
	/* RFC 8461 3.4; and what is no domain name has no policy domain. */
	if (status == STS_ADDRESS_LITERAL || status == STS_BAD_DOMAIN)
		a->verdict = STS_VERDICT_NONE;
	else if (sts_status_is_local(status))
		answer_fault(q, status);
	return true;
}

static void
ask(struct question *q, const char *name)
{
	struct sts_answer *a = q->answer;
	struct sts_store *store;
	enum sts_status status;

	memset(a, 0, sizeof(*a));
	a->verdict = STS_VERDICT_DEFER;
	if (ask_name(q, name) || ask_override(q))
		return;
	/* Without a name there was no memory to hold the configuration. */
	status = q->config->state_dir == NULL
	    ? STS_NO_MEMORY
	    : sts_store_open(&store, q->config->state_dir, false);
	if (status != STS_OK) {
		answer_fault(q, status);
		return;
	}
	ask_store(q, store);
	start_refresh(q, store);
	sts_store_close(store);
	a->verdict = sts_override_verdict(a->override, a->verdict);
}

void
sts_ask(const struct sts_config *config, const char *domain,
    struct sts_budget *budget, struct sts_answer *answer)
{
	struct question q = {config, budget, true, answer};

	ask(&q, domain);
}

void
sts_ask_store(const struct sts_config *config, const char *domain,
    struct sts_answer *answer)
{
	struct question q = {config, NULL, false, answer};

	ask(&q, domain);
}

enum sts_status
sts_client_refetch(const struct sts_config *config, const char *domain)
{
	char name[STS_NAME_MAX + 1];
	enum sts_status status = sts_domain_normalise(domain, name);

	return status == STS_OK
	    ? sts_client_detach(config, NULL, "--refetch", name)
	    : status;
}

void
sts_answer_free(struct sts_answer *answer)
{
	if (answer->has_entry)
		sts_entry_free(&answer->entry);
	answer->has_entry = false;
}

const char *
sts_verdict_name(enum sts_verdict verdict)
{
	static const char *const names[] = {
	    [STS_VERDICT_NONE] = "none",
	    [STS_VERDICT_TESTING] = "testing",
	    [STS_VERDICT_ENFORCE] = "enforce",
	    [STS_VERDICT_DEFER] = "defer",
	};

	return (size_t)verdict < sizeof(names) / sizeof(names[0])
	    ? names[verdict]
	    : "defer";
}
