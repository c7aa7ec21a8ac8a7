/* SPDX-License-Identifier: ISC */
/* The report of a domain's day, made from its sessions. */
#ifndef STS_REPORT_COMPOSE_H
#define STS_REPORT_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "report/aggregate.h"
#include "report/policy_texts.h"
#include "store/reports.h"

struct sts_composer {
	const struct sts_config *config; /* organization, contact */
	struct sts_policy_texts *texts;
	int64_t now;
};

/*
 * Makes the report of job->domain and job->day with a new id into job->packed.
 * Policies with the same lines are one, so that a policy that was only fetched
 * again is reported once; bytes of hosts that are not printable ASCII are "?".
 * NULL, or a sentence that says why not: those of sts_report_write, no memory,
 * or a report of more than STS_REPORT_PACKED_MAX bytes; job->packed is NULL
 * then.
 */
const char *sts_compose(const struct sts_composer *composer,
    struct sts_report_job *job, struct sts_aggregate_policy *policies,
    size_t count);

#endif
