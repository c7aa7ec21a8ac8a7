/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts status`: each thing that needs a person is found, with exit status
 * 1, and no longer once it is put right; what is not this machine's trouble is
 * shown and no more; what the user may not see is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_service.h"
#include "tests/unit/lib/tap_tool.h"
#include "tests/unit/lib/tap_world.h"
#include "tool/overview.h"

enum { HOUR = 3600, DAY = 86400 };

static const char enforce[] =
    "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
static const char testing[] =
    "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 604800\n";

static const char *const fragments[] = {"main/04_mta-sts", "router/190_mta-sts",
    "transport/31_mta-sts", "retry/20_mta-sts"};

static struct world w;
static int64_t shift; /* seconds that the clock is off */

static const char *
at(const char *name)
{
	return path_in(w.dir, name);
}

static void
put(const char *name, const char *text)
{
	write_file(at(name), text, strlen(text));
	(void)chmod(at(name), 0644);
}

static void
put_program(const char *name, const char *text)
{
	put(name, text);
	(void)chmod(at(name), 0755);
}

static void
shell(const char *format, const char *path)
{
	char command[400];

	snprintf(command, sizeof(command), format, path);
	if (system(command) != 0) {
		printf("Bail out! %s\n", command);
		exit(1);
	}
}

static void
configure(const char *lines)
{
	char text[2000];

	snprintf(text, sizeof(text),
	    "state-dir %s\nresolver %s\nfetcher %s\nca-file %s\n%s", w.state,
	    at("nameservers"), at("fetcher"), at("ca.pem"), lines);
	put("mta-sts.conf", text);
}

/* Debian's Exim, not split, with all that belongs to it. */
static void
set_up_exim(void)
{
	char all[400] = "begin\n", name[64], line[32];

	shell("cd %s && mkdir -p etc/conf.d && cd etc/conf.d && "
	      "mkdir -p main router transport retry",
	    w.dir);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "etc/conf.d/%s", fragments[i]);
		snprintf(line, sizeof(line), "line_%zu = a\n", i);
		put(name, line);
		strcat(all, line);
	}
	put("etc/update-exim4.conf.conf", "dc_use_split_config='false'\n");
	put("etc/exim4.conf.template", all);
	put("generated", all);
}

/* A machine where all is in order. */
static void
begin(void)
{
	world_make(&w, "nameservers", "");
	put("says", "nameserver 127.0.0.1:53 answered\n");
	put_program("fetcher", "#!/bin/sh\necho 'fetcher 1 ok landlock '\n");
	put("ca.pem", "x");
	put("cron", "");
	(void)chmod(at("ran"), 0666); /* the resolver may run as anybody */
	configure("");
	set_up_exim();
	world_policy(&w, "state", "one.example", enforce, HOUR, 60);
	world_policy(&w, "state", "two.example", testing, HOUR, 60);
	world_none(&w, "state", "none.example", "", 60, HOUR);
	world_newest(&w, HOUR);
	shift = 0;
}

static struct sts_overview o;
static struct sts_tool tool;

static void
look(void)
{
	static char conf[100], etc[128], generated[128], exim[128], smtpd[128],
	    job[128], smtpctl[128], proc[128];
	static const char *const exim_files[] = {exim, NULL};
	static const char *const smtpd_files[] = {smtpd, NULL};
	static const char *const jobs[] = {job, NULL};
	struct sts_overview_places places = {.exim_etc = etc,
	    .exim_generated = generated,
	    .exim_files = exim_files,
	    .smtpd_files = smtpd_files,
	    .jobs = jobs,
	    .smtpctl = smtpctl,
	    .proc = proc};

	snprintf(conf, sizeof(conf), "%s", w.conf);
	snprintf(etc, sizeof(etc), "%s", at("etc"));
	snprintf(generated, sizeof(generated), "%s", at("generated"));
	snprintf(exim, sizeof(exim), "%s", at("exim.conf"));
	snprintf(smtpd, sizeof(smtpd), "%s", at("smtpd.conf"));
	snprintf(job, sizeof(job), "%s", at("cron"));
	snprintf(smtpctl, sizeof(smtpctl), "%s", at("smtpctl"));
	snprintf(proc, sizeof(proc), "%s", at("proc"));
	memset(&tool, 0, sizeof(tool));
	tool.out = stdout;
	tool.err = stderr;
	tool.now = (int64_t)time(NULL) + shift;
	tool.args.config_file = conf;
	sts_overview_fill(&o, &tool, &places);
}

static void
leave(void)
{
	sts_overview_free(&o);
	sts_config_free(&tool.config);
}

static char *
text_of(bool json)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (json)
		(void)sts_overview_print_json(out, &o);
	else
		sts_overview_print(out, &o);
	fclose(out);
	return text;
}

/* The exit status, and a part of the text, which JSON has too. */
static void
expect(int code, const char *part, const char *what)
{
	char *text;

	look();
	text = text_of(false);
	is_int(sts_overview_exit(&o), code, "%s: exit status", what);
	if (!ok(strstr(text, part) != NULL, "%s: '%s'", what, part) ||
	    sts_overview_exit(&o) != code)
		tap_diag("%s", text);
	free(text);
	leave();
}

static void
fixed(const char *what)
{
	expect(0, "no problem found", what);
}

static void
in_order(void)
{
	const int64_t began = (int64_t)time(NULL);
	char away[120];
	json_t *object;
	char *text;

	begin();
	snprintf(away, sizeof(away), "%s.cron", w.state);
	(void)rename(at("cron"), away);
	expect(0, "note: no timer or cron job was found", "nothing refreshes");
	(void)rename(away, at("cron"));
	fixed("all in order");
	look();
	is_int(o.policies, 2, "policies are counted");
	is_int(o.policies_read, 2, "and read");
	is_int(o.enforced, 1, "by mode: enforce");
	is_int(o.testing, 1, "testing");
	is_int(o.checks, 3, "checks");
	ok(o.newest >= began - HOUR && o.newest <= tool.now - HOUR,
	    "the newest fetch");
	ok(o.next_due >= began - HOUR + DAY &&
		o.next_due <= tool.now - HOUR + DAY,
	    "when the next is due");
	is_str(o.fetcher_state, "works, sandbox landlock", "the fetcher");
	is_str(o.resolver_state, "works", "the resolver");
	is_str(o.exim, "Debian's fragments", "Exim");
	text = text_of(true);
	object = json_loads(text, 0, NULL);
	ok(json_is_true(json_object_get(object, "ok")), "JSON: ok");
	is_int(json_integer_value(json_object_get(
		   json_object_get(object, "policies"), "enforce")),
	    1, "JSON: the same number");
	is_int((long long)json_array_size(json_object_get(object, "findings")),
	    0, "JSON: no findings");
	json_decref(object);
	free(text);
	leave();
}

static void
configuration(void)
{
	configure("recheck soon\n");
	expect(1, "mta-sts.conf:5: error: ", "a bad line");
	configure("a 1\nb 2\nc 3\nd 4\ne 5\nf 6\ng 7\n");
	expect(1, "mta-sts.conf:9: error: ", "many: the first five");
	expect(1, "7 bad lines in all", "and how many there are");
	look();
	is_int(o.bad_lines, 7, "counted");
	is_int((long long)o.problem_count, 6, "and not all shown");
	leave();
	configure("");
	fixed("the configuration is right again");
	(void)rename(w.conf, at("away.conf"));
	expect(1, "mta-sts.conf: error: ", "no such file");
	look();
	ok(strstr(o.config_file, "/mta-sts.conf") != NULL, "it is named");
	{
		char *text = text_of(false);

		ok(strstr(text, "uses the policies") == NULL &&
			strstr(text, "built-in") == NULL,
		    "and nothing is said of what was not looked at");
		free(text);
	}
	leave();
	(void)rename(at("away.conf"), w.conf);
	(void)chmod(w.conf, 0666);
	expect(1, "can be written by other users", "a file for everybody");
	(void)chmod(w.conf, 0644);
	fixed("for root alone again");
	configure("ca-file /nonexistent/ca.pem\n");
	expect(1, "error: ca-file /nonexistent/ca.pem", "no trust roots");
	configure("");
	fixed("roots again");
}

static void
state_directory(void)
{
	char moved[120];

	snprintf(moved, sizeof(moved), "%s.away", w.state);
	(void)rename(w.state, moved);
	expect(1, "fix: mta-sts setup --user NAME", "no state directory");
	expect(1, "directory missing or unreadable", "so it has no owner");
	look();
	is_int(o.policies, STS_OVERVIEW_UNKNOWN, "nothing is counted");
	leave();
	(void)rename(moved, w.state);
	fixed("it is back");
	(void)chmod(w.state, 0757);
	expect(1, "can be written by everybody", "for everybody");
	(void)chmod(w.state, 0750);
	fixed("its mode is right again");
	if (geteuid() != 0) {
		tap_skip("a state directory of another user", "needs root");
		return;
	}
	(void)chmod(at("state/policies"), 0550);
	expect(1, "its owner cannot write there", "a room without the bit");
	(void)chmod(at("state/policies"), 0750);
	fixed("the owner can write again");
	shell("chown -R 0:0 %s", w.state);
	expect(1, "belongs to root", "root's");
	shell("chown -R 65534:65534 %s", w.state);
	fixed("its owner's again");
	shell("chown -R 65533 %s/policies", w.state);
	expect(1, "state/policies: its owner cannot write there",
	    "a part of it is another user's");
	shell("chown -R 65534:65534 %s/policies", w.state);
	fixed("and again");
}

static void
damage(void)
{
	world_policy(&w, "state", "bad.example", enforce, HOUR, 60);
	world_damage(&w, "policies", "bad.example");
	expect(1, "waits: 1 (bad.example)\n", "a damaged policy");
	world_policy(&w, "state", "bad.example", enforce, HOUR, 60);
	fixed("fetched anew");
	configure("policies-max 3\n");
	expect(1, "3 policies of at most 3", "a store that is full");
	configure("");
	fixed("a larger bound");
}

static void
refresh(void)
{
	world_policy(&w, "state", "old.example", enforce, DAY + HOUR, 60);
	fixed("due for an hour: the timer comes hourly");
	world_policy(&w, "state", "old.example", enforce, 2 * DAY, 60);
	expect(1, "was not attempted: 1 (old.example since 24 hours)",
	    "a refresh that nobody did");
	world_failing(&w, "state", "old.example", HOUR, HOUR / 2);
	fixed("somebody did, and it failed");
	look();
	is_int(o.failing, 1, "which is counted");
	is_int(o.failing_long, 0, "as a short failure");
	leave();
	world_failing(&w, "state", "old.example", 2 * DAY, -3 * HOUR);
	expect(1, "old.example since 3 hours", "nobody tried it again");
	world_failing(&w, "state", "old.example", 2 * DAY, HOUR / 2);
	fixed("failing for two days of a week's policy");
	look();
	is_int(o.failing_long, 1, "which is counted");
	leave();
	world_policy(&w, "state", "old.example", testing, 6 * DAY, 60);
	world_failing(&w, "state", "old.example", 5 * DAY, HOUR / 2);
	fixed("it ends tomorrow: a policy that only tests");
	world_policy(&w, "state", "old.example", enforce, 6 * DAY, 60);
	world_failing(&w, "state", "old.example", 5 * DAY, HOUR / 2);
	expect(1, "again: 1 (old.example expires in 2",
	    "an enforced one: ends soon");
	world_policy(&w, "state", "old.example", enforce, HOUR, 60);
	fixed("fetched again");
}

static void
silence(void)
{
	static const char *const domains[] = {
	    "a.example", "b.example", "c.example"};

	for (size_t i = 0; i < 3; i++) {
		world_policy(&w, "state", domains[i], enforce, 25 * HOUR, 60);
		world_failing(&w, "state", domains[i], HOUR, HOUR / 2);
	}
	fixed("three domains failed, another was fetched an hour ago");
	world_newest(&w, 25 * HOUR);
	expect(1, "no fetch has succeeded for 25 hours, and 3 or more domains",
	    "no fetch that succeeded for a day, and three failed");
	world_policy(&w, "state", "c.example", enforce, HOUR, 60);
	fixed("two failed");
	world_none(&w, "state", "cold.example", "id1", HOUR, 300);
	expect(1, "no fetch has succeeded for 25 hours",
	    "a third one that never had a policy");
	world_none(&w, "state", "cold.example", "id1", 2 * DAY, 300);
	fixed("two days ago");
	world_newest(&w, HOUR);
	shift = -2 * DAY;
	expect(1, "error: the clock is ", "the clock is two days behind");
	shift = 0;
	fixed("the clock is right");
}

static void
programs(void)
{
	put("says", "nameserver 192.0.2.1 silent\n");
	expect(1, "error: no name server answers", "a dead name server");
	put("says",
	    "nameserver 192.0.2.1 silent\nnameserver 192.0.2.2 answered\n");
	expect(1, "warning: nameserver 192.0.2.1: ", "one of two");
	look();
	is_int(o.nameservers, 2, "two are counted");
	is_int(o.nameservers_answering, 1, "one answers");
	leave();
	put("says", "");
	expect(1, "resolver is:    does not answer", "a resolver that is mute");
	put("says", "nameserver 127.0.0.1:53 answered\n");
	fixed("name servers answer");
	put_program("fetcher", "#!/bin/sh\nexit 1\n");
	expect(1, "error: fetcher ", "a fetcher that dies");
	put_program("fetcher",
	    "#!/bin/sh\necho 'fetcher 1 ca_unusable none no=20roots'\n");
	expect(1, "no policy can be fetched", "one without trust roots");
	put_program("fetcher", "#!/bin/sh\necho hello\n");
	expect(1, "error: fetcher ", "one that talks nonsense");
	(void)unlink(at("fetcher"));
	expect(1, "/fetcher: No such file", "none");
	put_program("fetcher", "#!/bin/sh\necho 'fetcher 1 ok none '\n");
	fixed("a fetcher that works");
	(void)chmod(at("fetcher"), 0777);
	expect(1, "fetcher is refused: ", "one that everybody can write");
	(void)chmod(at("fetcher"), 0755);
	fixed("only root can");
}

/* The row CONF-5. */
static void
exim_comes_apart(void)
{
	(void)unlink(at("etc/conf.d/router/190_mta-sts"));
	expect(
	    1, "router/190_mta-sts is missing", "CONF-5: a fragment is gone");
	if (symlink("/nonexistent", at("etc/conf.d/router/190_mta-sts")) != 0)
		tap_diag("symlink");
	expect(1, "router/190_mta-sts is a dangling link",
	    "CONF-5: a dangling link");
	(void)unlink(at("etc/conf.d/router/190_mta-sts"));
	set_up_exim();
	fixed("CONF-5: the fragments are back");
	put("etc/exim4.conf.template", "begin\nline_0 = a\n");
	expect(1, "exim4.conf.template does not have what ",
	    "CONF-5: the template was written anew");
	set_up_exim();
	put("etc/conf.d/retry/20_mta-sts", "line_3 = b\n");
	expect(1, "conf.d/retry/20_mta-sts says", "CONF-5: an edited fragment");
	set_up_exim();
	fixed("CONF-5: as it was set up");
}

static void
mail_servers(void)
{
	shell("rm -r %s", at("etc"));
	expect(1, "mail goes out as without MTA-STS", "no mail server asks");
	put("exim.conf", "x = ${dlfunc{y}{mta_sts_query}{$domain}}\n");
	fixed("Exim with a file of its own");
	(void)unlink(at("exim.conf"));
	put("smtpd.conf", "listen on localhost\n");
	expect(1, "mail goes out as without MTA-STS", "OpenSMTPD without us");
	put("smtpd.conf", "filter \"mta-sts\" proc-exec \"filter-mta-sts\"\n");
	expect(1, "smtpd.conf: error: ", "OpenSMTPD with the filter alone");
	look();
	ok(strstr(o.smtpd, "/smtpd.conf") != NULL, "its file is named");
	leave();
	(void)unlink(at("smtpd.conf"));
	set_up_exim();
	fixed("Exim again");
}

/* Not: whether all of its file is right. */
static void
expect_none(const char *part, const char *what)
{
	char *text;

	look();
	text = text_of(false);
	if (!ok(strstr(text, part) == NULL, "%s: no '%s'", what, part))
		tap_diag("%s", text);
	free(text);
	leave();
}

/* smtpd as it runs: tap_service.h looks into etc/smtpd.conf when it starts. */
static void
smtpd_as_it_runs(void)
{
	static const char ours[] =
	    "table a \"mta-sts:/etc/mta-sts.conf\"\n"
	    "filter \"mta-sts\" proc-exec \"filter-mta-sts\"\n";

	shell("rm -r %s/etc/*", w.dir);
	put("etc/smtpd.conf", "");
	service_make(w.dir, "opensmtpd");
	put("smtpd.conf", ours);
	if (geteuid() != 0) {
		expect(1, "not seen as this user: whether smtpd runs with ",
		    "what smtpd runs with is root's to see");
		tap_skip("smtpd as it runs", "needs root");
		goto out;
	}
	expect(1,
	    "smtpd.conf: error: smtpd runs, but without the filter and the "
	    "table of this file",
	    "a restart that was forgotten");
	expect(1, "  fix: restart smtpd: systemctl restart opensmtpd",
	    "and what to do");
	put("etc/smtpd.conf", ours);
	service_fault(w.dir, "filter");
	shell("%s/manager restart opensmtpd", w.dir);
	expect(1, "smtpd runs, but without the filter of this file",
	    "the filter alone is missing");
	service_fault(w.dir, "none");
	shell("%s/manager restart opensmtpd", w.dir);
	expect_none("smtpd runs, but", "restarted");
	expect_none("not seen", "restarted");
	service_script(at("smtpctl"), "#!/bin/sh\necho uptime=1000\n");
	expect(1, "smtpd.conf: warning: smtpd was started before this file was",
	    "an older start, with a filter and a table");
	shell("rmdir %s/proc/self", w.dir);
	expect(1, "smtpd.conf: error: smtpd was started before this file was",
	    "where it is not seen whether these run");
	service_script(at("smtpctl"), "#!/bin/sh\nexit 1\n");
	expect(1, "not seen as this user: whether smtpd runs with ",
	    "smtpctl is not answered");
	shell("mkdir %s/proc/self", w.dir);
	shell("rm -r %s/proc/[0-9]*", w.dir);
	expect(1, "note: smtpd does not run", "smtpd does not run");
	expect_none("not seen", "smtpd does not run");
out:
	shell("cd %s && rm -r proc smtpctl etc smtpd.conf", w.dir);
	set_up_exim();
	fixed("Exim after all");
}

/* As the owner of the state directory, in a process of its own. */
static void
as_owner(void (*make)(struct sts_store *store, int64_t now))
{
	struct sts_store *store;
	pid_t child = fork();

	if (child == 0) {
		if ((geteuid() == 0 &&
			(setgid(WORLD_USER) != 0 || setuid(WORLD_USER) != 0)) ||
		    sts_store_open(&store, w.state, true) != STS_OK)
			_exit(1);
		make(store, (int64_t)time(NULL));
		_exit(0);
	}
	fflush(stdout);
	(void)waitpid(child, NULL, 0);
}

static void
some_events(struct sts_store *store, int64_t now)
{
	for (int i = 0; i < 3; i++)
		sts_events_result(
		    store, STS_EVENT_LOOKUP, STS_EVENT_NONE, now - 30);
	sts_events_result(store, STS_EVENT_REFRESH, STS_EVENT_POLICY, now - 30);
	(void)sts_events_deferred(
	    store, "one.example", STS_NO_NAMESERVER, now - 7200);
	(void)sts_events_deferred(
	    store, "two.example", STS_NO_NAMESERVER, now - 60);
	(void)sts_events_deferred(store, "two.example", STS_NO_MATCH, now - 50);
	sts_events_round(store, now - 4 * HOUR);
}

static void
a_round(struct sts_store *store, int64_t now)
{
	sts_events_round(store, now);
}

static void
what_waited(void)
{
	char *text;

	look();
	ok(o.last_answer != STS_OVERVIEW_UNKNOWN, "the last answer of the DNS");
	is_int(o.deferred, 0, "nothing waited");
	is_int(o.least_max_age, 604800, "the shortest max_age");
	ok(tool.now - o.oldest >= 25 * HOUR &&
		tool.now - o.oldest < 25 * HOUR + 60,
	    "the oldest fetch");
	leave();
	as_owner(some_events);
	expect(0, "because of:     no_nameserver 2, no_match 1",
	    "what waited, and why: no one need do anything");
	expect(0, "two.example (no_match), one.example (no_nameserver)",
	    "the last domains");
	expect(0, "note: mail waited 3 times within a day, most often for no_",
	    "is a note");
	expect(0, "lookups:        none 3", "lookups by result");
	expect(0, "last round:     ", "when a round was");
	look();
	is_int(o.deferred_by_fault, 1, "of the last hour, for a fault of ours");
	text = text_of(true);
	ok(strstr(text, "\"no_nameserver\": 2") != NULL, "JSON has it");
	free(text);
	leave();
	world_policy(&w, "state", "short.example",
	    "version: STSv1\nmode: enforce\nmx: mx.example.com\n"
	    "max_age: 21600\n",
	    HOUR, 60);
	expect(1, "no round of refreshes has ended for 4 hours, and the short",
	    "too rare for a policy of six hours");
	as_owner(a_round);
	fixed("a round");
	world_policy(&w, "state", "short.example", enforce, HOUR, 60);
}

/* Each line has its form, and each metric its HELP and TYPE before it. */
static void
metrics(void)
{
	char *text = NULL, *rest, *line, name[80] = "", by_mode[120];
	FILE *out;
	size_t len;
	bool fine = true;

	look();
	out = open_memstream(&text, &len);
	sts_overview_print_metrics(out, &o);
	fclose(out);
	snprintf(by_mode, sizeof(by_mode),
	    "\nmta_sts_policies{mode=\"enforce\"} %d\n"
	    "mta_sts_policies{mode=\"testing\"} %d\n"
	    "mta_sts_policies{mode=\"none\"} 0\n",
	    (int)o.enforced, (int)o.testing);
	leave();
	ok(strstr(text, by_mode) != NULL, "policies by mode");
	ok(strstr(text, "\nmta_sts_lookups_total{result=\"none\"} 3\n") != NULL,
	    "lookups by result");
	ok(strstr(text, "\nmta_sts_lookups_total{result=\"fault\"} 0\n") !=
		NULL,
	    "those that did not happen, too");
	ok(strstr(text, "\nmta_sts_deferred{why=\"no_nameserver\"} 2\n") !=
		NULL,
	    "deferrals by reason");
	ok(strstr(text, "\nmta_sts_refresh_failures 2\n") != NULL &&
		strstr(text, "\nmta_sts_oldest_refresh_seconds 900") != NULL,
	    "refreshes");
	ok(strstr(text, "unprotected") == NULL, "what never was is left out");
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		if (strncmp(line, "# TYPE ", 7) == 0)
			snprintf(name, sizeof(name), "%.*s",
			    (int)strcspn(line + 7, " "), line + 7);
		else if (line[0] != '#' && line[0] != '\0' &&
		    (strncmp(line, name, strlen(name)) != 0 ||
			strchr("{ ", line[strlen(name)]) == NULL)) {
			fine = false;
			tap_diag("%s", line);
		}
	}
	ok(fine, "each sample stands below its TYPE");
	free(text);
}

/* In a process of its own: the exit status, bits for what was seen. */
static int
look_as(uid_t uid, gid_t gid)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		char *text;

		if (setgid(gid) != 0 || setuid(uid) != 0)
			_exit(99);
		look();
		text = text_of(false);
		status = sts_overview_exit(&o) + (o.unseen.count > 0 ? 16 : 0) +
		    (o.policies == STS_OVERVIEW_UNKNOWN ? 32 : 0) +
		    (o.problem_count > 0 ? 64 : 0);
		if ((status & 64) != 0)
			tap_diag("%s", text);
		_exit(status);
	}
	fflush(stdout);
	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
other_users(void)
{
	if (geteuid() != 0) {
		tap_skip("other users", "needs root");
		return;
	}
	is_int(look_as(65533, 65533), 3 + 16 + 32,
	    "a user who may not read the store: exit status 3, says what he "
	    "does not see, no problem");
	is_int(look_as(65533, WORLD_USER), 0 + 16,
	    "one of the owner's group: exit status 0, all is counted");
	is_int(look_as(WORLD_USER, WORLD_USER), 0 + 16,
	    "the owner: the same, without Exim's own answer");
	(void)chmod(w.conf, 0600);
	is_int(look_as(65533, 65533), 3 + 16 + 32,
	    "a configuration that only root may read: the same");
	expect(1, "the mail server's user cannot read it", "a fault for root");
	(void)chmod(w.conf, 0644);
	put("says", "nameserver 192.0.2.1 silent\n");
	is_int(look_as(65533, 65533) & ~64, 1 + 16 + 32,
	    "a dead name server is one for everybody");
	put("says", "nameserver 127.0.0.1:53 answered\n");
	fixed("for root");
}

/* Every file, with its times, before and after. */
static void
nothing_is_written(void)
{
	shell("cd %s && find state -printf '%%p %%s %%T@ %%C@\\n' | sort "
	      ">before",
	    w.dir);
	fixed("a last look");
	shell("cd %s && find state -printf '%%p %%s %%T@ %%C@\\n' | sort "
	      ">after",
	    w.dir);
	shell("cd %s && cmp before after", w.dir);
	ok(true, "nothing in the state directory has changed");
}

int
main(void)
{
	umask(022);
	in_order();
	configuration();
	state_directory();
	damage();
	refresh();
	silence();
	programs();
	exim_comes_apart();
	mail_servers();
	smtpd_as_it_runs();
	other_users();
	what_waited();
	metrics();
	nothing_is_written();
	world_remove(&w);
	return tap_done();
}
