/* SPDX-License-Identifier: ISC */
/*
 * Whether a mail server uses the policies, and what has changed since the
 * setup: by the checks of `config check`, on the files that are found.
 */
#include "tool/overview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/readfile.h"
#include "tool/config_check.h"
#include "exim/check/exim.h"
#include "opensmtpd/check/smtpd.h"
#include "opensmtpd/enable/smtpd_loaded.h"

enum { FILE_MAX_BYTES = 4 * 1024 * 1024 };

/*
 * The first of the files that contains this word, or NULL.  Lists those that
 * this user may not read.
 */
static const char *
find_file(struct sts_overview *o, const char *const *files, const char *word)
{
	for (size_t i = 0; files[i] != NULL; i++) {
		char *bytes;
		size_t len;
		bool found;

		if (sts_readfile(files[i], true, FILE_MAX_BYTES, &bytes,
			&len) != STS_OK) {
			if (errno == EACCES && geteuid() != 0)
				sts_overview_unseen(o, "%s", files[i]);
			continue;
		}
		found = strstr(bytes, word) != NULL;
		free(bytes);
		if (found)
			return files[i];
	}
	return NULL;
}

bool
sts_overview_find_exim(struct sts_overview *o, const struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	bool named = (tool->args.given &
			 (STS_OPT_EXIM_BINARY | STS_OPT_EXIM_CONFIG)) != 0;
	bool fragments = sts_exim_has_fragments(places->exim_etc);
	const char *file = NULL;

	if (!named && !fragments)
		file = find_file(o, places->exim_files, "mta_sts_query");
	if (!named && !fragments && file == NULL)
		return false;
	if (named)
		file = tool->args.exim_config != NULL ? tool->args.exim_config
						      : tool->args.exim_binary;
	(void)snprintf(o->exim, sizeof(o->exim), "%s",
	    file != NULL ? file : "Debian's fragments");
	return true;
}

/* True if there is one. */
static bool
check_exim(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	if (!sts_overview_find_exim(o, tool, places))
		return false;
	if (places->ask_exim && geteuid() == 0) {
		sts_check_exim(tool, &o->findings);
		return true;
	}
	sts_exim_check_fragments(
	    &o->findings, places->exim_etc, places->exim_generated);
	if (geteuid() != 0)
		sts_overview_unseen(
		    o, "what Exim itself reports of its configuration");
	return true;
}

bool
sts_overview_find_smtpd(struct sts_overview *o, const struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	const char *given = tool->args.smtpd_file;
	const char *file = given != NULL
	    ? given
	    : find_file(o, places->smtpd_files, "mta-sts");

	if (file == NULL)
		return false;
	(void)snprintf(o->smtpd, sizeof(o->smtpd), "%s", file);
	return true;
}

static void
report_loaded(struct sts_overview *o, const struct sts_smtpd_loaded *l)
{
	static const char fix[] = "restart smtpd: systemctl restart opensmtpd, "
				  "or as this system does it";
	bool both = l->lacks_filter && l->lacks_table;

	if (l->lacks_filter || l->lacks_table)
		sts_find_at(&o->findings, STS_FIND_ERROR, o->smtpd, fix,
		    "smtpd runs, but without the %s%s%s of this file: it was "
		    "not restarted since, or runs with another file",
		    l->lacks_filter ? "filter" : "", both ? " and the " : "",
		    l->lacks_table ? "table" : "");
	/* With filter and table it may be no more than a comment. */
	else if (l->older)
		sts_find_at(&o->findings,
		    l->seen ? STS_FIND_WARNING : STS_FIND_ERROR, o->smtpd, fix,
		    "smtpd was started before this file was changed, and "
		    "goes by what was in it then");
}

/* What is in the file protects nothing before smtpd is started with it. */
static void
check_loaded(struct sts_overview *o, const struct sts_overview_places *places)
{
	struct sts_smtpd_loaded l = {.runs = false};

	if (places->smtpctl == NULL)
		return;
	if (geteuid() == 0)
		sts_smtpd_look_loaded(
		    &l, o->smtpd, places->smtpctl, places->proc);
	if (l.off)
		sts_report_problem(&o->findings, STS_FIND_NOTE,
		    "systemctl start opensmtpd, or as this system does it",
		    "smtpd does not run");
	else if (!l.runs)
		sts_overview_unseen(o, "whether smtpd runs with %s as it is%s",
		    o->smtpd,
		    geteuid() == 0 ? ": smtpctl is not answered" : "");
	else
		report_loaded(o, &l);
}

static bool
check_smtpd(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	const char *given = tool->args.smtpd_file;

	if (!sts_overview_find_smtpd(o, tool, places))
		return false;
	tool->args.smtpd_file = o->smtpd;
	if (sts_check_smtpd(tool, &o->findings) != STS_EXIT_OK)
		sts_report_problem(&o->findings, STS_FIND_ERROR, NULL,
		    "%s cannot be checked", o->smtpd);
	else
		check_loaded(o, places);
	tool->args.smtpd_file = given;
	return true;
}

/* A note, since users' own crontabs are not read. */
static void
check_job(struct sts_overview *o)
{
	if (o->job[0] == '\0')
		sts_report_problem(&o->findings, STS_FIND_NOTE,
		    "systemctl enable --now mta-sts-refresh.timer, or the cron "
		    "job in mta-sts(1)",
		    "no timer or cron job was found that fetches policies "
		    "again: those of domains without mail expire");
}

void
sts_overview_servers(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	size_t unseen = o->unseen.count;
	bool exim = check_exim(o, tool, places);
	bool smtpd = check_smtpd(o, tool, places);

	/* OpenSMTPD's filter refreshes by itself. */
	if (exim)
		check_job(o);
	if (exim || smtpd || o->unseen.count > unseen)
		return;
	sts_report_problem(&o->findings, STS_FIND_WARNING,
	    "set one up, see the guides; or name its file: --exim-config FILE, "
	    "--smtpd FILE",
	    "no configuration of Exim or OpenSMTPD was found that uses "
	    "the policies: mail goes out as without MTA-STS");
}
