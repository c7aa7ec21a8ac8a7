/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report send`: one run of report/deliver.h, a line for each report
 * that was tried.
 */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "report/deliver.h"
#include "report/gzip.h"
#include "report/report.h"
#include "store/outcomes.h"
#include "tool/report_post.h"
#include "tool/tool.h"

struct sending {
	struct sts_tool *tool;
	char printed[STS_REPORT_ID_BYTES]; /* the report of the last JSON */
};

static bool
wants_json(const struct sts_tool *tool)
{
	return (tool->args.given & STS_OPT_JSON) != 0;
}

/* A destination is a URI that was checked, all else is ours. */
static void
print_event(FILE *out, enum sts_deliver_event event,
    const struct sts_report_job *job, const struct sts_delivery *to,
    const char *reason)
{
	static const char *const words[STS_DELIVER_EVENTS] = {
	    [STS_DELIVER_SENT] = "sent",
	    [STS_DELIVER_FAILED] = "failed",
	    [STS_DELIVER_REFUSED] = "refused",
	    [STS_DELIVER_GIVEN_UP] = "given up",
	    [STS_DELIVER_UNSURE] = "unsure",
	    [STS_DELIVER_INTERRUPTED] = "unsure",
	    [STS_DELIVER_WAITING] = "waiting",
	    [STS_DELIVER_DUE] = "due",
	    [STS_DELIVER_NOT_MADE] = "no report"};
	char day[STS_DAY_TEXT], when[STS_TIME_TEXT];

	sts_outcomes_day_text(job->day, day);
	(void)fprintf(out, "%s %s ", day, job->domain);
	if (to != NULL) {
		sts_escape_write(out, to->uri, strlen(to->uri));
		(void)fputc(' ', out);
	}
	(void)fprintf(out, "%s", words[event]);
	if (reason[0] != '\0')
		(void)fprintf(out, ": %s", reason);
	if (event == STS_DELIVER_FAILED || event == STS_DELIVER_WAITING)
		(void)fprintf(
		    out, ", not before %s", sts_time_text(when, to->next));
	(void)fputc('\n', out);
}

/* {"destinations": [...], "report": {...}} of one report, on a line. */
static bool
print_json(FILE *out, const struct sts_report_job *job)
{
	json_t *root = json_object(), *list = json_array(), *report = NULL;
	char *text = NULL;
	size_t len = 0;
	bool good;

	for (size_t i = 0; i < job->count; i++)
		(void)json_array_append_new(list, json_string(job->to[i].uri));
	if (sts_gzip_unpack(job->packed, job->packed_len, STS_REPORT_JSON_MAX,
		&text, &len) == NULL)
		report = json_loadb(text, len, 0, NULL);
	good = json_object_set_new(root, "destinations", list) == 0;
	good = json_object_set_new(root, "report", report) == 0 && good &&
	    json_dumpf(root, out, JSON_COMPACT) == 0;
	(void)fputc('\n', out);
	json_decref(root);
	free(text);
	return good;
}

static void
said(struct sts_deliver *d, enum sts_deliver_event event,
    const struct sts_report_job *job, const struct sts_delivery *to,
    const char *reason)
{
	struct sending *sending = d->arg;
	struct sts_tool *tool = sending->tool;

	if (!wants_json(tool)) {
		/* A timer's run need not list what waits. */
		if (event != STS_DELIVER_WAITING || d->dry)
			print_event(tool->out, event, job, to, reason);
	} else if (to != NULL && strcmp(sending->printed, job->id) != 0) {
		memcpy(sending->printed, job->id, sizeof(job->id));
		d->faults += !print_json(tool->out, job);
	}
}

static int
summary(struct sts_tool *tool, const struct sts_deliver *d)
{
	size_t lost = d->count[STS_DELIVER_REFUSED] +
	    d->count[STS_DELIVER_GIVEN_UP] + d->count[STS_DELIVER_UNSURE] +
	    d->count[STS_DELIVER_INTERRUPTED];

	if (!d->dry)
		(void)fprintf(tool->out,
		    "sent %zu, waiting %zu, failed %zu, lost %zu\n",
		    d->count[STS_DELIVER_SENT], d->count[STS_DELIVER_WAITING],
		    d->count[STS_DELIVER_FAILED], lost);
	else if (!wants_json(tool))
		(void)fprintf(tool->out, "due %zu, waiting %zu\n",
		    d->count[STS_DELIVER_DUE], d->count[STS_DELIVER_WAITING]);
	if (d->faults > 0)
		return STS_EXIT_OUTSIDE;
	return !d->dry && lost + d->count[STS_DELIVER_FAILED] > 0 ? STS_EXIT_NO
								  : STS_EXIT_OK;
}

/* With the store open, as its owner. */
static int
run(struct sts_tool *tool, struct sts_deliver *d)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	enum sts_status status;

	/* A sendmail that ends early is a failure, not our end. */
	(void)sigaction(SIGPIPE, &ignore, &before);
	status = sts_deliver_run(d);
	(void)sigaction(SIGPIPE, &before, NULL);
	if (status == STS_STATE_LOCKED)
		return sts_tool_outside(tool, "another report send is at work");
	if (status != STS_OK) {
		(void)summary(tool, d);
		return sts_tool_outside(tool, "%s", sts_status_text(status));
	}
	return summary(tool, d);
}

int
sts_tool_report_send(struct sts_tool *tool)
{
	bool dry = (tool->args.given & STS_OPT_DRY_RUN) != 0;
	char submitter[STS_NAME_MAX + 1];
	struct sending sending = {.tool = tool};
	struct sts_deliver d = {.config = &tool->config,
	    .now = tool->now,
	    .at_once = (tool->args.given & STS_OPT_NOW) != 0,
	    .dry = dry,
	    .mail = sts_deliver_mail,
	    .https = sts_report_post,
	    .said = said,
	    .arg = &sending};
	int code;

	if (wants_json(tool) && !dry) {
		(void)fprintf(tool->err, "mta-sts: --json needs --dry-run\n");
		return STS_EXIT_USAGE;
	}
	/* So that a timer may run where nothing is to be sent. */
	if (!sts_config_reports(&tool->config)) {
		(void)fprintf(tool->out,
		    "TLS reports are off: organization and contact are "
		    "not both set\n");
		return STS_EXIT_OK;
	}
	if (tool->config.report_elsewhere) {
		(void)fprintf(tool->out,
		    "another machine sends what is recorded here "
		    "(report-elsewhere)\n");
		return STS_EXIT_OK;
	}
	if (!sts_deliver_identity(&d, submitter))
		return sts_tool_outside(tool,
		    "no address to send from: set report-from, or contact to "
		    "a mail address");
	code = sts_tool_open_store(tool, !dry, &d.store);
	if (code == STS_EXIT_OK)
		code = run(tool, &d);
	sts_store_close(d.store);
	return code;
}
