/* SPDX-License-Identifier: ISC */
#include "client/ask.h"

#include <string.h>
#include <time.h>

#include "client/recent.h"
#include "client/run_resolver.h"
#include "client/override.h"
#include "core/domain.h"

/* One query of a caller. */
struct question {
	const struct sts_config *config;
	struct sts_budget *budget;
	bool may_start; /* a resolver, and wait for it */
	struct sts_answer *answer;
};

/* A domain's data in the store at one moment. */
struct stored {
	int64_t now;
	enum sts_status policy_status; /* STS_OK: entry is filled */
	enum sts_status check_status;  /* STS_OK: check is filled */
	struct sts_entry entry;
	struct sts_check check;
};

/*
 * Reads the check first, so as not to miss a policy that is written in between.
 */
static void
read_store(struct sts_store *store, const char *domain, struct stored *s)
{
	s->now = (int64_t)time(NULL);
	s->check_status =
	    sts_store_read_check(store, domain, s->now, &s->check);
	s->policy_status =
	    sts_store_read_policy(store, domain, s->now, &s->entry);
}

static bool
has_live_policy(const struct stored *s)
{
	return s->policy_status == STS_OK &&
	    sts_entry_is_live(&s->entry, s->now);
}

/*
 * "No policy" counts only if there is no policy file, or an expired one: a
 * policy in force takes precedence, and a damaged file may contain one.
 */
static bool
may_be_none(const struct stored *s)
{
	return s->check_status == STS_OK &&
	    (s->policy_status == STS_NOT_FOUND ||
		(s->policy_status == STS_OK && !has_live_policy(s)));
}

static void
forget(struct stored *s)
{
	if (s->policy_status == STS_OK)
		sts_entry_free(&s->entry);
	s->policy_status = STS_NOT_FOUND;
}

/*
 * The one function that turns a local fault into an answer: never "no policy",
 * unless the operator wants mail delivered nevertheless.  An exhausted budget
 * is not a fault: other domains of the message used it up, and the next attempt
 * has the answer.
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
 * Moves the entry into the answer.  Only the mode decides, RFC 8461 5; the
 * policy has the rest for the MTA.
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
 * RFC 8461 10.2: a policy that is due for a refresh answers at once and is
 * fetched afterwards.
 */
static bool
answer_live(struct question *q, struct stored *s, bool fresh)
{
	const struct sts_config *config = q->config;
	bool due = sts_entry_wants_refresh(
	    &s->entry, &s->check, s->now, config->refresh_after);

	/* A policy from the future counts as unchecked. */
	if (fresh && (!due || s->entry.unsure) &&
	    !sts_entry_is_fresh(&s->entry, &s->check, s->now, config->recheck))
		return false;
	q->answer->due = due;
	q->answer->has_check = s->check_status == STS_OK;
	q->answer->check = s->check;
	answer_policy(q, &s->entry);
	return true;
}

/* After a DNS failure it is unknown whether the domain has a policy. */
static bool
answer_none(struct question *q, const struct stored *s, bool fresh)
{
	bool trouble = sts_status_is_dns_trouble(s->check.reason);

	if (!may_be_none(s) ||
	    !(fresh ? sts_check_is_fresh(&s->check, s->now)
		    : sts_check_is_none(&s->check, s->now)))
		return false;
	q->answer->verdict = trouble && q->config->on_dns_error_defer
	    ? STS_VERDICT_DEFER
	    : STS_VERDICT_NONE;
	q->answer->why = s->check.reason;
	q->answer->has_check = true;
	q->answer->check = s->check;
	return true;
}

/*
 * Answers from the store: `fresh`, from what needs no query, else from
 * everything unexpired.
 */
static bool
answer_from_store(struct question *q, struct stored *s, bool fresh)
{
	return has_live_policy(s) ? answer_live(q, s, fresh)
				  : answer_none(q, s, fresh);
}

/*
 * Why there is no answer, the most useful reason first: a damaged or unreadable
 * policy file needs the operator, whatever the resolver reported.
 */
static enum sts_status
reason_of(const struct stored *s, enum sts_status fault)
{
	if (s->policy_status != STS_OK && s->policy_status != STS_NOT_FOUND)
		return s->policy_status;
	if (fault != STS_OK)
		return fault;
	if (s->check_status != STS_OK && s->check_status != STS_NOT_FOUND)
		return s->check_status;
	return STS_INTERNAL;
}

/* Decides when there is nothing left to try; `fault` is what failed. */
static void
decide(struct question *q, struct stored *s, enum sts_status fault)
{
	enum sts_status reason;

	if (answer_from_store(q, s, false)) {
		if (q->answer->has_entry)
			q->answer->why = fault;
		return;
	}
	reason = reason_of(s, fault);
	/* If no resolver may be started, an unknown domain is no fault. */
	if (!q->may_start && reason == STS_INTERNAL)
		q->answer->why = STS_NOT_FOUND;
	else
		answer_fault(q, reason);
}

/*
 * True if asking again would mean waiting again for the same result: a recent
 * local fault, or a policy that could not be fetched.
 */
static bool
asked_enough(
    const struct question *q, const struct stored *s, enum sts_status *fault)
{
	if (!sts_recent_recently(
		q->budget, q->config, q->answer->domain, false, fault))
		return false;
	return *fault != STS_OK ||
	    (s->check_status == STS_OK && sts_check_is_none(&s->check, s->now));
}

/*
 * A policy that was in force at the beginning answers even if it expired during
 * the lookup.
 */
static void
ask_resolver(struct question *q, struct sts_store *store, struct stored *before)
{
	const char *domain = q->answer->domain;
	enum sts_status fault = STS_OK;
	struct stored s = *before;

	if (!asked_enough(q, before, &fault)) {
		fault = sts_client_lookup(
		    q->config, store, domain, q->budget, &q->answer->asked);
		if (q->answer->asked)
			sts_recent_note(
			    q->budget, q->config, domain, false, fault);
		read_store(store, domain, &s);
		if (has_live_policy(before) && !has_live_policy(&s)) {
			forget(&s);
			s = *before;
		} else
			forget(before);
	}
	decide(q, &s, fault);
	forget(&s);
}

/* The store, then the resolver, then the store again. */
static void
ask_store(struct question *q, struct sts_store *store)
{
	struct stored s;

	read_store(store, q->answer->domain, &s);
	if (answer_from_store(q, &s, true))
		forget(&s);
	else if (q->may_start)
		ask_resolver(q, store, &s);
	else {
		decide(q, &s, STS_OK);
		forget(&s);
	}
}

/* Once a minute from one process is enough; others may do the same. */
static void
start_refresh(struct question *q, struct sts_store *store)
{
	struct sts_answer *a = q->answer;
	enum sts_status status;

	/* Not after the resolver has just failed. */
	if (!a->due || !q->may_start || a->why != STS_OK ||
	    sts_recent_recently(q->budget, q->config, a->domain, true, &status))
		return;
	status = sts_client_detach(q->config, store, "--due", a->domain);
	sts_recent_note(q->budget, q->config, a->domain, true, status);
}

/* True if the override only changes the mode of a fetched policy. */
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

/* Applies an override; true if it is the answer. */
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
		/* The operator's error must not unprotect the domain. */
		a->verdict = STS_VERDICT_DEFER;
		a->why = status;
	} else {
		answer_fault(q, status);
	}
	return true;
}

/* Normalises the name; true if it alone is the answer. */
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
	/* RFC 8461 3.4; what is not a domain name has no policy domain. */
	if (status == STS_ADDRESS_LITERAL || status == STS_BAD_DOMAIN)
		a->verdict = STS_VERDICT_NONE;
	else if (sts_status_is_local(status))
		answer_fault(q, status);
	return true;
}

/* Leaves the store open if it was needed; else *store is NULL. */
static void
ask(struct question *q, const char *name, struct sts_store **store)
{
	struct sts_answer *a = q->answer;
	enum sts_status status;

	*store = NULL;
	memset(a, 0, sizeof(*a));
	a->verdict = STS_VERDICT_DEFER;
	if (ask_name(q, name) || ask_override(q))
		return;
	/* No state_dir: loading the configuration ran out of memory. */
	status = q->config->state_dir == NULL
	    ? STS_NO_MEMORY
	    : sts_store_open(store, q->config->state_dir, false);
	if (status != STS_OK) {
		answer_fault(q, status);
		return;
	}
	a->owner = sts_store_uid(*store);
	ask_store(q, *store);
	start_refresh(q, *store);
	a->verdict = sts_override_verdict(a->override, a->verdict);
}

void
sts_ask(const struct sts_config *config, const char *domain,
    struct sts_budget *budget, struct sts_answer *answer)
{
	struct question q = {config, budget, true, answer};
	struct sts_store *store;

	ask(&q, domain, &store);
	sts_store_close(store);
}

void
sts_ask_in_store(const struct sts_config *config, const char *domain,
    struct sts_answer *answer, struct sts_store **store)
{
	struct question q = {config, NULL, false, answer};

	ask(&q, domain, store);
}

void
sts_ask_store(const struct sts_config *config, const char *domain,
    struct sts_answer *answer)
{
	struct sts_store *store;

	sts_ask_in_store(config, domain, answer, &store);
	sts_store_close(store);
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
