/* SPDX-License-Identifier: ISC */
/*
 * What TLS reports (RFC 8460) need of a lookup: whether the domain wants them,
 * and the policy that sessions are made under.
 *
 * The _smtp._tls record is queried beside the _mta-sts record, for domains
 * without a policy too, and stored in the check for a day.  A delivery waits
 * for it no longer than for a slow _mta-sts record, and nothing else depends on
 * it: an answer that cannot be used, or none, leaves the lookup as it is.
 *
 * RFC 8461 6 wants failed fetches reported, while RFC 8460 4.3 counts sessions,
 * and a fetch is none.  Postfix lets a policy failure be the outcome of each
 * session that is made without the policy; mox adds it to the details of a
 * report and leaves the sums alone.  Here is both:
 *
 *	- Without a policy in force each session counts as one failure, with the
 *	  result and reason of the fetch, and under no other policy: the MTA's
 *	  part writes that down (sts_outcomes_set_policy).  So a report's sums
 *	  are those of the sessions that the MX hosts saw.
 *	- With a policy in force sessions count under it, as they end.
 *	- In both cases the failed fetch is an outcome without an MX host, which
 *	  is no session (sts_outcome_is_session).  A report that has sessions
 *	  names it in its details, with as many failed sessions as had its
 *	  result, which may be 0.  Alone it makes no report.
 *
 * There is one for each failed fetch, and so at most one in a back-off (RFC
 * 8461 3.3).  It is for mail: a failed refresh counts if mail used the policy
 * during the last day.  A policy of mode none asks for nothing.
 */
#include <string.h>

#include "core/outcome.h"
#include "core/record.h"
#include "resolver/lookup.h"
#include "store/outcomes.h"

enum {
	USED_LATELY = 86400,
	RECORD_LIFE = 86400, /* seconds that a record, or its lack, counts */
	RECORD_RETRY = 3600, /* the same if the DNS does not answer */
	INVALID_BYTES = 2000 /* of what is no policy */
};

void
sts_tlsrpt_read(struct sts_lookup *l)
{
	if (sts_config_reports(l->resolver->config))
		return;
	l->check.tlsrpt_next = 0;
	l->check.tlsrpt[0] = '\0';
}

/* For a delivery only: a refresh makes no session. */
bool
sts_tlsrpt_is_due(const struct sts_lookup *l, int64_t now)
{
	return l->task == STS_TASK_LOOKUP && now >= l->check.tlsrpt_next &&
	    sts_config_reports(l->resolver->config);
}

/* The one of the set that counts; it is there. */
static struct sts_span
usable(const struct sts_span *records, size_t count)
{
	struct sts_rua_list list;
	size_t i = 0;

	while (
	    i + 1 < count && sts_record_tlsrpt(&records[i], 1, &list) != STS_OK)
		i++;
	return records[i];
}

void
sts_tlsrpt_answer(struct sts_lookup *l, enum sts_status status,
    const struct sts_span *records, size_t count, int64_t now)
{
	struct sts_check *c = &l->check;
	struct sts_rua_list list;

	if (sts_status_is_local(status))
		return;
	if (status != STS_OK && status != STS_DNS_NXDOMAIN &&
	    status != STS_DNS_NODATA) {
		c->tlsrpt_next = now + RECORD_RETRY;
		return;
	}
	c->tlsrpt_next = now + RECORD_LIFE;
	c->tlsrpt[0] = '\0';
	/* One that is too long is not stored, and counts as none. */
	if (status == STS_OK &&
	    sts_record_tlsrpt(records, count, &list) == STS_OK)
		(void)sts_span_copy(
		    usable(records, count), c->tlsrpt, sizeof(c->tlsrpt));
}

void
sts_tlsrpt_fetched(
    struct sts_lookup *l, const struct sts_entry *entry, int64_t now)
{
	if (l->check.tlsrpt[0] != '\0')
		(void)sts_outcomes_append_policy(l->resolver->store, l->domain,
		    entry->fetched, l->body, now);
}

/*
 * What is no policy is shown as well, errors included (RFC 8460 4.5), if it is
 * short enough to have been meant as one.
 */
static void
append_invalid(struct sts_lookup *l, int64_t now)
{
	if (l->body.len > 0 && l->body.len <= INVALID_BYTES &&
	    memchr(l->body.p, '\0', l->body.len) == NULL)
		(void)sts_outcomes_append_policy(
		    l->resolver->store, l->domain, 0, l->body, now);
}

static bool
is_for_mail(const struct sts_lookup *l, int64_t now)
{
	return (l->task != STS_TASK_REFRESH && l->task != STS_TASK_FORCE) ||
	    now - l->check.used < USED_LATELY;
}

void
sts_tlsrpt_failed(struct sts_lookup *l, enum sts_status reason, int64_t now)
{
	struct sts_outcome o = {.time = now, .type = STS_POLICY_TYPE_STS};
	bool live = sts_entry_is_live(&l->entry, now);

	if (l->check.tlsrpt[0] == '\0' || !is_for_mail(l, now) ||
	    (live && l->entry.policy.mode == STS_MODE_NONE) ||
	    !sts_outcome_set_failure(&o, reason))
		return;
	memcpy(o.domain, l->domain, sizeof(o.domain));
	if (live)
		o.fetched = l->entry.fetched;
	(void)sts_outcomes_append(l->resolver->store, &o);
	if (!live)
		append_invalid(l, now);
}
