/* SPDX-License-Identifier: ISC */
#include "exim/event_record.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/cursor.h"
#include "base/log.h"
#include "client/ask.h"
#include "client/record_session.h"
#include "core/policy.h"
#include "exim/answered.h"
#include "store/outcomes.h"
#include "store/routes.h"
#include "store/store.h"

enum {
	NAMES_BYTES_MAX = 65536, /* of a certificate's names */
	NAMES_TRIED_MAX = 32,    /* of them against a policy */
	NO_MX_MAX = 16           /* domains that one process remembers */
};

/* What the outcome is made with. */
struct recording {
	const struct sts_session *session;
	const struct sts_answered *answered; /* the router's, or `read` */
	struct sts_answered read;
	struct sts_store *store;
	bool known; /* the store, from `answered`: it is not open */
	struct sts_outcome outcome;
};

static struct sts_cursor
names_cursor(const char *names)
{
	return sts_cursor_make(names, strnlen(names, NAMES_BYTES_MAX));
}

/* Before the comparison proper, which costs more. */
static bool
may_be(struct sts_span name, size_t host_len)
{
	return name.len == host_len || (name.len > 0 && name.p[0] == '*');
}

bool
sts_session_is_named(const char *names, const char *host)
{
	struct sts_cursor c = names_cursor(names);
	size_t host_len = strlen(host);
	struct sts_span line;
	char name[STS_PATTERN_MAX + 1];

	while (sts_cursor_until(&c, '\n', &line)) {
		if (may_be(line, host_len) &&
		    sts_span_copy(line, name, sizeof(name)) &&
		    sts_mx_match(name, host))
			return true;
	}
	return false;
}

static bool
permits_a_name(const struct sts_policy *policy, const char *names)
{
	struct sts_cursor c = names_cursor(names);
	struct sts_span line;
	char name[STS_NAME_MAX + 1];

	for (int i = 0; i < NAMES_TRIED_MAX; i++) {
		if (!sts_cursor_until(&c, '\n', &line))
			return false;
		/* "*" stands for a label, as any other does. */
		if (sts_span_copy(line, name, sizeof(name)) && name[0] == '*')
			name[0] = 'x';
		if (sts_policy_permits(policy, name))
			return true;
	}
	return false;
}

/*
 * True if the MX host is outside a testing policy.  Under an enforce policy the
 * router has left out such hosts, by the names of the MX records.
 *
 * Exim has only the host's name after CNAME.  Where the verified certificate
 * does not have it, the MX record's name is another one, of the certificate's.
 */
static bool
is_outside(
    const struct recording *r, enum sts_session_end end, const char *names)
{
	const struct sts_session *s = r->session;
	const struct sts_policy *policy = &r->answered->answer.entry.policy;

	if (s->host[0] == '\0' || strcmp(s->mode, "enforce") == 0 ||
	    sts_policy_permits(policy, s->host))
		return false;
	return end != STS_END_VERIFIED || s->named ||
	    !permits_a_name(policy, names);
}

static void
set_failure(struct sts_outcome *o, enum sts_result result, const char *reason)
{
	o->result = result;
	sts_copy_head(o->reason, reason, sizeof(o->reason));
}

/* The words of probes, so that all of ours say the same in a report. */
static enum sts_status
by_certificate(const struct sts_session *s)
{
	if (s->has_certificate && s->expired)
		return STS_MX_CERT_EXPIRED;
	if (s->has_certificate && !s->named)
		return STS_MX_CERT_NAME;
	return STS_MX_CERT_UNTRUSTED;
}

static bool
has_dns_form(struct sts_span name)
{
	if (name.len > 2 && memcmp(name.p, "*.", 2) == 0) {
		name.p += 2;
		name.len -= 2;
	}
	return name.len > 0 && memchr(name.p, '*', name.len) == NULL;
}

/*
 * False for a verified certificate that the enforcing transport refuses: TLS
 * libraries also take a common name, and "*x.example.org".  Exim has only the
 * host's name after CNAME, so that one cannot be asked for.
 */
static bool
is_by_dns_name(const struct sts_session *s, const char *names)
{
	struct sts_cursor c = names_cursor(names);
	struct sts_span line;
	bool any = false;

	if (!s->has_certificate || s->named)
		return true;
	while (sts_cursor_until(&c, '\n', &line)) {
		if (!has_dns_form(line))
			return false;
		any = true;
	}
	return any;
}

static void
set_result(const struct sts_session *s, enum sts_session_end end,
    const char *names, struct sts_outcome *o)
{
	switch (end) {
	case STS_END_NO_STARTTLS:
		(void)sts_outcome_set_failure(o, STS_MX_NO_STARTTLS);
		break;
	case STS_END_REJECTED:
		set_failure(
		    o, STS_RESULT_VALIDATION_FAILURE, "starttls-rejected");
		break;
	case STS_END_HANDSHAKE:
		set_failure(o, STS_RESULT_VALIDATION_FAILURE, "handshake");
		break;
	case STS_END_CERTIFICATE:
		(void)sts_outcome_set_failure(o, by_certificate(s));
		break;
	case STS_END_DANE:
		set_failure(o, s->dane_result, "dane");
		break;
	case STS_END_UNVERIFIED:
		/* Without a policy nothing asks for a valid certificate. */
		if (o->type != STS_POLICY_TYPE_NO_POLICY_FOUND)
			(void)sts_outcome_set_failure(o, by_certificate(s));
		break;
	case STS_END_VERIFIED:
		if (o->type == STS_POLICY_TYPE_STS && !is_by_dns_name(s, names))
			(void)sts_outcome_set_failure(o, STS_MX_CERT_NAME);
		break;
	}
}

/* The policy under which the session was made; true: and its result. */
static bool
set_policy(struct recording *r)
{
	const struct sts_session *s = r->session;
	const struct sts_answer *a = &r->answered->answer;
	struct sts_outcome *o = &r->outcome;

	if (s->dane) {
		/* RFC 8461 2: DANE is not overridden. */
		o->type = STS_POLICY_TYPE_TLSA;
		return false;
	}
	if (sts_outcomes_set_policy(o, &a->entry, &a->check, r->answered->when))
		return true;
	/* The router did not use it: one that came later, or an override. */
	if (strcmp(s->mode, "none") == 0) {
		o->type = STS_POLICY_TYPE_NO_POLICY_FOUND;
		o->fetched = 0;
	}
	return false;
}

static void
fill(struct recording *r, enum sts_session_end end, const char *names)
{
	const struct sts_session *s = r->session;
	struct sts_outcome *o = &r->outcome;

	if (set_policy(r))
		return;
	if (o->type == STS_POLICY_TYPE_STS && is_outside(r, end, names))
		set_failure(
		    o, STS_RESULT_VALIDATION_FAILURE, STS_OUTCOME_MX_MISMATCH);
	else
		set_result(s, end, names, o);
}

static const char *
file_of(const struct sts_session *s)
{
	return s->config_file[0] != '\0' ? s->config_file : NULL;
}

/*
 * For a domain that no router of this process has asked for: another one has,
 * and was replaced by exec(3), or there were too many.
 */
static bool
read_again(struct recording *r)
{
	struct sts_config *config = &r->read.config;

	r->answered = &r->read;
	if (sts_config_load(config, file_of(r->session), NULL, NULL) !=
		STS_OK ||
	    !sts_config_reports(config))
		return false;
	sts_ask_store(config, r->session->domain, &r->read.answer);
	r->read.when = (int64_t)time(NULL);
	return r->read.answer.check.tlsrpt[0] != '\0';
}

static bool
open_store(struct recording *r)
{
	return sts_store_open(
		   &r->store, r->answered->config.state_dir, false) == STS_OK;
}

/* Nothing need be open for it, unless this process is root. */
static bool
open_to_append(struct recording *r)
{
	r->known = sts_store_know(&r->store, r->answered->config.state_dir,
		       r->answered->answer.owner) == STS_OK;
	return r->known || open_store(r);
}

static void
set_session(struct recording *r)
{
	const struct sts_session *s = r->session;
	struct sts_outcome *o = &r->outcome;

	o->time = (int64_t)time(NULL);
	memcpy(o->domain, s->domain, sizeof(o->domain));
	memcpy(o->mx, s->host, sizeof(o->mx));
	memcpy(o->receiving_ip, s->address, sizeof(o->receiving_ip));
	memcpy(o->sending_ip, s->source, sizeof(o->sending_ip));
	memcpy(o->helo, s->helo, sizeof(o->helo));
}

/* False if the domain wants no reports. */
static bool
begin(struct recording *r, const struct sts_session *s)
{
	memset(r, 0, sizeof(*r));
	r->session = s;
	r->answered = sts_answered_find(file_of(s), s->domain);
	if (r->answered == NULL && !read_again(r))
		return false;
	set_session(r);
	return true;
}

static void
end_recording(struct recording *r)
{
	if (r->store != NULL)
		sts_store_close(r->store);
	sts_answer_free(&r->read.answer);
	sts_config_free(&r->read.config);
}

/* The logger is for this only: all else that is done here is a delivery's. */
static bool
write_outcome(struct recording *r)
{
	const struct sts_config *config = &r->answered->config;
	const struct sts_answer *a = &r->answered->answer;
	bool done;

	sts_log_open("mta-sts", STS_LOG_DATAGRAM, config->log_level);
	if (r->known)
		done = sts_outcomes_session(
		    r->store, config, &r->outcome, &a->entry, &a->check);
	else
		done = sts_client_record_session(
		    r->store, config, &r->outcome, &a->entry, &a->check);
	sts_log_open("mta-sts", STS_LOG_NOWHERE, STS_LOG_INFO);
	return done;
}

void
sts_session_record(const struct sts_session *session, enum sts_session_end end,
    const char *names)
{
	struct recording r;

	if (begin(&r, session) && open_to_append(&r)) {
		fill(&r, end, names);
		(void)write_outcome(&r);
	}
	end_recording(&r);
}

/* Exim routes each recipient, so each would count. */
static bool
is_first(const char *domain)
{
	static char seen[NO_MX_MAX][STS_NAME_MAX + 1];
	static unsigned next;
	static pid_t process;

	if (process != getpid()) {
		process = getpid();
		memset(seen, 0, sizeof(seen));
	}
	for (unsigned i = 0; i < NO_MX_MAX; i++) {
		if (strcmp(seen[i], domain) == 0)
			return false;
	}
	sts_copy_head(seen[next++ % NO_MX_MAX], domain, sizeof(seen[0]));
	return true;
}

/*
 * The MX host that would have been tried first.  False if it is not known that
 * there are MX hosts and none is permitted: a permitted one may be without a
 * usable address.
 */
static bool
find_mx(struct recording *r)
{
	struct sts_outcome *o = &r->outcome;
	struct sts_routes routes;

	if (sts_store_read_routes(r->store, o->domain, o->time, &routes) !=
		STS_OK ||
	    routes.status != STS_OK || routes.count == 0 ||
	    routes.unusable != STS_OK)
		return false;
	for (size_t i = 0; i < routes.count; i++) {
		if (routes.route[i].permitted)
			return false;
	}
	memcpy(o->mx, routes.route[0].host, sizeof(o->mx));
	o->receiving_ip[0] = o->sending_ip[0] = '\0';
	return true;
}

void
sts_session_record_no_mx(const struct sts_session *session)
{
	static bool lost;
	struct recording r;

	/* Exim is root here, and a child that hangs costs a second. */
	if (lost || !is_first(session->domain))
		return;
	if (begin(&r, session) && open_store(&r) && find_mx(&r) &&
	    !set_policy(&r) && r.outcome.type == STS_POLICY_TYPE_STS) {
		set_failure(&r.outcome, STS_RESULT_VALIDATION_FAILURE,
		    STS_OUTCOME_MX_MISMATCH);
		lost = !write_outcome(&r);
	}
	end_recording(&r);
}
