/* SPDX-License-Identifier: ISC */
/*
 * What TLS reports (RFC 8460) need of a lookup: whether the domain wants them,
 * and the policy that sessions are made under.
 *
 * The _smtp._tls record is queried beside the _mta-sts record, for domains
 * without a policy too, and stored in the check for a day.  A delivery waits
 * for it no longer than for a slow _mta-sts record, and nothing else depends on
 * it: an answer that cannot be used, or none, leaves the lookup as it is.
 */
#include <string.h>

#include "core/record.h"
#include "resolver/lookup.h"
#include "store/outcomes.h"

enum {
	RECORD_LIFE = 86400, /* seconds that a record, or its lack, counts */
	RECORD_RETRY = 3600  /* the same if the DNS does not answer */
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
		(void)sts_outcomes_append_policy(
		    l->resolver->store, entry, now);
}
