/* SPDX-License-Identifier: ISC */
/*
 * Reports by mail: what sendmail is given, and what becomes of the report when
 * it fails, hangs or dies.  Each sendmail here is a shell script.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/readfile.h"
#include "report/deliver.h"
#include "report/gzip.h"
#include "report/message.h"
#include "tests/unit/lib/tap.h"

static char dir[] = "/tmp/mta-sts-sendmail.XXXXXX";
static char path[100];
static struct sts_config config;
static struct sts_report_job job = {.day = 20000,
    .domain = "a.test",
    .id = "2024-10-04-0123456789abcdef"};
static struct sts_delivery to = {.uri = "mailto:tls@a.test"};

static void
write_script(const char *script)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return;
	fprintf(f, "#!/bin/sh\n%s\n", script);
	(void)fclose(f);
	(void)chmod(path, 0755);
}

/* One attempt with this sendmail, which has so long. */
static struct sts_attempt_result
attempt_within(const char *script, int64_t ms)
{
	struct sts_deliver d = {.config = &config,
	    .from = "reports@sender.test",
	    .submitter = "sender.test",
	    .now = 1728090000,
	    .mail_ms = ms};
	struct sts_attempt_result result = {.what = STS_ATTEMPT_LATER};

	write_script(script);
	sts_deliver_mail(&d, &job, &to, &result);
	return result;
}

static struct sts_attempt_result
attempt(const char *script)
{
	return attempt_within(script, TAP_WAIT_MS);
}

static void
test_outcomes(void)
{
	static const struct {
		const char *script, *reason, *what;
		enum sts_attempt expected;
		bool local;
	} rows[] = {
	    {"cat >/dev/null", "", "takes it", STS_ATTEMPT_TAKEN, false},
	    {"cat >/dev/null; exit 67", "sendmail-exit-67",
		"knows no such user", STS_ATTEMPT_REFUSED, false},
	    {"cat >/dev/null; exit 68", "sendmail-exit-68",
		"knows no such host", STS_ATTEMPT_REFUSED, false},
	    {"cat >/dev/null; exit 65", "sendmail-exit-65",
		"knows no such address", STS_ATTEMPT_REFUSED, false},
	    {"cat >/dev/null; exit 75", "sendmail-exit-75", "fails for a while",
		STS_ATTEMPT_LATER, false},
	    {"cat >/dev/null; exit 1", "sendmail-exit-1", "fails",
		STS_ATTEMPT_LATER, false},
	    {"exit 75", "sendmail-exit-75", "fails and reads nothing",
		STS_ATTEMPT_LATER, false},
	    {"exit 0", "sendmail-reads-nothing", "reads nothing and ends well",
		STS_ATTEMPT_LATER, false},
	    {"cat >/dev/null; kill -9 $$", "sendmail-died",
		"dies when it has read all", STS_ATTEMPT_UNSURE, true},
	    {"read x; kill -9 $$", "sendmail-died", "dies before that",
		STS_ATTEMPT_LATER, true},
	    {"cat >/dev/null; sleep 60", "sendmail-timeout",
		"hangs when it has read all", STS_ATTEMPT_UNSURE, true},
	    {"sleep 60", "sendmail-timeout", "hangs and reads nothing",
		STS_ATTEMPT_LATER, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool hangs = strstr(rows[i].script, "sleep") != NULL;
		struct sts_attempt_result r =
		    attempt_within(rows[i].script, hangs ? 1000 : TAP_WAIT_MS);

		/* A busy machine may not have read all within a second. */
		if (hangs && r.what != rows[i].expected)
			r = attempt_within(rows[i].script, 20000);
		is_str(r.reason, rows[i].reason, "sendmail %s", rows[i].what);
		ok(r.what == rows[i].expected && r.local == rows[i].local,
		    "sendmail %s: as it should", rows[i].what);
	}
}

static void
test_missing(void)
{
	struct sts_attempt_result r;
	char *whole = config.report_sendmail;

	config.report_sendmail = (char *)"/nonexistent/sendmail";
	r = attempt("");
	is_str(r.reason, "sendmail-missing", "no sendmail");
	ok(r.what == STS_ATTEMPT_LATER && r.local, "is a fault of this host");
	config.report_sendmail = whole;
	write_script("cat >/dev/null");
	(void)chmod(dir, 0777);
	(void)chmod(path, 0777);
	{
		struct sts_deliver d = {.config = &config,
		    .from = "a@b.test",
		    .submitter = "b.test"};

		sts_deliver_mail(&d, &job, &to, &r);
	}
	is_str(r.reason, "unsafe_file",
	    "a sendmail that others can write is not started");
	(void)chmod(dir, 0755);
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

struct found {
	unsigned reports;
	char json[200];
};

static void
on_json(void *arg, const char *json, size_t len)
{
	struct found *found = arg;

	found->reports++;
	snprintf(found->json, sizeof(found->json), "%.*s", (int)len, json);
}

static void
on_fault(void *arg, const char *reason)
{
	(void)arg;
	tap_diag("%s", reason);
}

/* What it was given: its arguments, and a mail. */
static void
test_mail(void)
{
	char script[400], name[100], *text = NULL;
	struct found found = {0};
	const struct sts_message_sink sink = {on_json, on_fault, &found};
	const char *mail;
	size_t len = 0;

	snprintf(name, sizeof(name), "%s/mail", dir);
	snprintf(script, sizeof(script),
	    "{ echo \"$# $*\"; env | grep -v "
	    "'^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD='; "
	    "cat; } >%s",
	    name);
	is_int(
	    attempt(script).what, STS_ATTEMPT_TAKEN, "sendmail that records");
	if (sts_readfile(name, false, 1 << 20, &text, &len) != STS_OK) {
		ok(false, "there is a mail");
		return;
	}
	ok(has(text, "5 -i -f reports@sender.test -- tls@a.test\nFrom: "),
	    "sendmail has its arguments, and no environment: %.200s", text);
	ok(has(text, "\nTo: <tls@a.test>\n"), "the recipient");
	ok(has(text, "From: <reports@sender.test>\n"), "the sender");
	ok(has(text, "\nTLS-Required: No\n"), "TLS is not required, RFC 8689");
	ok(has(text, "\nTLS-Report-Domain: a.test\n"), "the domain");
	ok(has(text, "\nTLS-Report-Submitter: sender.test\n"), "our domain");
	ok(has(text, "report-type=\"tlsrpt\""), "its type");
	ok(has(text,
	       "filename=\"sender.test!a.test!1728000000!1728086399!"
	       "202410040123456789abcdef.json.gz\""),
	    "the file's name");
	mail = strchr(text, '\n') + 1;
	(void)sts_message_read(mail, len - (size_t)(mail - text), &sink);
	is_int(found.reports, 1, "one report is attached");
	is_str(found.json, "{\"a\":1}", "as it was written");
	free(text);
}

int
main(void)
{
	/* More than one read takes. */
	static char json[300000];

	if (!tap_own_directory(dir)) {
		printf("Bail out! no directory\n");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "%s/sendmail", dir);
	config.report_sendmail = path;
	if (!sts_gzip_pack("{\"a\":1}", 7, &job.packed, &job.packed_len))
		return 1;
	test_mail();
	is_int(attempt_within("sleep 60", 1000).what, STS_ATTEMPT_LATER,
	    "a small mail, too, is not taken by one that hangs at once");
	is_int(attempt("exit 0").what, STS_ATTEMPT_LATER,
	    "nor by one that reads nothing");
	sts_report_job_free(&job);
	for (size_t i = 0; i < sizeof(json); i++)
		json[i] = (char)(i * 7919 >> 3);
	job.packed = json;
	job.packed_len = sizeof(json);
	test_outcomes();
	test_missing();
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/mail", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
