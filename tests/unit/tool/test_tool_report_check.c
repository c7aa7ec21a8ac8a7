/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report check`: each thing that stops a report, or has it dropped, is
 * found, with exit status 1, and no longer once it is put right.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "tests/unit/lib/tap_world.h"
#include "tool/dkim_key.h"
#include "tool/overview.h"

#define ON       "organization Example\ncontact tls@example.org\n"
#define GOOD_KEY "txt v=DKIM1; k=rsa; p=abc\ndone txt ok\n"

static struct world w;

static const char *
at(const char *name)
{
	return path_in(w.dir, name);
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

	snprintf(text, sizeof(text),
	    "state-dir %s\nresolver %s\nreport-sendmail %s\n%s", w.state,
	    at("resolver"), at("sendmail"), lines);
	put("mta-sts.conf", text);
	(void)chmod(at("mta-sts.conf"), 0644);
}

/* The example, with a rule for reports, and a filter that signs. */
static void
put_smtpd(const char *rule)
{
	static char text[65536];
	char lines[500];

	read_text("opensmtpd/conf/example.conf", text, sizeof(text));
	snprintf(
	    lines, sizeof(lines), "\n%smatch tag HELD from local for", rule);
	ok(change(text, NULL, "\nlisten on socket filter \"mta-sts\"\n",
	       "\nfilter \"sign\" proc-exec \"filter-dkimsign -d example.org "
	       "-s s1 -h tls-report-domain:tls-report-submitter\"\n"
	       "listen on socket filter { \"mta-sts\", \"sign\" }\n") &&
		change(text, NULL, "\nmatch tag HELD from local for", lines),
	    "the example is changed");
	put("smtpd.conf", text);
}

#define RULE                                                      \
	"match from local mail-from \"tls@example.org\" for any " \
	"action \"relay\"\n"

static void
begin(void)
{
	world_make(&w, "nameservers", "");
	put("sendmail", "#!/bin/sh\n");
	put("cron", "*/15 * * * * root mta-sts report send\n");
	put("resolver",
	    "#!/bin/sh\necho \"$*\" >\"$0.asked\"\ncat \"$0.says\"\n");
	put("resolver.asked", "");
	(void)chmod(at("resolver.asked"), 0666);
	put("resolver.says", GOOD_KEY);
	put_smtpd(RULE);
	configure(ON);
}

static struct sts_overview o;
static struct sts_tool tool;

static void
look(void)
{
	static char conf[128], smtpd[128], job[128];
	static const char *const none[] = {NULL};
	static const char *const smtpd_files[] = {smtpd, NULL};
	static const char *const jobs[] = {job, NULL};
	const struct sts_overview_places places = {.exim_etc = "/nonexistent",
	    .exim_generated = "/nonexistent",
	    .exim_files = none,
	    .smtpd_files = smtpd_files,
	    .jobs = none,
	    .report_jobs = jobs};

	snprintf(conf, sizeof(conf), "%s", at("mta-sts.conf"));
	snprintf(smtpd, sizeof(smtpd), "%s", at("smtpd.conf"));
	snprintf(job, sizeof(job), "%s", at("cron"));
	memset(&tool, 0, sizeof(tool));
	tool.out = stdout;
	tool.err = stderr;
	tool.now = time(NULL);
	tool.args.config_file = conf;
	sts_report_check(&o, &tool, &places);
}

static void
leave(void)
{
	sts_overview_free(&o);
	sts_config_free(&tool.config);
}

/* The caller frees it. */
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

static void
expect(int code, const char *part, const char *what)
{
	char *text;

	look();
	text = text_of(false);
	is_int(sts_overview_exit(&o), code, "%s: exit status", what);
	ok(strstr(text, part) != NULL, "%s: '%s' in %s", what, part, text);
	free(text);
	leave();
}

static void
test_good(void)
{
	json_t *root, *reports;
	char *text, asked[1000];

	expect(0, "no problem found\n", "all in order");
	look();
	text = text_of(false);
	ok(strncmp(text, "TLS reports:    on\n", 19) == 0 &&
		strstr(text, "state-dir") == NULL,
	    "only what concerns reports is shown: %s", text);
	ok(strstr(text, "DKIM key:       s1._domainkey.example.org\n") != NULL,
	    "with the key");
	ok(strstr(text, "note: no session was recorded in the last week") !=
		NULL,
	    "and that nothing was recorded");
	free(text);
	text = text_of(true);
	root = json_loads(text, 0, NULL);
	reports = json_object_get(root, "reports");
	ok(json_is_true(json_object_get(root, "ok")), "--json: %s", text);
	is_str(json_string_value(json_object_get(reports, "from")),
	    "tls@example.org", "its sender");
	ok(json_object_get(root, "policies") == NULL, "and no other section");
	json_decref(root);
	free(text);
	leave();
	read_text(at("resolver.asked"), asked, sizeof(asked));
	ok(strstr(asked, "--txt s1._domainkey.example.org\n") != NULL,
	    "that key was asked for: %s", asked);
}

static void
test_off(void)
{
	configure("");
	expect(1, "warning: TLS reports are off: ", "off");
	configure("organization Example\n");
	expect(1, "note: organization is set, but contact is not", "half on");
	configure("contact tls@example.org\n");
	expect(1, "note: contact is set, but organization is not",
	    "the other half");
	configure(ON "tlsrpt-socket /nonexistent/socket\n");
	expect(1, "/nonexistent/socket: No such file", "no collector");
	configure("recheck soon\n");
	expect(1, "mta-sts.conf:4: error: ", "a bad line");
	configure(ON);
	expect(0, "no problem found\n", "on again");
}

static void
test_sender(void)
{
	configure(ON "report-sendmail /nonexistent/sendmail\n");
	expect(1,
	    "warning: report-sendmail /nonexistent/sendmail: ", "no sendmail");
	configure("organization X\ncontact https://example.org/\n");
	expect(1, "no address to send TLS reports from", "no sender");
	configure("organization X\ncontact tls@example.net\n");
	expect(1,
	    "signs as example.org, but reports are submitted by "
	    "example.net",
	    "a signature of another domain");
	configure(ON);
	(void)unlink(at("cron"));
	expect(1, "no timer or cron job was found that sends", "no timer");
	put("cron", "*/15 * * * * root mta-sts report send\n");
	expect(0, "no problem found\n", "a sender again");
}

static void
test_server(void)
{
	put_smtpd("");
	expect(1, "smtpd.conf:", "no rule for the sender");
	put("smtpd.conf", "# mta-sts\nlisten on socket\n");
	expect(1, "no filter signs mail from sendmail", "no signature");
	look();
	is_str(o.report_key, "", "so no key is asked for");
	leave();
	(void)unlink(at("smtpd.conf"));
	expect(1, "no configuration of Exim or OpenSMTPD was found",
	    "no mail server");
	put_smtpd(RULE);
	expect(0, "no problem found\n", "as it was");
}

static void
test_state(void)
{
	char moved[120];

	snprintf(moved, sizeof(moved), "%s.away", w.state);
	(void)rename(w.state, moved);
	expect(1, "fix: mta-sts setup --user NAME", "no state directory");
	(void)rename(moved, w.state);
	(void)chmod(w.state, 0200);
	expect(1, "state-dir ", "one that cannot be read");
	(void)chmod(w.state, 0750);
	expect(0, "no problem found\n", "one that can");
}

static void
test_key(void)
{
	put("resolver.says", "done txt dns_nxdomain\n");
	expect(
	    1, "s1._domainkey.example.org: there is no DKIM key", "no record");
	put("resolver.says", "txt hello\ndone txt ok\n");
	expect(1, "there is no DKIM key", "a record that is no key");
	put("resolver.says", "txt v=DKIM1; s=email; p=a\ndone txt ok\n");
	expect(1, "s=email does not allow the key for TLS reports",
	    "a key for other mail");
	put("resolver.says", "done txt dns_timeout\n");
	expect(0,
	    "note: s1._domainkey.example.org: the DKIM key could not be "
	    "queried: dns_timeout",
	    "no answer");
	put("resolver.says", "");
	expect(0, "could not be queried", "a resolver that says nothing");
	put("resolver.says", GOOD_KEY);
}

/* What is said of a record; NULL: nothing. */
static void
record(const char *text, const char *part)
{
	char *found = NULL;
	size_t len;
	FILE *out = open_memstream(&found, &len);
	struct sts_findings f = {.out = out};

	sts_dkim_check_record(&f, "s._domainkey.x", text);
	fclose(out);
	if (part == NULL)
		is_str(found, "", "%s", text);
	else
		ok(strstr(found, part) != NULL, "%s: %s", text, found);
	free(found);
}

static void
test_records(void)
{
	record("v=DKIM1; p=abc", NULL);
	record("v=DKIM1;s=*;p=abc=", NULL);
	record("v=DKIM1; s=tlsrpt; p=abc", NULL);
	record("v=DKIM1; s = email : tlsrpt ; p=abc", NULL);
	record("v=DKIM1; s=email; p=abc", "s=email does not allow");
	record("v=DKIM1; s=; p=abc", "s= does not allow");
	record("v=DKIM1; s=tlsrpts:email; p=abc", "does not allow");
	record("v=DKIM1; p=", "missing or revoked");
	record("v=DKIM1; p", "missing or revoked");
	record("", "missing or revoked");
	record(";;=;", "missing or revoked");
}

int
main(void)
{
	begin();
	test_good();
	test_off();
	test_sender();
	test_server();
	test_state();
	test_key();
	test_records();
	world_remove(&w);
	return tap_done();
}
