/* SPDX-License-Identifier: ISC */
/*
 * What is recorded of a session.
 *
 * The dialogue says how it ended, but not with which host of the domain, nor
 * why smtpd refused a certificate.  The routes have the hosts by address, and a
 * probe of the host the reason; nor does the dialogue say, where the policy is
 * in testing, whether a certificate is valid: the plain action takes any, so
 * that a host is probed once a day.  Both are in the store, or soon will be, so
 * a session that needs them waits here for a minute at most, and is recorded
 * with what is known by then.
 */
#include "opensmtpd/filter/filter_report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/minmax.h"
#include "client/record_session.h"
#include "opensmtpd/choose_mx.h"
#include "store/outcomes.h"

enum {
	POLL_MS = 1000,
	/* Seconds: probes of a failed host are that far apart, and some. */
	PROBE_OF_FAILURE = STS_PROBE_AGAIN + 300,
	PROBE_OF_TESTING = 86400
};

struct sts_settling {
	struct sts_settling *next;
	struct sts_outcome outcome;
	enum sts_session_class class;
	int64_t end_ms, next_ms; /* sts_monotonic_ms */
	bool asked_routes, asked_probe;
};

/* What the store has about the session's domain. */
struct facts {
	struct sts_store *store;
	struct sts_check check;
	struct sts_domain_state k;
	struct sts_entry entry;        /* borrowed, or zero */
	const struct sts_route *route; /* the session's host; NULL: unknown */
	const struct sts_route
	    *choice; /* the host that a delivery begins with */
};

static void
free_facts(struct facts *x)
{
	sts_domain_state_free(&x->k);
	sts_store_close(x->store);
}

/* smtpd verifies certificates in sessions of the strict action. */
static bool
is_strict(const struct facts *x)
{
	return x->k.verdict == STS_VERDICT_ENFORCE;
}

/* A host that is known by its name, or one with the session's address. */
static void
find_route(struct facts *x, const struct sts_outcome *o)
{
	const struct sts_policy *policy = sts_domain_state_policy(&x->k);

	if (x->k.routes_status != STS_OK)
		return;
	(void)sts_choose_host(&x->k.routes, policy, o->time, &x->choice);
	if (o->mx[0] == '\0' && x->choice != NULL &&
	    sts_route_has_address(x->choice, o->receiving_ip))
		x->route = x->choice;
	for (size_t i = 0; i < x->k.routes.count && x->route == NULL; i++) {
		const struct sts_route *r = &x->k.routes.route[i];

		if (o->mx[0] != '\0'
			? strcmp(r->host, o->mx) == 0
			: sts_route_has_address(r, o->receiving_ip))
			x->route = r;
	}
}

/* False if the domain wants no reports, or nothing can be known of it. */
static bool
read_facts(struct sts_filter *f, const struct sts_outcome *o, struct facts *x)
{
	memset(x, 0, sizeof(*x));
	if (f->config.state_dir == NULL ||
	    sts_store_open(&x->store, f->config.state_dir, false) != STS_OK)
		return false;
	if (sts_store_read_check(x->store, o->domain, (int64_t)time(NULL),
		&x->check) != STS_OK ||
	    x->check.tlsrpt[0] == '\0') {
		sts_store_close(x->store);
		return false;
	}
	sts_domain_state_read(&f->config, o->domain, true, &x->k);
	/* What the operator wrote is not the domain's policy. */
	if (x->k.has_policy && !x->k.from_file)
		x->entry = x->k.entry;
	find_route(x, o);
	return true;
}

/* What a report names as the host. */
static void
set_host(struct sts_outcome *o, const struct facts *x)
{
	if (x->route != NULL)
		memcpy(o->mx, x->route->host, sizeof(o->mx));
	else if (o->mx[0] == '\0' && x->choice != NULL)
		memcpy(o->mx, x->choice->host, sizeof(o->mx));
	else if (o->mx[0] == '\0')
		sts_copy_head(o->mx, o->receiving_ip, sizeof(o->mx));
}

/* True if only a probe can tell the result of such a session. */
static bool
needs_probe(const struct facts *x, const struct sts_outcome *o,
    enum sts_session_class class)
{
	if (o->type != STS_POLICY_TYPE_STS || x->route == NULL)
		return false;
	if (is_strict(x))
		return class == STS_SESSION_BROKEN ||
		    class == STS_SESSION_DISTRUSTED;
	return class == STS_SESSION_SECURED;
}

/* True if the host's last probe is recent enough for the session. */
static bool
is_probed(const struct facts *x, const struct sts_outcome *o)
{
	int64_t life = is_strict(x) ? PROBE_OF_FAILURE : PROBE_OF_TESTING;

	return x->route->probed != 0 && x->route->probed >= o->time - life;
}

/* Certificates are what dialogues do not tell of. */
static bool
has_failed_certificate(const struct sts_route *route)
{
	return route->probe == STS_MX_CERT_EXPIRED ||
	    route->probe == STS_MX_CERT_NAME ||
	    route->probe == STS_MX_CERT_UNTRUSTED ||
	    route->probe == STS_MX_CERT_INVALID;
}

static void
set_result(struct sts_outcome *o, enum sts_result result, const char *reason)
{
	o->result = result;
	sts_copy_head(o->reason, reason, sizeof(o->reason));
}

static void
set_result_by_dialogue(struct sts_outcome *o, enum sts_session_class class)
{
	switch (class) {
	case STS_SESSION_NOT_OFFERED:
		(void)sts_outcome_set_failure(o, STS_MX_NO_STARTTLS);
		break;
	case STS_SESSION_REFUSED:
		set_result(
		    o, STS_RESULT_VALIDATION_FAILURE, "starttls-rejected");
		break;
	case STS_SESSION_BROKEN:
		set_result(o, STS_RESULT_VALIDATION_FAILURE, "handshake");
		break;
	case STS_SESSION_DISTRUSTED:
		set_result(o, STS_RESULT_VALIDATION_FAILURE, "certificate");
		break;
	default:
		set_result(o, STS_RESULT_NONE, "");
		break;
	}
}

static void
set_outcome(
    struct sts_outcome *o, const struct facts *x, enum sts_session_class class)
{
	bool sts;

	set_host(o, x);
	/* Without the policy each session has failed, whatever TLS did. */
	if (sts_outcomes_set_policy(o, &x->entry, &x->check, o->time))
		return;
	sts = o->type == STS_POLICY_TYPE_STS;
	if (sts && x->route != NULL &&
	    !sts_policy_permits(&x->entry.policy, x->route->host))
		set_result(
		    o, STS_RESULT_VALIDATION_FAILURE, STS_OUTCOME_MX_MISMATCH);
	else if (needs_probe(x, o, class) && is_probed(x, o) &&
	    has_failed_certificate(x->route))
		(void)sts_outcome_set_failure(o, x->route->probe);
	else
		set_result_by_dialogue(o, class);
}

/* True if routes or a probe are worth waiting for; has them looked up. */
static bool
must_wait(struct sts_filter *f, struct sts_settling *s, const struct facts *x)
{
	struct sts_outcome o = s->outcome;

	if (x->route == NULL && !x->k.routes_fresh) {
		if (!s->asked_routes)
			s->asked_routes = sts_worker_ask(
			    f->worker, STS_WORKER_ROUTES, o.domain);
		return s->asked_routes;
	}
	if (sts_outcomes_set_policy(&o, &x->entry, &x->check, o.time) ||
	    !needs_probe(x, &o, s->class) || is_probed(x, &o) ||
	    !sts_may_probe(&f->config, &x->k))
		return false;
	/* Failed hosts are probed anyway, in turns (filter_relay.c). */
	if (!is_strict(x) && !s->asked_probe)
		s->asked_probe =
		    sts_worker_probe(f->worker, x->route->host, "");
	return is_strict(x) || s->asked_probe;
}

/* False if the session still waits. */
static bool
settle(struct sts_filter *f, struct sts_settling *s, bool last)
{
	struct sts_outcome *o = &s->outcome;
	struct facts x;

	if (!read_facts(f, o, &x))
		return true;
	if (!last && must_wait(f, s, &x)) {
		free_facts(&x);
		return false;
	}
	set_outcome(o, &x, s->class);
	(void)sts_client_record_session(
	    x.store, &f->config, o, &x.entry, &x.check);
	free_facts(&x);
	return true;
}

void
sts_settle(struct sts_filter *f, const struct sts_outcome *outcome,
    enum sts_session_class class)
{
	struct sts_settling s = {.outcome = *outcome, .class = class}, *later;
	struct sts_reporter *r = f->reporter;
	bool full = r->settling_count >= STS_SETTLING_MAX;

	s.end_ms = sts_monotonic_ms() + STS_SETTLE_MS;
	s.next_ms = sts_monotonic_ms() + POLL_MS;
	if (settle(f, &s, full))
		return;
	if ((later = malloc(sizeof(*later))) == NULL) {
		(void)settle(f, &s, true);
		return;
	}
	*later = s;
	later->next = r->settling;
	r->settling = later;
	r->settling_count++;
}

void
sts_report_step(struct sts_filter *f, bool all)
{
	int64_t now = sts_monotonic_ms();
	struct sts_settling **at, *s;

	if (f->reporter == NULL)
		return;
	at = &f->reporter->settling;
	while ((s = *at) != NULL) {
		if (!all && now < s->next_ms) {
			at = &s->next;
			continue;
		}
		s->next_ms = now + POLL_MS;
		if (!settle(f, s, all || now >= s->end_ms)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		f->reporter->settling_count--;
		free(s);
	}
}

int64_t
sts_report_due_ms(const struct sts_filter *f)
{
	int64_t due = INT64_MAX;

	if (f->reporter == NULL)
		return due;
	for (const struct sts_settling *s = f->reporter->settling; s != NULL;
	     s = s->next)
		due = sts_min(due, s->next_ms);
	return due;
}
