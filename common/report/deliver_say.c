/* SPDX-License-Identifier: ISC */
/* Who sends, when, and what is said of it. */
#include <string.h>

#include "base/hashmap.h"
#include "base/log.h"
#include "core/domain.h"
#include "report/deliver.h"
#include "report/write.h"
#include "store/outcomes.h"

bool
sts_deliver_identity(struct sts_deliver *deliver, char domain[STS_NAME_MAX + 1])
{
	const struct sts_config *config = deliver->config;
	const char *contact = config->contact;
	const char *submitter;

	if (contact != NULL && !sts_report_is_address(contact))
		contact = NULL;
	deliver->from =
	    config->report_from != NULL ? config->report_from : contact;
	submitter = contact != NULL ? contact : deliver->from;
	if (submitter == NULL || !sts_report_is_address(deliver->from) ||
	    !sts_report_is_address(submitter))
		return false;
	deliver->submitter = domain;
	return sts_domain_normalise(strrchr(submitter, '@') + 1, domain) ==
	    STS_OK;
}

int64_t
sts_deliver_first(
    const struct sts_deliver *deliver, int64_t day, const char *domain)
{
	uint64_t spread = STS_DELIVER_SPREAD - STS_DELIVER_EARLIEST;
	int64_t end = (day + 1) * STS_DAY;

	if (deliver->at_once)
		return end;
	return end + STS_DELIVER_EARLIEST +
	    (int64_t)(sts_hashmap_mix(sts_hashmap_hash(domain)) % spread);
}

/* What is lost for good is logged, too. */
static void
log_loss(enum sts_deliver_event event, const struct sts_report_job *job,
    const struct sts_delivery *to, const char *reason)
{
	static const char *const names[STS_DELIVER_EVENTS] = {
	    [STS_DELIVER_REFUSED] = "refused",
	    [STS_DELIVER_GIVEN_UP] = "given-up",
	    [STS_DELIVER_UNSURE] = "unsure",
	    [STS_DELIVER_INTERRUPTED] = "interrupted"};
	char day[STS_DAY_TEXT];

	if (names[event] == NULL)
		return;
	sts_outcomes_day_text(job->day, day);
	sts_log(STS_LOG_WARNING, job->domain,
	    "event=report-%s day=%s destination=%s reason=%s", names[event],
	    day, to->uri, reason[0] != '\0' ? reason : "-");
}

void
sts_deliver_say(struct sts_deliver *d, enum sts_deliver_event event,
    const struct sts_report_job *job, const struct sts_delivery *to,
    const char *reason)
{
	d->count[event]++;
	if (!d->dry)
		log_loss(event, job, to, reason);
	d->said(d, event, job, to, reason);
}
