/* SPDX-License-Identifier: ISC */
/*
 * The client's own answer comes first, with its overrides and its rules for
 * local faults; without one in force, older data follow.  RFC 8461 3.3 lets a
 * policy expire; here an expired one is used until a lookup has the current
 * one, a matter of seconds, since it is the safer of the two answers.
 */
#include "opensmtpd/domain_state.h"

#include <string.h>
#include <time.h>

#include "core/domain.h"
#include "opensmtpd/choose_mx.h"

/* True if a live answer of the store needs no new lookup. */
static bool
is_fresh(
    const struct sts_config *config, const struct sts_answer *a, int64_t now)
{
	if (a->override != NULL && a->override->kind != STS_OVERRIDE_TESTING &&
	    a->override->kind != STS_OVERRIDE_ENFORCE)
		return true;
	if (a->has_entry)
		return (a->due && !a->entry.unsure) ||
		    sts_entry_is_fresh(
			&a->entry, &a->check, now, config->recheck);
	if (a->has_check)
		return sts_check_is_fresh(&a->check, now);
	/* Not a domain name: nothing to look up. */
	return a->verdict == STS_VERDICT_NONE && !sts_status_is_local(a->why);
}

/* What a "no policy" is worth. */
enum worth { WORTHLESS, AN_ANSWER, KNOWLEDGE };

/*
 * How long an old one counts: it answers for 30 days.  One from a DNS failure
 * or a failed fetch says nothing about the domain after its time.
 */
static enum worth
worth_of(const struct sts_check *check, int64_t now)
{
	if (check->reason == STS_OK ||
	    now - check->checked > STS_NONE_STALE_MAX)
		return WORTHLESS;
	switch (sts_status_class(check->reason)) {
	case STS_CLASS_DNS:
		return sts_check_is_fresh(check, now) ? KNOWLEDGE : AN_ANSWER;
	case STS_CLASS_FETCH:
	case STS_CLASS_POLICY:
		return sts_check_is_none(check, now) ? KNOWLEDGE : AN_ANSWER;
	default:
		return KNOWLEDGE;
	}
}

/* Moves the entry, so that it is freed once. */
static void
move_entry(struct sts_domain_state *k, struct sts_entry *entry)
{
	k->entry = *entry;
	k->has_policy = true;
	memset(entry, 0, sizeof(*entry));
}

/* The client's verdict, if the policy were still in force. */
static enum sts_verdict
verdict_of(const struct sts_config *config, const struct sts_domain_state *k)
{
	static const enum sts_verdict verdicts[] = {
	    [STS_MODE_NONE] = STS_VERDICT_NONE,
	    [STS_MODE_TESTING] = STS_VERDICT_TESTING,
	    [STS_MODE_ENFORCE] = STS_VERDICT_ENFORCE,
	};

	return sts_override_verdict(sts_domain_override(config, k->domain),
	    verdicts[k->entry.policy.mode]);
}

/*
 * Nothing is in force: the later one of an expired policy and an outdated "no
 * policy" is the domain's last known state.
 */
static void
read_old(const struct sts_config *config, struct sts_store *store, int64_t now,
    struct sts_domain_state *k)
{
	struct sts_check check;
	struct sts_entry entry;
	bool is_none =
	    sts_store_read_check(store, k->domain, now, &check) == STS_OK &&
	    worth_of(&check, now) != WORTHLESS;
	bool has_policy =
	    sts_store_read_policy(store, k->domain, now, &entry) == STS_OK;

	if (is_none && (!has_policy || check.checked >= entry.expires)) {
		bool trouble = sts_status_is_dns_trouble(check.reason);

		k->verdict = trouble && config->on_dns_error_defer
		    ? STS_VERDICT_DEFER
		    : STS_VERDICT_NONE;
		k->why = check.reason;
		k->lapsed = worth_of(&check, now) == AN_ANSWER;
	} else if (has_policy) {
		move_entry(k, &entry);
		k->verdict = verdict_of(config, k);
		k->why = STS_OK;
		has_policy = false;
	}
	if (has_policy)
		sts_entry_free(&entry);
}

/* Then they are outdated: a domain that changes MX hosts changes both. */
static bool
routes_precede_policy(const struct sts_domain_state *k)
{
	return k->has_policy && k->routes.recorded < k->entry.fetched;
}

/*
 * Routes without a usable host are looked up again soon: nothing else shows
 * that a domain's DNS was fixed.
 */
static bool
routes_are_fresh(const struct sts_domain_state *k, int64_t now)
{
	int64_t age = now - k->routes.recorded;
	bool useful = k->routes.status == STS_OK &&
	    sts_routes_permitted(&k->routes, sts_domain_state_policy(k)) > 0;

	return !k->routes.unsure &&
	    (k->from_file || !routes_precede_policy(k)) &&
	    age < (useful ? STS_ROUTES_FRESH : STS_EMPTY_TTL);
}

/*
 * Reads the rest from the store, which the answer may have opened, if that is
 * incomplete.
 */
static void
read_more(const struct sts_config *config, struct sts_store **store,
    bool want_routes, int64_t now, struct sts_domain_state *k)
{
	bool want_old =
	    k->verdict == STS_VERDICT_DEFER && k->why == STS_NOT_FOUND;

	if (k->domain[0] == '\0' || (!want_old && !want_routes))
		return;
	k->routes_status = STS_OK;
	if (*store == NULL)
		k->routes_status = config->state_dir == NULL
		    ? STS_NO_MEMORY
		    : sts_store_open(store, config->state_dir, false);
	if (k->routes_status != STS_OK)
		return;
	if (want_old)
		read_old(config, *store, now, k);
	k->routes_status = STS_NOT_FOUND;
	if (want_routes)
		k->routes_status =
		    sts_store_read_routes(*store, k->domain, now, &k->routes);
	if (k->routes_status != STS_OK)
		return;
	if (now - k->routes.recorded > STS_STALE_MAX)
		k->routes_status = STS_NOT_FOUND;
	k->routes_fresh = routes_are_fresh(k, now);
}

void
sts_domain_state_read(const struct sts_config *config, const char *name,
    bool want_routes, struct sts_domain_state *known)
{
	struct sts_answer answer;
	struct sts_store *store;
	int64_t now;

	memset(known, 0, sizeof(*known));
	sts_ask_in_store(config, name, &answer, &store);
	now = (int64_t)time(NULL);
	memcpy(known->domain, answer.domain, sizeof(known->domain));
	known->verdict = answer.verdict;
	known->why = answer.why;
	known->fresh = is_fresh(config, &answer, now);
	known->due = answer.due;
	known->from_file = answer.override != NULL &&
	    answer.override->kind == STS_OVERRIDE_POLICY;
	known->lapsed = answer.has_check && !answer.has_entry &&
	    worth_of(&answer.check, now) == AN_ANSWER;
	known->wants_reports =
	    answer.has_check && answer.check.tlsrpt[0] != '\0';
	if (answer.has_entry) {
		move_entry(known, &answer.entry);
		answer.has_entry = false;
	}
	sts_answer_free(&answer);
	known->routes_status = STS_NOT_FOUND;
	read_more(config, &store, want_routes, now, known);
	sts_store_close(store);
}

void
sts_domain_state_free(struct sts_domain_state *known)
{
	if (known->has_policy)
		sts_entry_free(&known->entry);
	known->has_policy = false;
}

/*
 * Mail needs hosts only if the table will match its domain; mail for which
 * smtpd asks for a host was queued strictly, and stays so when the policy is
 * withdrawn.  Domains without routes have no mail in the queue.
 */
static bool
needs_routes(const struct sts_domain_state *k, enum sts_moment moment)
{
	bool strict = k->verdict == STS_VERDICT_ENFORCE;
	bool has_mail = strict && k->routes_status == STS_OK;

	switch (moment) {
	case STS_HOST_ANSWERED:
		return !k->routes_fresh;
	case STS_MAIL_COMES:
		return strict && !k->routes_fresh && k->fresh;
	case STS_MAIL_LOOKED_UP:
		return strict && !k->routes_fresh;
	case STS_QUEUE_LOOKED_UP:
		return has_mail && !k->routes_fresh;
	case STS_QUEUE_REFRESHED:
		return has_mail && routes_precede_policy(k);
	default:
		return false;
	}
}

bool
sts_domain_state_needs(const struct sts_domain_state *known,
    enum sts_moment moment, enum sts_worker_what *what)
{
	bool routes = needs_routes(known, moment);
	bool lookup = !known->fresh &&
	    (moment == STS_POLICY_ANSWERED || moment == STS_HOST_ANSWERED ||
		moment == STS_MAIL_COMES);

	*what = routes ? STS_WORKER_ROUTES : STS_WORKER_LOOKUP;
	return known->domain[0] != '\0' && (routes || lookup);
}
