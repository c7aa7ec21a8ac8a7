/* SPDX-License-Identifier: ISC */
/*
 * A day is added up once, after its end: its reports are then in their files,
 * and the same each time that they are tried.  A process that died before it
 * was done leaves files that count; the next one makes the others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "report/aggregate.h"
#include "report/compose.h"
#include "report/deliver.h"
#include "report/destination.h"
#include "report/policy_texts.h"
#include "store/outcomes.h"

/* How many reports about the day go to one destination. */
struct use {
	struct sts_hashmap_node node;
	unsigned reports;
	char uri[];
};

struct plan {
	struct sts_deliver *d;
	struct sts_composer composer;
	struct sts_hashmap uses;
	enum sts_status status;
};

/* NULL: no memory. */
static struct use *
find_use(struct plan *plan, const char *uri)
{
	uint64_t key = sts_hashmap_hash(uri);
	struct use *use = sts_hashmap_find(&plan->uses, key);

	while (use != NULL && strcmp(use->uri, uri) != 0)
		use = sts_hashmap_next(&use->node);
	if (use != NULL)
		return use;
	if ((use = calloc(1, sizeof(*use) + strlen(uri) + 1)) == NULL)
		return NULL;
	strcpy(use->uri, uri);
	sts_hashmap_insert(&plan->uses, &use->node, key);
	return use;
}

/* Counts the destinations of a report that another process has planned. */
static bool
count_planned(struct plan *plan, const struct sts_report_job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		struct use *use = find_use(plan, job->to[i].uri);

		if (use == NULL)
			return false;
		use->reports++;
	}
	return true;
}

static bool
set_delivery(struct plan *plan, const struct sts_report_job *job,
    struct sts_delivery *to)
{
	struct use *use = find_use(plan, to->uri);

	if (use == NULL)
		return false;
	to->next = sts_deliver_first(plan->d, job->day, job->domain);
	to->until = to->next + STS_DELIVER_UNTIL;
	if (use->reports++ >= STS_DELIVER_PER_DESTINATION) {
		to->state = STS_DELIVERY_FAILED;
		sts_copy_head(
		    to->reason, "too-many-reports", sizeof(to->reason));
	}
	return true;
}

/* Reads the domain's record as it was last found. */
static size_t
read_destinations(struct plan *plan, struct sts_report_job *job)
{
	struct sts_deliver *d = plan->d;
	struct sts_check check;

	if (sts_store_read_check(d->store, job->domain, d->now, &check) !=
	    STS_OK)
		return 0;
	return sts_destinations_read(check.tlsrpt, job);
}

static bool
has_failure(const struct sts_aggregate_policy *policies, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (policies[i].report.failures > 0)
			return true;
	return false;
}

/* In a dry run, what would become of it now. */
static void
say_dry(struct sts_deliver *d, const struct sts_report_job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		const struct sts_delivery *to = &job->to[i];

		if (to->state == STS_DELIVERY_FAILED ||
		    sts_refused_has(&d->refused, to->uri))
			sts_deliver_say(
			    d, STS_DELIVER_REFUSED, job, to, to->reason);
		else
			sts_deliver_say(d,
			    d->now >= to->next ? STS_DELIVER_DUE
					       : STS_DELIVER_WAITING,
			    job, to, "");
	}
}

static void
say_capped(struct sts_deliver *d, const struct sts_report_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (job->to[i].state == STS_DELIVERY_FAILED)
			sts_deliver_say(d, STS_DELIVER_REFUSED, job,
			    &job->to[i], job->to[i].reason);
}

/* False: no memory, or the file cannot be written. */
static bool
plan_report(struct plan *plan, struct sts_report_job *job,
    struct sts_aggregate_policy *policies, size_t count)
{
	const char *wrong;

	for (size_t i = 0; i < job->count; i++)
		if (!set_delivery(plan, job, &job->to[i])) {
			plan->status = STS_NO_MEMORY;
			return false;
		}
	wrong = sts_compose(&plan->composer, job, policies, count);
	if (wrong != NULL) {
		sts_deliver_say(
		    plan->d, STS_DELIVER_NOT_MADE, job, NULL, wrong);
		return true;
	}
	if (plan->d->dry)
		say_dry(plan->d, job);
	else if ((plan->status = sts_reports_write(plan->d->store, job)) ==
	    STS_OK)
		say_capped(plan->d, job);
	sts_report_job_free(job);
	return plan->status == STS_OK;
}

/* The sessions of one domain: a report, unless there is one already. */
static bool
plan_domain(void *arg, const char *domain,
    struct sts_aggregate_policy *policies, size_t count)
{
	struct plan *plan = arg;
	struct sts_deliver *d = plan->d;
	struct sts_report_job job;
	enum sts_status status =
	    sts_reports_read(d->store, d->day, domain, &job);

	if (status == STS_OK) {
		bool good = count_planned(plan, &job);

		sts_report_job_free(&job);
		plan->status = good ? STS_OK : STS_NO_MEMORY;
		return good;
	}
	if (status != STS_NOT_FOUND)
		return true; /* said when it is to be delivered */
	memset(&job, 0, sizeof(job));
	job.day = d->day;
	sts_copy_head(job.domain, domain, sizeof(job.domain));
	if (!d->config->report_successes && !has_failure(policies, count))
		return true;
	if (read_destinations(plan, &job) == 0) {
		sts_deliver_say(d, STS_DELIVER_NOT_MADE, &job, NULL,
		    "the domain has no destination for reports any more");
		return true;
	}
	return plan_report(plan, &job, policies, count);
}

/* Whether reports about the day may still be begun. */
static bool
is_time(const struct sts_deliver *d, int64_t day)
{
	int64_t end = (day + 1) * STS_DAY;

	return d->now >= end + (d->at_once ? 0 : STS_DELIVER_EARLIEST) &&
	    d->now < end + STS_DELIVER_SPREAD + STS_DELIVER_UNTIL;
}

enum sts_status
sts_deliver_plan(struct sts_deliver *d, int64_t day)
{
	struct plan *plan;
	enum sts_status status;
	struct use *use;

	d->day = day;
	if (!is_time(d, day) || sts_reports_is_planned(d->store, day))
		return STS_OK;
	if ((plan = calloc(1, sizeof(*plan))) == NULL)
		return STS_NO_MEMORY;
	plan->d = d;
	plan->composer.config = d->config;
	plan->composer.now = d->now;
	status = sts_policy_texts_read(&plan->composer.texts, d->store, day);
	if (status == STS_OK)
		status = sts_aggregate_day(
		    d->store, day, STS_AGGREGATE_BYTES, plan_domain, plan);
	if (status == STS_OK)
		status = plan->status;
	if (status == STS_OK && !d->dry)
		status = sts_reports_set_planned(d->store, day);
	sts_policy_texts_free(plan->composer.texts);
	while ((use = sts_hashmap_pop(&plan->uses)) != NULL)
		free(use);
	free(plan);
	return status == STS_NOT_FOUND ? STS_OK : status;
}
