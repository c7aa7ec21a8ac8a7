/* SPDX-License-Identifier: ISC */
/* Where reports lie: files, folders, Maildirs, mboxes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/inbox.h"
#include "report/message.h"
#include "report/report.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"
#include "tests/unit/lib/tap_tool.h"

enum { TOLD_MAX = 8192, PATH_BYTES = 200 };

static char top[] = "/tmp/mta-sts-inbox.XXXXXX";
static char told[TOLD_MAX];

/* "WHERE=WHAT", without the directory in front. */
static void
tell(const char *where, const char *before, const char *what)
{
	size_t used = strlen(told), len = strlen(top);

	if (strncmp(where, top, len) == 0)
		where += len + (where[len] == '/');
	snprintf(told + used, sizeof(told) - used, "%s%s=%s%s",
	    used > 0 ? " " : "", where, before, what);
}

static void
take_fault(void *arg, const char *place, const char *reason)
{
	(void)reason;
	tell(arg, "?", place);
}

static void
on_json(void *arg, const char *where, const char *json, size_t len)
{
	char name[PATH_BYTES];
	struct sts_report report;

	(void)arg;
	snprintf(name, sizeof(name), "%s", where);
	if (sts_report_parse(&report, json, len, take_fault, name))
		tell(where, "", report.id);
	sts_report_free(&report);
}

static void
on_fault(void *arg, const char *where, const char *reason)
{
	(void)arg;
	tell(where, "!", reason);
}

static void
on_none(void *arg, const char *where, const char *reason)
{
	(void)arg;
	(void)reason;
	tell(where, "-", "");
}

static void
path_of(char path[PATH_BYTES], const char *name)
{
	snprintf(path, PATH_BYTES, "%s/%s", top, name);
}

static void
put(const char *name, const char *text)
{
	char path[PATH_BYTES];

	path_of(path, name);
	write_file(path, text, strlen(text));
}

static void
folder(const char *name)
{
	char path[PATH_BYTES];

	path_of(path, name);
	if (mkdir(path, 0755) != 0)
		tap_diag("cannot make %s", path);
}

static void
finds(const char *name, const char *expected, const char *what)
{
	struct sts_inbox_sink sink = {on_json, on_fault, on_none, NULL};
	char path[PATH_BYTES];

	path_of(path, name);
	told[0] = '\0';
	sts_inbox_read(path, &sink);
	is_str(told, expected, "%s", what);
}

/* A mail with the report of a day, its id changed; the caller frees it. */
static char *
mail(const char *id)
{
	char quoted[40], *json, *text;

	snprintf(quoted, sizeof(quoted), "'%s'", id);
	json = json_text(report_of_a_day, "'r1'", quoted);
	text = malloc(strlen(json) + 200);
	sprintf(text,
	    "From: a@b.example\nSubject: x\n"
	    "Content-Type: application/tlsrpt+json\n\n%s\n",
	    json);
	free(json);
	return text;
}

static void
put_mail(const char *name, const char *id)
{
	char *text = mail(id);

	put(name, text);
	free(text);
}

static void
test_files(void)
{
	char *json = json_text(report_of_a_day, NULL, NULL), path[PATH_BYTES];
	char *zeros = calloc(1, STS_MESSAGE_MAX + 1);

	put("json", json);
	finds("json", "json=r1", "a file with JSON");
	put_mail("mail", "r2");
	finds("mail", "mail=r2", "a file with a mail");
	put("empty", "");
	finds("empty", "empty=-", "an empty file");
	put("text", "Hello.\n");
	finds("text", "text=-", "a text");
	finds("missing", "missing=!No such file or directory",
	    "a file that is missing");
	path_of(path, "large");
	write_file(path, zeros, STS_MESSAGE_MAX + 1);
	finds(
	    "large", "large=!has more than 32 MiB", "a byte more than 32 MiB");
	write_file(path, zeros, STS_MESSAGE_MAX);
	finds("large", "large=-", "32 MiB");
	(void)unlink(path);
	free(zeros);
	free(json);
}

/* Mails with these ids, with LF or CR LF, in one file. */
static void
put_mbox(const char *name, const char *line_end)
{
	static const char *const ids[] = {"m1", "m2", "m3"};
	char path[PATH_BYTES];
	FILE *out;

	path_of(path, name);
	out = fopen(path, "w");
	for (size_t i = 0; i < 3; i++) {
		char *text = mail(ids[i]);

		fprintf(out, "From a@b.example Sat Nov 28 15:00:00 2026%s",
		    line_end);
		for (const char *p = text; *p != '\0'; p++)
			fputs(*p == '\n' ? line_end : (char[]){*p, '\0'}, out);
		fputs(line_end, out);
		free(text);
	}
	fprintf(out, "From x%sSubject: y%s%sFrom here on%s From%sFro%s",
	    line_end, line_end, line_end, line_end, line_end, line_end);
	fclose(out);
}

static void
test_mbox(void)
{
	char *text = mail("r1"), *more = malloc(strlen(text) + 100);

	put_mbox("mbox", "\n");
	finds("mbox",
	    "mbox, mail 1=m1 mbox, mail 2=m2 mbox, mail 3=m3 mbox, mail 4=- "
	    "mbox, mail 5=-",
	    "an mbox: a mail begins where \"From \" follows an empty line");
	put_mbox("mbox", "\r\n");
	finds("mbox",
	    "mbox, mail 1=m1 mbox, mail 2=m2 mbox, mail 3=m3 mbox, mail 4=- "
	    "mbox, mail 5=-",
	    "the same with CR LF");
	sprintf(more, "From a\n%s\nFrom b\nnot a mail\nFrom c\n", text);
	put("mbox", more);
	finds("mbox", "mbox, mail 1=r1 mbox, mail 2=-",
	    "\"From \" within a text begins no mail");
	put("mbox", "From ");
	finds("mbox", "mbox, mail 1=-", "an mbox of five bytes");
	sprintf(more, "X: y\n\nFrom here on\n\n");
	put("mbox", more);
	finds("mbox", "mbox=-", "a mail with such a line is no mbox");
	free(more);
	free(text);
}

static void
test_large_mail_in_mbox(void)
{
	char path[PATH_BYTES], *text = mail("r1");
	FILE *out;

	path_of(path, "mbox");
	out = fopen(path, "w");
	fputs("From a\nSubject: large\n\n", out);
	for (unsigned i = 0; i <= STS_MESSAGE_MAX / 64; i++)
		fprintf(out, "%063u\n", i);
	fprintf(out, "\nFrom b\n%s", text);
	fclose(out);
	finds("mbox", "mbox, mail 1=!has more than 32 MiB mbox, mail 2=r1",
	    "a mail that is too large costs itself alone");
	(void)unlink(path);
	free(text);
}

static void
test_folders(void)
{
	char path[PATH_BYTES], target[PATH_BYTES];

	folder("d");
	finds("d", "", "an empty folder");
	put_mail("d/b", "r2");
	put_mail("d/a", "r1");
	put_mail("d/.hidden", "r3");
	folder("d/e");
	put_mail("d/e/c", "r4");
	path_of(path, "d/link");
	path_of(target, "d/a");
	if (symlink(target, path) != 0)
		tap_diag("no link");
	path_of(path, "d/fifo");
	if (mkfifo(path, 0644) != 0)
		tap_diag("no fifo");
	path_of(path, "d/up");
	if (symlink("..", path) != 0)
		tap_diag("no link");
	finds("d", "d/a=r1 d/b=r2 d/e/c=r4",
	    "a folder: sorted, with its folders, without links and pipes");
	finds("d/link", "d/link=r1", "a link that is named itself");
	finds("d/up/mail", "d/up/mail=r2", "and a folder that is one");
	put("d/a", "Hello.\n");
	finds("d", "d/a=- d/b=r2 d/e/c=r4", "and a file that is no report");
}

static void
test_maildir(void)
{
	folder("m");
	folder("m/cur");
	folder("m/new");
	folder("m/tmp");
	folder("m/.Sent");
	folder("m/.Sent/cur");
	put_mail("m/cur/1700000000.M1P1.host:2,S", "r1");
	put_mail("m/new/1700000001.M1P1.host", "r2");
	put_mail("m/tmp/1700000002.M1P1.host", "r3");
	put_mail("m/.Sent/cur/1700000003.M1P1.host:2,S", "r4");
	put("m/dovecot-uidlist", "3 V1\n");
	finds("m",
	    "m/cur/1700000000.M1P1.host:2,S=r1 m/new/1700000001.M1P1.host=r2",
	    "of a Maildir cur and new");
	finds("m/.Sent", "m/.Sent/cur/1700000003.M1P1.host:2,S=r4",
	    "a folder of it, where it is named");
}

static void
test_deep_folders(void)
{
	char name[PATH_BYTES] = "deep";

	folder(name);
	for (unsigned i = 0; i < STS_INBOX_DEPTH_MAX; i++) {
		strcat(name, "/x");
		folder(name);
	}
	finds("deep", "deep/x/x/x/x/x/x/x/x=!is too deep in folders",
	    "nine folders in each other");
}

static void
remove_top(void)
{
	char command[PATH_BYTES];

	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s failed", command);
}

int
main(void)
{
	if (!tap_own_directory(top))
		return 1;
	test_files();
	test_mbox();
	test_large_mail_in_mbox();
	test_folders();
	test_maildir();
	test_deep_folders();
	remove_top();
	return tap_done();
}
