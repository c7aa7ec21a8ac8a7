/* SPDX-License-Identifier: ISC */
/*
 * TLS reports: what sends them, whether it has run, and whether anything is
 * recorded.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/readfile.h"
#include "store/outcomes.h"
#include "store/reports.h"
#include "tool/out.h"
#include "tool/overview.h"
#include "tool/reporting.h"

enum {
	CRON_MAX = 65536,
	LATE = 6 * 3600, /* a quarter of an hour is usual */
	LOST_ALL = 3     /* lost, and none sent: it is not the destinations */
};

static void
set(char text[STS_OVERVIEW_TEXT], const char *value)
{
	(void)snprintf(
	    text, STS_OVERVIEW_TEXT, "%s", value != NULL ? value : "");
}

static void
describe(struct sts_overview *o, const struct sts_config *config)
{
	struct sts_reporting_identity who;

	sts_reporting_identity(config, &who);
	switch (sts_reporting_state(config)) {
	case STS_REPORTING_OFF:
		set(o->reports, "off");
		return;
	case STS_REPORTING_INCOMPLETE:
		set(o->reports,
		    config->contact == NULL ? "off, contact is not set"
					    : "off, organization is not set");
		return;
	case STS_REPORTING_COLLECTOR:
		(void)snprintf(o->reports, sizeof(o->reports),
		    "by the collector at %.400s", config->tlsrpt_socket);
		return;
	default:
		set(o->reports,
		    config->report_elsewhere
			? "recorded here, sent by another machine"
			: "on");
		set(o->report_from, who.from);
		set(o->report_submitter, who.submitter);
	}
}

/* A session ends the reading. */
static bool
on_outcome(void *arg, const struct sts_outcome *outcome)
{
	bool *found = arg;

	*found = sts_outcome_is_session(outcome);
	return !*found;
}

/* The newest day with a session. */
static void
find_recorded(struct sts_overview *o, struct sts_store *store)
{
	int64_t today = o->now / STS_DAY;
	bool found = false;
	struct sts_outcomes_reader reader = {on_outcome, NULL, &found, 0};

	for (int64_t day = today; day >= today - STS_OUTCOMES_DAYS; day--) {
		(void)sts_outcomes_read(store, day, &reader);
		if (found) {
			sts_outcomes_day_text(day, o->report_recorded);
			return;
		}
	}
}

/* A walk over the reports of a day. */
struct walk {
	struct sts_overview *o;
	struct sts_store *store;
	int64_t day, end_ms;
};

static bool
count_report(void *arg, const char *domain)
{
	struct walk *walk = arg;
	struct sts_overview *o = walk->o;
	struct sts_report_job job;

	if (sts_reports_read(walk->store, walk->day, domain, &job) != STS_OK)
		return true;
	for (size_t i = 0; i < job.count; i++) {
		enum sts_delivery_state state = job.to[i].state;

		o->reports_sent += state == STS_DELIVERY_SENT;
		o->reports_waiting += state == STS_DELIVERY_PENDING ||
		    state == STS_DELIVERY_SENDING;
		o->reports_lost += state == STS_DELIVERY_FAILED ||
		    state == STS_DELIVERY_UNSURE;
	}
	sts_report_job_free(&job);
	return sts_monotonic_ms() < walk->end_ms;
}

/* As many as time allows, the newest day first. */
static void
count_reports(struct sts_overview *o, struct sts_store *store)
{
	struct walk walk = {.o = o,
	    .store = store,
	    .end_ms = sts_monotonic_ms() + STS_OVERVIEW_READ_MS};

	o->reports_sent = o->reports_waiting = o->reports_lost = 0;
	for (int64_t i = 0; i <= STS_REPORTS_DAYS; i++) {
		walk.day = o->now / STS_DAY - i;
		if (sts_monotonic_ms() < walk.end_ms)
			(void)sts_reports_walk(
			    store, walk.day, count_report, &walk);
	}
}

void
sts_overview_reports_store(
    struct sts_overview *o, const struct sts_config *config)
{
	struct sts_store *store;
	enum sts_status status;

	if (sts_reporting_state(config) != STS_REPORTING_ON)
		return;
	status = sts_store_open(&store, config->state_dir, false);
	if (status != STS_OK) {
		/* In status the section of the store has said it. */
		if (o->only != NULL)
			sts_overview_unopened(o, config, status);
		return;
	}
	o->report_last_run = sts_reports_last_run(store);
	find_recorded(o, store);
	count_reports(o, store);
	sts_store_close(store);
}

/*
 * A cron file counts if it has the command; not where systemd runs and the line
 * leaves it to the timer.
 */
static bool
sends(const char *path, const char *systemd)
{
	char *bytes, *line, *rest;
	size_t len;
	bool found = false;
	bool timer = systemd != NULL && access(systemd, F_OK) == 0;

	if (strstr(path, ".timer") != NULL)
		return access(path, F_OK) == 0;
	if (sts_readfile(path, true, CRON_MAX, &bytes, &len) != STS_OK)
		return false;
	for (rest = bytes; (line = strsep(&rest, "\n")) != NULL;)
		found = found ||
		    (line[0] != '#' && strstr(line, "report send") != NULL &&
			!(timer && strstr(line, "/run/systemd/") != NULL));
	free(bytes);
	return found;
}

static void
find_job(struct sts_overview *o, const struct sts_overview_places *places)
{
	for (size_t i = 0; places->report_jobs != NULL &&
	     places->report_jobs[i] != NULL && o->report_job[0] == '\0';
	     i++)
		if (sends(places->report_jobs[i], places->systemd))
			set(o->report_job, places->report_jobs[i]);
}

/* A run within the last hours shows that something runs it. */
static void
check_runs(struct sts_overview *o)
{
	static const char fix[] =
	    "systemctl enable --now mta-sts-report.timer, or the cron job in "
	    "mta-sts(1); see the log for why it fails";
	char today[STS_DAY_TEXT], span[STS_AGE_TEXT];
	int64_t last = o->report_last_run;
	bool due;

	if (last == STS_OVERVIEW_UNKNOWN || o->now - last <= LATE)
		return;
	sts_outcomes_day_text(o->now / STS_DAY, today);
	due = o->report_recorded[0] != '\0' &&
	    strcmp(o->report_recorded, today) < 0;
	if (last > 0)
		sts_report_problem(&o->findings, STS_FIND_WARNING, fix,
		    "mta-sts report send has not run for %s: TLS reports are "
		    "late",
		    sts_print_span(span, o->now - last));
	else if (o->report_job[0] == '\0')
		sts_report_problem(&o->findings, STS_FIND_WARNING, fix,
		    "no timer or cron job was found that sends TLS reports, "
		    "and mta-sts report send has never run");
	else if (due)
		sts_report_problem(&o->findings, STS_FIND_WARNING, fix,
		    "mta-sts report send has never run, though sessions of %s "
		    "are to be reported",
		    o->report_recorded);
}

/* One mailbox that is gone is its owner's fault; all of them are ours. */
static void
check_lost(struct sts_overview *o)
{
	if (o->reports_sent == 0 && o->reports_lost >= LOST_ALL)
		sts_report_problem(&o->findings, STS_FIND_WARNING,
		    "mta-sts report check; the log has the reasons "
		    "(event=report-)",
		    "no TLS report of the last week was taken, %lld were lost",
		    (long long)o->reports_lost);
}

void
sts_overview_reports(struct sts_overview *o, const struct sts_config *config,
    const struct sts_overview_places *places)
{
	describe(o, config);
	if (sts_reporting_state(config) != STS_REPORTING_ON)
		return;
	if (config->report_elsewhere)
		return;
	find_job(o, places);
	check_runs(o);
	check_lost(o);
}
