/* SPDX-License-Identifier: ISC */
/* The TXT record of _mta-sts.DOMAIN, RFC 8461 3.1. */
#include <string.h>

#include "core/record.h"
#include "publish/checks.h"

#define VERSION "v=STSv1"

#define PROBLEM(name, advice)                        \
	static const struct sts_checks_rule name = { \
	    STS_PUBLISH_PROBLEM, STS_PART_RECORD, "record_" #name, advice}

PROBLEM(dns,
    "see that every name server of DOMAIN answers TXT queries for "
    "_mta-sts.DOMAIN");
PROBLEM(missing, "publish: _mta-sts.DOMAIN. IN TXT \"v=STSv1; id=1\"");
PROBLEM(other,
    "add: _mta-sts.DOMAIN. IN TXT \"v=STSv1; id=1\", written exactly so");
PROBLEM(wrong_name, "move it to _mta-sts.DOMAIN");
PROBLEM(twice,
    "in the zone file end the name with a dot, _mta-sts.DOMAIN., or write "
    "_mta-sts alone");
PROBLEM(wildcard,
    "publish the record at _mta-sts.DOMAIN itself, and leave it out of the "
    "wildcard");
PROBLEM(several, "remove all but one of them");
PROBLEM(ill_formed,
    "publish: _mta-sts.DOMAIN. IN TXT \"v=STSv1; id=1\", the id 1 to 32 "
    "letters and digits");

static bool
is_sts(struct sts_span record)
{
	return record.len >= strlen(VERSION) &&
	    memcmp(record.p, VERSION, strlen(VERSION)) == 0;
}

static size_t
count_sts(const struct sts_published_txt *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += is_sts(set->record[i]);
	return count;
}

static bool
is_same(struct sts_span a, struct sts_span b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* Whether a name that cannot be there is answered like _mta-sts. */
static bool
is_wildcard(const struct sts_published *p)
{
	const struct sts_published_txt *at = &p->txt[STS_AT_RECORD];
	const struct sts_published_txt *wild = &p->txt[STS_AT_WILDCARD];

	if (at->count == 0 || wild->count != at->count)
		return false;
	for (size_t i = 0; i < at->count; i++) {
		bool found = false;

		for (size_t k = 0; k < wild->count && !found; k++)
			found = is_same(at->record[i], wild->record[k]);
		if (!found)
			return false;
	}
	return true;
}

/* Where the record is that is not at its place. */
static void
check_missing(const struct sts_checks *c)
{
	const struct sts_published *p = c->p;
	const struct sts_published_txt *at = &p->txt[STS_AT_RECORD];

	if (count_sts(&p->txt[STS_AT_NO_UNDERSCORE]) > 0)
		sts_checks_found(c, &wrong_name, "",
		    "the record is at mta-sts.%s, without the underscore: "
		    "senders look at _mta-sts.%s and find none",
		    p->domain, p->domain);
	else if (count_sts(&p->txt[STS_AT_TWICE]) > 0)
		sts_checks_found(c, &twice, "",
		    "the record is at _mta-sts.%s.%s: the name server has "
		    "added the domain to a name that had it already",
		    p->domain, p->domain);
	else if (is_wildcard(p))
		sts_checks_found(c, &wildcard, "",
		    "there is no MTA-STS record: what answers at _mta-sts.%s "
		    "is the wildcard *.%s (\"%.*s\")",
		    p->domain, p->domain, sts_checks_shown(at->record[0].len),
		    at->record[0].p);
	else if (at->count > 0)
		sts_checks_found(c, &other, "",
		    "no TXT record of _mta-sts.%s begins with v=STSv1 and "
		    "\";\" (\"%.*s\"), so senders see no MTA-STS at all",
		    p->domain, sts_checks_shown(at->record[0].len),
		    at->record[0].p);
	else
		sts_checks_found(c, &missing, "",
		    "there is no TXT record at _mta-sts.%s, so senders never "
		    "look for a policy",
		    p->domain);
}

static struct sts_span
first_sts(const struct sts_published_txt *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (is_sts(set->record[i]))
			return set->record[i];
	return (struct sts_span){"", 0};
}

static void
check_faulty(const struct sts_checks *c, enum sts_status status)
{
	const struct sts_published_txt *at = &c->p->txt[STS_AT_RECORD];
	struct sts_span record = first_sts(at);

	if (status == STS_RECORD_MULTIPLE)
		sts_checks_found(c, &several, "",
		    "%zu TXT records of _mta-sts.%s begin with v=STSv1; "
		    "senders then act as if there were none",
		    count_sts(at), c->p->domain);
	else
		sts_checks_found(c, &ill_formed, "",
		    "%s, so senders act as if there were no record: \"%.*s\"",
		    sts_status_text(status), sts_checks_shown(record.len),
		    record.p);
}

void
sts_checks_record(const struct sts_checks *c)
{
	const struct sts_published_txt *at = &c->p->txt[STS_AT_RECORD];
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_published_id(c->p, id);

	if (!at->asked || sts_status_is_local(status))
		return;
	if (!sts_checks_is_answer(at->status)) {
		sts_checks_found(c, &dns, "", "_mta-sts.%s: %s", c->p->domain,
		    sts_status_text(at->status));
		return;
	}
	if (status == STS_NO_RECORD)
		check_missing(c);
	else if (status != STS_OK)
		check_faulty(c, status);
	if (status != STS_NO_RECORD &&
	    count_sts(&c->p->txt[STS_AT_WILDCARD]) > 0)
		sts_checks_found(c, &wildcard, "",
		    "a wildcard (*.%s) answers every name below the domain "
		    "with an MTA-STS record",
		    c->p->domain);
}
