/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with what a domain publishes: from facts to findings, each with
 * its cause and its fix in plain words.  Does no I/O.
 *
 * Used by `mta-sts check`, and by whatever asks whether what it wrote is right.
 */
#ifndef STS_PUBLISH_PUBLISH_H
#define STS_PUBLISH_PUBLISH_H

#include <stdbool.h>

#include "core/policy.h"
#include "publish/published.h"

enum sts_publish_severity {
	STS_PUBLISH_REMARK, /* works, but is worth knowing */
	STS_PUBLISH_PROBLEM /* senders ignore it, or mail waits or bounces */
};

/* Where it is, in the order in which the findings come. */
enum sts_publish_part {
	STS_PART_RECORD,  /* _mta-sts.DOMAIN */
	STS_PART_HOST,    /* the web server mta-sts.DOMAIN */
	STS_PART_POLICY,  /* the policy file */
	STS_PART_MX,      /* the MX hosts */
	STS_PART_REPORTS, /* _smtp._tls.DOMAIN */
	STS_PART_COUNT
};

/* The strings last until the callback returns. */
struct sts_publish_finding {
	enum sts_publish_severity severity;
	enum sts_publish_part part;
	const char *token; /* fixed; listed in mta-sts(1) */
	/* An MX host, an mx pattern, or ""; may have bytes of the network. */
	const char *subject;
	const char *cause; /* may have bytes of the network: escape it */
	const char *fix;
};

typedef void sts_publish_found(
    void *arg, const struct sts_publish_finding *finding);

/*
 * Calls `found` for each finding.  Facts that were not asked for, or that only
 * this machine kept from being known, give none.
 */
void sts_publish_check(
    const struct sts_published *p, sts_publish_found *found, void *arg);

/* "record", "host", "policy", "mx", "reports"; "problem", "remark". */
const char *sts_publish_part_name(enum sts_publish_part part);
const char *sts_publish_severity_name(enum sts_publish_severity severity);

/*
 * The record's id, into id[STS_ID_MAX + 1]: STS_OK, or why there is none, as
 * sts_record_sts has it, or a status of the DNS.
 */
enum sts_status sts_published_id(const struct sts_published *p, char *id);

/*
 * The destinations of TLS reports: STS_OK, or why there are none, as
 * sts_record_tlsrpt has it, or a status of the DNS.
 */
enum sts_status sts_published_reports(
    const struct sts_published *p, struct sts_rua_list *list);

/*
 * The policy that the policy host serves with HTTP status 200, whatever its
 * certificate and media type, into *policy, which borrows it; false: there is
 * none, or it is not one.
 */
bool sts_published_policy(
    const struct sts_published *p, struct sts_policy *policy);

#endif
