/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts status`, section by section.  As root, the store is read and
 * programs are started as the owner of the state directory.
 */
#include "tool/overview.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/access.h"
#include "tool/reporting.h"

/* A copy, NULL for NULL. */
static char *
copy(struct sts_overview *o, const char *text)
{
	char *made = text != NULL ? strdup(text) : NULL;

	if (text != NULL && made == NULL)
		o->failed = true;
	return made;
}

static void
keep(void *arg, const struct sts_finding *finding)
{
	struct sts_overview *o = arg;
	struct sts_overview_problem *p;

	if (o->problem_count == o->problem_size) {
		size_t size = o->problem_size > 0 ? 2 * o->problem_size : 16;

		p = reallocarray(o->problems, size, sizeof(*p));
		if (p == NULL) {
			o->failed = true;
			return;
		}
		o->problems = p;
		o->problem_size = size;
	}
	p = &o->problems[o->problem_count++];
	p->severity = finding->severity;
	p->place = copy(o, finding->place);
	p->text = copy(o, finding->text);
	p->fix = copy(o, finding->fix);
}

void
sts_overview_free(struct sts_overview *o)
{
	for (size_t i = 0; i < o->problem_count; i++) {
		free(o->problems[i].place);
		free(o->problems[i].text);
		free(o->problems[i].fix);
	}
	free(o->problems);
	o->problems = NULL;
	o->problem_count = o->problem_size = 0;
	sts_names_free(&o->unseen);
}

static void
set(char text[STS_OVERVIEW_TEXT], const char *value)
{
	(void)snprintf(
	    text, STS_OVERVIEW_TEXT, "%s", value != NULL ? value : "");
}

static void
begin(struct sts_overview *o, int64_t now)
{
	*o = (struct sts_overview){
	    .now = now, .findings = {.take = keep, .arg = o}};
	sts_overview_forget(o);
}

/* The first bad lines in full; all are counted. */
static void
note_line(void *arg, const char *file, unsigned line, const char *reason)
{
	struct sts_overview *o = arg;
	char place[STS_OVERVIEW_TEXT];

	if (line == 0) {
		sts_find_at(
		    &o->findings, STS_FIND_ERROR, file, NULL, "%s", reason);
		return;
	}
	if (o->bad_lines++ >= STS_OVERVIEW_EXAMPLES)
		return;
	(void)snprintf(place, sizeof(place), "%s:%u", file, line);
	sts_find_at(&o->findings, STS_FIND_ERROR, place, NULL, "%s", reason);
}

/* A file that this user may not read is no fault of the file. */
static bool
may_not_read(const char *file)
{
	return geteuid() != 0 && access(file, R_OK) != 0 && errno == EACCES;
}

static bool
load_config(struct sts_overview *o, struct sts_tool *tool)
{
	const char *file = tool->args.config_file != NULL
	    ? tool->args.config_file
	    : sts_config_default_file();
	enum sts_status status;

	/* The default file need not exist. */
	if (tool->args.config_file != NULL || access(file, F_OK) == 0)
		set(o->config_file, file);
	if (may_not_read(file)) {
		sts_overview_unseen(o, "the configuration %s", file);
		o->blind = true;
		return false;
	}
	o->bad_lines = 0;
	status = sts_config_load(
	    &tool->config, tool->args.config_file, note_line, o);
	if (status != STS_OK && o->problem_count == 0)
		sts_find_at(&o->findings, STS_FIND_ERROR, file, NULL, "%s",
		    sts_status_text(status));
	if (o->bad_lines > STS_OVERVIEW_EXAMPLES)
		sts_find_at(&o->findings, STS_FIND_ERROR, file,
		    "mta-sts config check", "%lld bad lines in all",
		    (long long)o->bad_lines);
	return status == STS_OK;
}

static void
note_config(struct sts_overview *o, const struct sts_config *config)
{
	set(o->config_file, config->file);
	set(o->state_dir, config->state_dir);
	set(o->resolver, config->resolver);
	set(o->fetcher, config->fetcher);
	o->policies_max = config->policies_max;
	o->checks_max = config->checks_max;
}

static void
note_owner(struct sts_overview *o, const struct stat *st)
{
	const struct passwd *pw = getpwuid(st->st_uid);
	const struct group *gr = getgrgid(st->st_gid);

	if (pw != NULL)
		set(o->owner, pw->pw_name);
	else
		(void)snprintf(o->owner, sizeof(o->owner), "user %lu",
		    (unsigned long)st->st_uid);
	if (gr != NULL)
		set(o->group, gr->gr_name);
	else
		(void)snprintf(o->group, sizeof(o->group), "group %lu",
		    (unsigned long)st->st_gid);
	(void)snprintf(
	    o->mode, sizeof(o->mode), "%04o", (unsigned)st->st_mode & 07777U);
}

/*
 * As root or the owner, all that `config check` checks; as another user only
 * what does not depend on that user's permissions.
 */
static void
check_files(struct sts_overview *o, const struct sts_config *config)
{
	const char *dir = config->state_dir;
	bool found;
	struct stat st;

	errno = 0;
	found = stat(dir, &st) == 0;
	if (found)
		note_owner(o, &st);
	if (!found && errno == EACCES && geteuid() != 0) {
		sts_overview_unseen(o, "the state directory %s", dir);
		o->blind = true;
	} else if (geteuid() == 0 || (found && st.st_uid == geteuid())) {
		sts_check_as_owner(&o->findings, config);
		return;
	} else {
		(void)sts_check_state(&o->findings, dir, &st);
	}
	sts_check_safe(&o->findings, config);
	sts_overview_unseen(o,
	    "whether %s can use the files in the configuration",
	    o->owner[0] != '\0' ? o->owner
				: "the owner of the state directory");
}

void
sts_overview_as_owner(struct sts_overview *o, const struct sts_config *config,
    void (*read)(struct sts_overview *o, const struct sts_config *config))
{
	struct sts_as_user as = {.switched = false};
	struct stat st;

	/* In these cases the fault has been reported. */
	if (o->blind || stat(config->state_dir, &st) != 0 ||
	    !S_ISDIR(st.st_mode))
		return;
	if (st.st_uid != 0 && !sts_as_user_begin(&as, st.st_uid, st.st_gid)) {
		sts_report_problem(&o->findings, STS_FIND_ERROR, NULL,
		    "cannot become the owner of the state directory");
		return;
	}
	read(o, config);
	if (!sts_as_user_end(&as))
		sts_report_problem(
		    &o->findings, STS_FIND_ERROR, NULL, "cannot be root again");
}

static void
read_store(struct sts_overview *o, const struct sts_config *config)
{
	sts_overview_store(o, config);
	sts_overview_reports_store(o, config);
}

static void
find_job(struct sts_overview *o, const struct sts_overview_places *places)
{
	struct stat st;

	for (size_t i = 0; places->jobs[i] != NULL; i++) {
		if (stat(places->jobs[i], &st) == 0) {
			set(o->job, places->jobs[i]);
			return;
		}
	}
}

bool
sts_overview_open(struct sts_overview *o, struct sts_tool *tool)
{
	begin(o, tool->now);
	if (!load_config(o, tool))
		return false;
	o->loaded = true;
	note_config(o, &tool->config);
	return true;
}

void
sts_overview_fill(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places)
{
	if (!sts_overview_open(o, tool))
		return;
	find_job(o, places);
	check_files(o, &tool->config);
	sts_overview_as_owner(o, &tool->config, read_store);
	sts_overview_programs(o, &tool->config);
	sts_overview_servers(o, tool, places);
	sts_reporting_check_config(&o->findings, &tool->config);
	sts_overview_reports(o, &tool->config, places);
}

const struct sts_overview_places *
sts_overview_usual_places(void)
{
	static const char *const exim_files[] = {"/etc/exim4/exim4.conf",
	    "/etc/exim4/exim4.conf.template", "/etc/exim/exim.conf",
	    "/etc/exim.conf", "/etc/mail/exim.conf", "/usr/exim/configure",
	    "/usr/local/etc/exim/configure", NULL};
	static const char *const smtpd_files[] = {"/etc/smtpd.conf",
	    "/etc/mail/smtpd.conf", "/etc/smtpd/smtpd.conf",
	    "/etc/opensmtpd/smtpd.conf", "/usr/local/etc/mail/smtpd.conf",
	    NULL};
	static const char *const jobs[] = {
	    "/etc/systemd/system/timers.target.wants/mta-sts-refresh.timer",
	    "/etc/cron.d/mta-sts", NULL};
	static const char *const report_jobs[] = {
	    "/etc/systemd/system/timers.target.wants/mta-sts-report.timer",
	    "/etc/cron.d/mta-sts", NULL};
	static const struct sts_overview_places places = {
	    .exim_etc = "/etc/exim4",
	    .exim_generated = "/var/lib/exim4/config.autogenerated",
	    .exim_files = exim_files,
	    .smtpd_files = smtpd_files,
	    .jobs = jobs,
	    .report_jobs = report_jobs,
	    .systemd = "/run/systemd/system",
	    .ask_exim = true,
	    .smtpctl = "smtpctl"};

	return &places;
}

/*
 * A problem is a metric and no failure, for what runs this; numbers that are
 * missing are one, so that the old file stays and its age tells.
 */
static int
print_metrics(struct sts_tool *tool, const struct sts_overview *o)
{
	if (o->blind)
		return sts_tool_outside(tool,
		    "this user may not read the configuration or the store; "
		    "run this as root or as the owner of %s",
		    o->state_dir);
	sts_overview_print_metrics(tool->out, o);
	return STS_EXIT_OK;
}

int
sts_overview_finish(struct sts_overview *o, struct sts_tool *tool)
{
	int code = sts_overview_exit(o);

	if ((tool->args.given & STS_OPT_PROMETHEUS) != 0)
		code = print_metrics(tool, o);
	else if ((tool->args.given & STS_OPT_JSON) == 0)
		sts_overview_print(tool->out, o);
	else if (!sts_overview_print_json(tool->out, o))
		o->failed = true;
	if (o->failed)
		code = sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	sts_overview_free(o);
	sts_config_free(&tool->config);
	return code;
}

int
sts_tool_status(struct sts_tool *tool)
{
	struct sts_overview o;

	sts_overview_fill(&o, tool, sts_overview_usual_places());
	return sts_overview_finish(&o, tool);
}
