/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report check`: whether a TLS report of ours would be sent, and
 * accepted.  It is the part of `mta-sts status` about reports, and all that a
 * mail server does to them.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/signing.h"
#include "exim/check/exim.h"
#include "opensmtpd/check/smtpd.h"
#include "tool/config_check.h"
#include "tool/dkim_key.h"
#include "tool/overview.h"
#include "tool/reporting.h"
#include "tool/tool.h"

static void
check_off(struct sts_overview *o, enum sts_reporting state)
{
	if (state == STS_REPORTING_COLLECTOR)
		sts_report_problem(&o->findings, STS_FIND_NOTE, NULL,
		    "a collector makes and sends the reports "
		    "(tlsrpt-socket): nothing of it is checked here");
	else
		sts_report_problem(&o->findings, STS_FIND_WARNING,
		    "set organization and contact in mta-sts.conf",
		    "TLS reports are off: organization and contact are not "
		    "both set");
}

/* A machine may have had no such mail for a week. */
static void
check_recorded(struct sts_overview *o)
{
	if (o->report_recorded[0] == '\0' && !o->blind)
		sts_report_problem(&o->findings, STS_FIND_NOTE,
		    "see TLSRPT in the mail server's log after a mail to a "
		    "domain that wants reports, such as gmail.com; mta-sts "
		    "config check says what the mail server lacks",
		    "no session was recorded in the last week: there is "
		    "nothing to report");
}

/* The key that signs, by what the configuration says of its name. */
static void
check_key(struct sts_overview *o, const struct sts_config *config,
    const struct sts_signing *signing)
{
	const char *domain =
	    signing->domain[0] != '\0' ? signing->domain : signing->submitter;

	if (!signing->is_signed)
		return;
	if (signing->selector[0] == '\0') {
		sts_report_problem(&o->findings, STS_FIND_NOTE, NULL,
		    "the DKIM selector is not known here: see that the record "
		    "SELECTOR._domainkey.%s is there, and has no s= without "
		    "tlsrpt",
		    domain);
		return;
	}
	(void)snprintf(o->report_key, sizeof(o->report_key), "%s._domainkey.%s",
	    signing->selector, domain);
	sts_dkim_check_key(&o->findings, config, o->report_key);
}

static void
check_exim(
    struct sts_overview *o, struct sts_tool *tool, struct sts_signing *signing)
{
	struct sts_exim e = {.binary = tool->args.exim_binary,
	    .config = tool->args.exim_config,
	    .state_dir = tool->config.state_dir,
	    .config_file = tool->args.config_file,
	    .reports = true};

	sts_exim_check_reporter(&o->findings, &e, signing);
}

static void
check_smtpd(
    struct sts_overview *o, struct sts_tool *tool, struct sts_signing *signing)
{
	struct sts_smtpd s = {.config = &tool->config,
	    .config_file = tool->args.config_file,
	    .now = tool->now};

	if (sts_smtpd_check_reporter(&o->findings, &s, o->smtpd, signing) !=
	    STS_OK)
		sts_report_problem(&o->findings, STS_FIND_ERROR, NULL,
		    "%s cannot be checked", o->smtpd);
}

static void
check_servers(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	struct sts_signing signing = {
	    .from = o->report_from, .submitter = o->report_submitter};
	size_t unseen = o->unseen.count;
	bool exim = sts_overview_find_exim(o, tool, places);
	bool smtpd = sts_overview_find_smtpd(o, tool, places);

	if (exim && places->ask_exim)
		check_exim(o, tool, &signing);
	if (smtpd)
		check_smtpd(o, tool, &signing);
	if (!exim && !smtpd && o->unseen.count == unseen)
		sts_report_problem(&o->findings, STS_FIND_WARNING,
		    "name its file: --exim-config FILE, --smtpd FILE",
		    "no configuration of Exim or OpenSMTPD was found that "
		    "records sessions");
	check_key(o, &tool->config, &signing);
}

/* A directory that this user may not reach is no fault of its own. */
static void
check_state(struct sts_overview *o, const char *dir)
{
	struct stat st;

	if (geteuid() != 0 && stat(dir, &st) != 0 && errno == EACCES) {
		sts_overview_unseen(o, "the state directory %s", dir);
		o->blind = true;
		return;
	}
	(void)sts_check_state(&o->findings, dir, &st);
}

void
sts_report_check(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	bool loaded = sts_overview_open(o, tool);
	enum sts_reporting state;

	o->only = "reports";
	if (!loaded)
		return;
	state = sts_reporting_state(&tool->config);
	check_state(o, tool->config.state_dir);
	sts_overview_as_owner(o, &tool->config, sts_overview_reports_store);
	sts_reporting_check_config(&o->findings, &tool->config);
	sts_overview_reports(o, &tool->config, places);
	if (state != STS_REPORTING_ON) {
		check_off(o, state);
		return;
	}
	check_recorded(o);
	if (o->report_submitter[0] != '\0')
		check_servers(o, tool, places);
}

int
sts_tool_report_check(struct sts_tool *tool)
{
	struct sts_overview o;

	sts_report_check(&o, tool, sts_overview_usual_places());
	return sts_overview_finish(&o, tool);
}
