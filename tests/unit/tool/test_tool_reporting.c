/* SPDX-License-Identifier: ISC */
/*
 * TLS reports in `mta-sts status`, and what config check says of their keys:
 * nothing is wrong with reports that are off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/outcomes.h"
#include "store/reports.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "tests/unit/lib/tap_world.h"
#include "tool/overview.h"
#include "tool/reporting.h"

enum { HOUR = 3600 };

#define ON "organization Example\ncontact tls@example.org\n"

static struct world w;
static struct sts_config config;
static char sendmail[128];

static const char *
at(const char *name)
{
	static char path[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", w.dir, name);
	return path[turn];
}

static void
put(const char *name, const char *text)
{
	write_file(at(name), text, strlen(text));
	(void)chmod(at(name), 0755);
}

static void
configure(const char *lines)
{
	char text[1000];

	sts_config_free(&config);
	snprintf(text, sizeof(text), "state-dir %s\nreport-sendmail %s\n%s",
	    w.state, sendmail, lines);
	put("mta-sts.conf", text);
	(void)chmod(at("mta-sts.conf"), 0644);
	if (sts_config_load(&config, at("mta-sts.conf"), sts_config_note_log,
		NULL) != STS_OK)
		tap_diag("the configuration is not loaded");
}

/* Run by root, the state directory is another user's. */
static void
own(const char *name)
{
	if (geteuid() == 0 && chown(at(name), WORLD_USER, WORLD_USER) != 0)
		tap_diag("%s keeps its owner", name);
}

/* What is said of these lines; NULL: nothing. */
static void
says(const char *lines, const char *part, const char *what)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct sts_findings f = {.out = out};

	configure(lines);
	sts_reporting_check_config(&f, &config);
	fclose(out);
	if (part == NULL)
		is_str(text, "", "%s: nothing is said", what);
	else
		ok(strstr(text, part) != NULL, "%s: %s", what, text);
	free(text);
}

static void
test_keys(void)
{
	char line[300];

	says("", NULL, "off");
	says(ON, NULL, "on");
	says("organization Example\n",
	    "note: organization is set, but contact is not", "half on");
	says("contact tls@example.org\n",
	    "note: contact is set, but organization is not", "the other half");
	says("organization X\ncontact the postmaster\n",
	    "warning: contact the postmaster: neither a mail address",
	    "a contact that is none");
	says("organization X\ncontact https://example.org/tls\n",
	    "warning: there is no address to send TLS reports from: "
	    "report-from is not set",
	    "a page as contact");
	says("organization X\ncontact https://example.org/tls\n"
	     "report-from tls@example.org\n",
	    NULL, "with an address to send from");
	says("organization X\ncontact mailto:tls@example.org\n"
	     "report-from tls@example.org\n",
	    NULL, "a mailto: as contact");
	says(ON "report-from tls@mail.example.net\n",
	    "warning: report-from tls@mail.example.net is not at example.org",
	    "two domains");
	says(ON "report-from other@Example.ORG\n", NULL, "one domain");
	snprintf(line, sizeof(line), ON "report-sendmail %s\n", at("none"));
	says(line, "/none: No such file or directory; no TLS report can be",
	    "no sendmail");
	snprintf(line, sizeof(line), ON "report-sendmail %s\n", w.dir);
	says(line, "is no program; no TLS report can be sent", "a directory");
}

static void
test_collector(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char line[300];

	snprintf(line, sizeof(line), ON "tlsrpt-socket %s\n", at("socket"));
	says(line, "/socket: No such file or directory; what sessions became",
	    "a collector that is not there");
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", at("socket"));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
		tap_diag("no socket");
	says(line, NULL, "a collector");
	close(fd);
	(void)unlink(at("socket"));
	put("socket", "");
	says(line, "is no socket", "a file in its place");
	(void)unlink(at("socket"));
}

/* A session of so many days ago. */
static void
record(int days)
{
	struct sts_outcome o = {.time = (int64_t)time(NULL) - days * STS_DAY,
	    .type = STS_POLICY_TYPE_STS,
	    .domain = "a.example",
	    .mx = "mx.a.example"};
	char name[64], day[STS_DAY_TEXT], bytes[STS_OUTCOME_LINE_MAX];
	size_t len = sts_outcome_format(&o, bytes);

	sts_outcomes_day_text(o.time / STS_DAY, day);
	snprintf(name, sizeof(name), "state/outcomes/%s", day);
	(void)mkdir(at("state/outcomes"), 0750);
	write_file(at(name), bytes, len);
	own("state/outcomes");
	own(name);
}

/* A run of report send so many seconds ago. */
static void
ran(int64_t ago)
{
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - (time_t)ago}};

	(void)mkdir(at("state/reports"), 0750);
	put("state/reports/lock", "");
	own("state/reports");
	own("state/reports/lock");
	if (utimensat(AT_FDCWD, at("state/reports/lock"), times, 0) != 0)
		tap_diag("no time");
}

static struct sts_overview o;
static struct sts_tool tool;

static void
look(const char *lines)
{
	static char timer[128], cron[128], systemd[128];
	static const char *const none[] = {NULL};
	static const char *const jobs[] = {timer, cron, NULL};
	const struct sts_overview_places places = {.exim_etc = "/nonexistent",
	    .exim_generated = "/nonexistent",
	    .exim_files = none,
	    .smtpd_files = none,
	    .jobs = none,
	    .report_jobs = jobs,
	    .systemd = systemd};

	snprintf(timer, sizeof(timer), "%s", at("report.timer"));
	snprintf(cron, sizeof(cron), "%s", at("cron"));
	snprintf(systemd, sizeof(systemd), "%s", at("systemd"));
	configure(lines);
	memset(&tool, 0, sizeof(tool));
	tool.out = stdout;
	tool.err = stderr;
	tool.now = time(NULL);
	tool.args.config_file = config.file;
	sts_overview_fill(&o, &tool, &places);
}

static void
leave(void)
{
	sts_overview_free(&o);
	sts_config_free(&tool.config);
}

/* A part of what status says; "" for nothing about reports being sent. */
static void
status_says(const char *part, const char *what)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	look(ON);
	sts_overview_print(out, &o);
	fclose(out);
	if (part[0] != '\0')
		ok(strstr(text, part) != NULL, "%s: '%s' in %s", what, part,
		    text);
	else
		ok(strstr(text, "report send") == NULL &&
			strstr(text, "no TLS report of") == NULL,
		    "%s: %s", what, text);
	free(text);
	leave();
}

static void
test_off(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *line;

	look("");
	sts_overview_print(out, &o);
	fclose(out);
	line = strstr(text, "TLS reports:    off\n");
	ok(line != NULL, "off is one line: %s", text);
	ok(line != NULL && strstr(line + 16, "report") == NULL &&
		strstr(text, "submitter") == NULL,
	    "and no more is said of reports");
	free(text);
	leave();
	look("organization Example\n");
	is_str(o.reports, "off, contact is not set", "half on");
	leave();
	look("contact tls@example.org\n");
	is_str(o.reports, "off, organization is not set", "the other half");
	leave();
	look(ON "tlsrpt-socket /run/collector\n");
	is_str(o.reports, "by the collector at /run/collector", "a collector");
	leave();
}

static void
test_runs(void)
{
	status_says("no timer or cron job was found that sends TLS reports",
	    "on, and nothing sends");
	put("cron", "# report send\n17 * * * *\troot\tmta-sts cache refresh\n");
	status_says("no timer or cron job was found that sends TLS reports",
	    "a cron file without the command");
	put("cron",
	    "*/15 * * * *\troot\t[ -d /run/systemd/system ] || "
	    "mta-sts report send\n");
	status_says("", "a cron file with it");
	put("systemd", "");
	status_says("no timer or cron job was found that sends TLS reports",
	    "the same where systemd runs");
	put("report.timer", "");
	status_says("", "with its timer");
	(void)unlink(at("systemd"));
	record(0);
	status_says("", "sessions of today wait for its end");
	record(1);
	(void)unlink(at("report.timer"));
	status_says("", "of today and yesterday");
	look(ON);
	is_str(o.reports, "on", "reports are on");
	is_str(o.report_from, "tls@example.org", "from");
	is_str(o.report_submitter, "example.org", "submitter");
	is_str(o.report_job, at("cron"), "what sends");
	ok(o.report_recorded[0] == '2', "recorded: %s", o.report_recorded);
	is_int(o.report_last_run, 0, "never sent");
	leave();
}

static void
test_late(void)
{
	char *command = NULL;

	if (asprintf(&command, "rm -rf %s/state/outcomes", w.dir) < 0 ||
	    system(command) != 0)
		tap_diag("not removed");
	free(command);
	record(1);
	status_says("though sessions of ", "yesterday's sessions, never a run");
	ran(7 * HOUR);
	status_says("mta-sts report send has not run for 7 hours", "late");
	ran(HOUR);
	status_says("", "in time");
	(void)unlink(at("cron"));
	status_says("", "and then by what does not matter");
	look(ON);
	ok(o.report_last_run >= tool.now - HOUR - 10 &&
		o.report_last_run <= tool.now - HOUR + 10,
	    "the last run");
	leave();
}

/* A report of so many days ago; only the owner writes one. */
static void
put_report(int days, const char *domain, const enum sts_delivery_state *state,
    size_t n)
{
	struct sts_report_job job = {.day = time(NULL) / STS_DAY - days,
	    .id = "x",
	    .count = n,
	    .packed = (char *)"x",
	    .packed_len = 1};
	struct sts_store *store;
	pid_t pid = fork();

	if (pid != 0) {
		(void)waitpid(pid, NULL, 0);
		return;
	}
	if (geteuid() == 0 &&
	    (setgid(WORLD_USER) != 0 || setuid(WORLD_USER) != 0))
		_exit(1);
	snprintf(job.domain, sizeof(job.domain), "%s", domain);
	for (size_t i = 0; i < n; i++) {
		snprintf(job.to[i].uri, sizeof(job.to[i].uri), "mailto:%zu@%s",
		    i, domain);
		job.to[i].state = state[i];
	}
	if (sts_store_open(&store, w.state, true) == STS_OK)
		(void)sts_reports_write(store, &job);
	_exit(0);
}

static void
test_counts(void)
{
	static const enum sts_delivery_state lost[] = {STS_DELIVERY_FAILED,
	    STS_DELIVERY_UNSURE, STS_DELIVERY_FAILED, STS_DELIVERY_PENDING};
	static const enum sts_delivery_state sent[] = {STS_DELIVERY_SENT};

	ran(HOUR);
	put_report(1, "a.example", lost, 2);
	look(ON);
	is_int(o.reports_sent, 0, "none was sent");
	is_int(o.reports_lost, 2, "two were lost");
	leave();
	status_says("", "two that are lost may be their destinations' fault");
	put_report(2, "a.example", lost, 4);
	status_says("no TLS report of the last week was taken, 5 were lost",
	    "five are not");
	put_report(7, "b.example", sent, 1);
	look(ON);
	is_int(o.reports_sent, 1, "one was sent");
	is_int(o.reports_waiting, 1, "one waits");
	is_int(o.reports_lost, 5, "five are lost");
	leave();
	status_says("", "where one was taken others may be lost");
	put_report(9, "c.example", sent, 1);
	look(ON);
	is_int(o.reports_sent, 1, "older ones do not count");
	leave();
	look("");
	is_int(o.reports_sent, STS_OVERVIEW_UNKNOWN, "nor any, where off");
	leave();
}

/* The lock of a run is where its time is. */
static void
test_lock(void)
{
	struct sts_store *store;
	int64_t now = time(NULL);
	int fd;

	ran(7 * HOUR);
	if (sts_store_open(&store, w.state, true) != STS_OK) {
		tap_skip("the time of a run", "this user cannot write");
		return;
	}
	ok(sts_reports_last_run(store) < now - 6 * HOUR, "an old run");
	if (sts_reports_lock(store, &fd) == STS_OK) {
		ok(sts_reports_last_run(store) >= now, "a new one");
		close(fd);
	} else {
		tap_skip("a new one", "this user is not the owner");
	}
	sts_store_close(store);
}

int
main(void)
{
	world_make(&w, "nameservers", "");
	snprintf(sendmail, sizeof(sendmail), "%s", at("sendmail"));
	put("sendmail", "#!/bin/sh\n");
	put("says", "nameserver 127.0.0.1:53 answered\n");
	test_keys();
	test_collector();
	test_off();
	test_runs();
	test_late();
	test_counts();
	test_lock();
	sts_config_free(&config);
	world_remove(&w);
	return tap_done();
}
