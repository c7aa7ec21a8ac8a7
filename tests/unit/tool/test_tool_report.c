/* SPDX-License-Identifier: ISC */
/* `mta-sts report read`: what is counted, printed, refused. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/summary.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"
#include "tests/unit/lib/tap_tool.h"
#include "tool/tool.h"

enum { PATH_BYTES = 200 };

static char top[] = "/tmp/mta-sts-report.XXXXXX";

static const char *
path_of(const char *name)
{
	return path_in(top, name);
}

/* A report of a sender, with an id, of a day, with these sessions. */
static void
put_report(const char *name, const char *sender, const char *id,
    const char *day, int successes, int failures)
{
	char text[2000], *json;

	snprintf(text, sizeof(text),
	    "{'organization-name': '%s', 'date-range': {'start-datetime': "
	    "'%sT00:00:00Z', 'end-datetime': '%sT23:59:59Z'}, 'report-id': "
	    "'%s', 'policies': [{'policy': {'policy-type': 'sts', "
	    "'policy-domain': 'Example.com.'}, 'summary': "
	    "{'total-successful-session-count': %d, "
	    "'total-failure-session-count': %d}, 'failure-details': "
	    "[{'result-type': 'certificate-expired', "
	    "'receiving-mx-hostname': 'MX1.example.com', "
	    "'failed-session-count': %d}]}]}",
	    sender, day, day, id, successes, failures, failures / 2);
	json = json_text(text, NULL, NULL);
	write_file(path_of(name), json, strlen(json));
	free(json);
}

static bool
has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p++)
		if ((p == text || p[-1] == '\n') && p[len] == '\n')
			return true;
	tap_diag("no line \"%s\" in:\n%s", line, text);
	return false;
}

static void
test_text(void)
{
	struct ran ran;

	put_report("a", "Company-X", "1", "2026-11-01", 990, 10);
	put_report("b", "Company-Y", "1", "2026-11-02", 1000, 0);
	put_report("c", "Company-X", "2", "2026-11-02", 9, 1);
	ran = run_tool(
	    "report", "read", path_of("a"), path_of("b"), path_of("c"), NULL);
	is_int(ran.code, STS_EXIT_OK, "three reports are read");
	is_str(ran.err, "", "nothing is wrong");
	ok(has_line(ran.out, "reports:        3"), "their number");
	ok(has_line(ran.out, "days:           2026-11-01 to 2026-11-02"),
	    "their days");
	ok(has_line(ran.out, "sessions:       1999 successful, 11 failed"),
	    "sessions are summed");
	ok(has_line(ran.out, "success rate:   99.45 %"),
	    "the rate is rounded down");
	ok(has_line(ran.out,
	       "2026-11-01                              "
	       "990           10    99.00 %"),
	    "a day, without a bar where no terminal is");
	ok(has_line(ran.out,
	       "2026-11-02                             "
	       "1009            1    99.90 %"),
	    "a day of two senders");
	ok(has_line(ran.out, "certificate-expired                       5"),
	    "a type of failure");
	ok(has_line(ran.out, "-                                         6"),
	    "failures that no detail explains");
	ok(has_line(ran.out, "mx1.example.com                           5"),
	    "an MX host, in lower case");
	ok(has_line(ran.out,
	       "Company-X                               "
	       "999           11    98.91 %"),
	    "a sender");
	ok(has_line(ran.out,
	       "example.com                            "
	       "1999           11    99.45 %"),
	    "a policy domain, in lower case without a dot");
	ran_free(&ran);
}

static double
number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void
test_json(void)
{
	struct ran ran = run_tool("report", "read", "--json", path_of("a"),
	    path_of("b"), path_of("c"), NULL);
	json_t *root = json_loads(ran.out, 0, NULL);
	const json_t *row;

	ok(root != NULL, "--json prints JSON");
	is_int((long long)number(root, "reports"), 3, "reports");
	is_int((long long)number(root, "successful"), 1999, "successful");
	is_int((long long)number(root, "failed"), 11, "failed");
	is_int((long long)(number(root, "success_rate") * 1000 + 0.5), 99452,
	    "success_rate");
	is_int((long long)json_array_size(json_object_get(root, "days")), 2,
	    "days");
	row = json_array_get(json_object_get(root, "failures"), 0);
	ok(json_is_null(json_object_get(row, "result_type")),
	    "failures without a type are null");
	is_int((long long)number(row, "failed"), 6, "their number");
	row = json_array_get(json_object_get(root, "mx_hosts"), 1);
	is_str(json_string_value(json_object_get(row, "mx_host")),
	    "mx1.example.com", "mx_hosts");
	row = json_array_get(json_object_get(root, "senders"), 0);
	is_str(json_string_value(json_object_get(row, "organization")),
	    "Company-X", "senders: most failures first");
	row = json_array_get(json_object_get(root, "domains"), 0);
	is_str(json_string_value(json_object_get(row, "policy_domain")),
	    "example.com", "domains");
	json_decref(root);
	ran_free(&ran);
}

static void
ends(int code, const char *option, const char *value, const char *file)
{
	struct ran ran =
	    run_tool("report", "read", option, value, path_of(file), NULL);

	is_int(ran.code, code, "%s %s %s", option, value, file);
	ok((ran.err[0] != '\0') == (code != STS_EXIT_OK),
	    "and the reason is said: %s", ran.err);
	ran_free(&ran);
}

static void
test_warn_below(void)
{
	put_report("999", "x", "999", "2026-11-01", 999, 1);
	put_report("all", "x", "all", "2026-11-01", 5, 0);
	put_report("none", "x", "none", "2026-11-01", 0, 0);
	put_report("big", "x", "big", "2026-11-01", 2000000000, 1);
	ends(STS_EXIT_OK, "--warn-below", "99.9", "999");
	ends(STS_EXIT_NO, "--warn-below", "99.901", "999");
	ends(STS_EXIT_OK, "--warn-below", "99", "999");
	ends(STS_EXIT_NO, "--warn-below", "100", "999");
	ends(STS_EXIT_OK, "--warn-below", "100", "all");
	ends(STS_EXIT_OK, "--warn-below", "100%", "all");
	ends(STS_EXIT_NO, "--warn-below", "100", "big");
	ends(STS_EXIT_OK, "--warn-below", "99.999", "big");
	ends(STS_EXIT_OK, "--warn-below", "100", "none");
	ends(STS_EXIT_OK, "--warn-below", "0", "999");
	ends(STS_EXIT_USAGE, "--warn-below", "101", "999");
	ends(STS_EXIT_USAGE, "--warn-below", "100.001", "999");
	ends(STS_EXIT_USAGE, "--warn-below", "-1", "999");
	ends(STS_EXIT_USAGE, "--warn-below", "99.", "999");
	ends(STS_EXIT_USAGE, "--warn-below", "99.1234", "999");
	ends(STS_EXIT_USAGE, "--warn-below", "x", "999");
}

/* How many sessions count with an option. */
static void
counts(const char *option, const char *value, int sessions)
{
	struct ran ran = run_tool("report", "read", "--json", option, value,
	    path_of("a"), path_of("b"), path_of("c"), NULL);
	json_t *root = json_loads(ran.out, 0, NULL);

	is_int(ran.code, STS_EXIT_OK, "%s %s", option, value);
	is_int((long long)(number(root, "successful") + number(root, "failed")),
	    sessions, "%s %s: sessions", option, value);
	json_decref(root);
	ran_free(&ran);
}

static void
test_filters(void)
{
	counts("--date", "2026-11-01", 1000);
	counts("--date", "2026-11-01..2026-11-02", 2010);
	counts("--date", "2026-11-02..2026-12-31", 1010);
	counts("--date", "2026-10-01..2026-10-31", 0);
	counts("--domain", "example.com", 2010);
	counts("--domain", "EXAMPLE.com.", 2010);
	counts("--domain", "example.net", 0);
	counts("--domain", "com", 0);
	ends(STS_EXIT_USAGE, "--date", "2026-11-02..2026-11-01", "a");
	ends(STS_EXIT_USAGE, "--date", "2026-11-31", "a");
	ends(STS_EXIT_USAGE, "--date", "yesterday", "a");
	ends(STS_EXIT_USAGE, "--date", "..", "a");
	ends(STS_EXIT_USAGE, "--domain", "not a domain", "a");
}

static void
test_duplicates(void)
{
	char expected[3 * PATH_BYTES];
	struct ran ran;

	put_report("copy", "Company-X", "1", "2026-11-01", 990, 10);
	ran = run_tool("report", "read", path_of("a"), path_of("copy"),
	    path_of("b"), NULL);
	is_int(ran.code, STS_EXIT_OK, "a report that is there twice");
	snprintf(expected, sizeof(expected),
	    "mta-sts: %s: example.com: has been counted in %s\n",
	    path_of("copy"), path_of("a"));
	is_str(ran.err, expected, "is named, with the first");
	ok(has_line(ran.out, "sessions:       1990 successful, 10 failed"),
	    "and counted once");
	ok(strstr(ran.out, "1 counted before") != NULL, "and said to be");
	ran_free(&ran);
}

static void
test_faults(void)
{
	static const char bad[] = "{\"organization-name\": \"\\u001b[31m\"}";
	static const char mail[] = "Subject: hello\n\nHello.\n";
	struct ran ran;

	write_file(path_of("bad"), bad, strlen(bad));
	write_file(path_of("hello"), mail, strlen(mail));
	ran = run_tool("report", "read", path_of("bad"), path_of("a"), NULL);
	is_int(ran.code, STS_EXIT_OK, "a bad report among good ones");
	ok(strstr(ran.err, "/bad: date-range: is missing\n") != NULL &&
		strstr(ran.err, "/bad: policies: is missing\n") != NULL,
	    "each fault is named: %s", ran.err);
	ok(strstr(ran.out, "1 unreadable") != NULL, "and counted");
	ok(has_line(ran.out, "sessions:       990 successful, 10 failed"),
	    "the others count");
	ran_free(&ran);
	ends(STS_EXIT_OUTSIDE, "--date", "2026-11-01", "bad");
	ends(STS_EXIT_OUTSIDE, "--date", "2026-11-01", "missing");
	ends(STS_EXIT_OUTSIDE, "--date", "2026-11-01", "hello");
}

static void
test_folder(void)
{
	static const char mail[] = "Subject: hello\n\nHello.\n";
	struct ran ran;

	if (mkdir(path_of("d"), 0755) != 0)
		tap_diag("no directory");
	put_report("d/1", "Company-X", "1", "2026-11-01", 1, 0);
	write_file(path_of("d/2"), mail, strlen(mail));
	ran = run_tool("report", "read", path_of("d"), NULL);
	is_int(ran.code, STS_EXIT_OK, "a folder with a report and a mail");
	is_str(ran.err, "", "a mail without a report is nothing wrong there");
	ok(strstr(ran.out, "1 without a report") != NULL, "and counted");
	ran_free(&ran);
}

/* What came from outside cannot move a cursor. */
static void
test_escapes(void)
{
	struct ran ran;

	put_report("esc", "\\u001b[2J\\u0007", "e", "2026-11-01", 1, 1);
	ran = run_tool("report", "read", path_of("esc"), NULL);
	is_int(ran.code, STS_EXIT_OK, "a sender with control characters");
	ok(strchr(ran.out, '\033') == NULL &&
		strstr(ran.out, "\\x1b[2J\\x07") != NULL,
	    "they are escaped");
	ran_free(&ran);
}

/* The output on a terminal; the caller frees it. */
static char *
on_terminal(const char *file)
{
	char words[3][8] = {"mta-sts", "report", "read"}, name[PATH_BYTES];
	char *argv[] = {words[0], words[1], words[2], name, NULL};
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char *text = calloc(1, 8192);
	size_t used = 0;
	ssize_t got;
	FILE *out;

	snprintf(name, sizeof(name), "%s", path_of(file));
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
	    (out = fopen(ptsname(master), "w")) == NULL) {
		free(text);
		return NULL;
	}
	(void)sts_tool_run(4, argv, out, stderr);
	while (used < 8000 && strstr(text, "policy domain") == NULL &&
	    (got = read(master, text + used, 8000 - used)) > 0)
		used += (size_t)got;
	fclose(out);
	close(master);
	return text;
}

static void
test_bars(void)
{
	char *text = on_terminal("a");

	if (text == NULL) {
		tap_skip("bars on a terminal", "no pseudo-terminal here");
		return;
	}
	ok(strstr(text, "99.00 %  ##############################\r\n") != NULL,
	    "a day with failures has a bar on a terminal: %s", text);
	free(text);
}

static void
test_rates(void)
{
	is_int(sts_success_rate(0, 0), -1, "no session: no rate");
	is_int(sts_success_rate(0, 5), 0, "all failed");
	is_int(sts_success_rate(5, 0), 100000, "none failed");
	is_int(sts_success_rate(999, 1), 99900, "one of a thousand");
	is_int(sts_success_rate(INT64_MAX, 1), 99999,
	    "a rate of 100 has no failure, whatever the numbers");
	is_int(sts_success_rate(INT64_MAX, INT64_MAX), 50000, "sums too large");
}

/* Words of a shell's pattern are many. */
static void
test_many_operands(void)
{
	enum { FILES = 500 };
	char *argv[FILES + 5], *path = strdup(path_of("a"));
	char words[4][8] = {"mta-sts", "--json", "report", "read"};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	FILE *err = fopen("/dev/null", "w");

	for (size_t i = 0; i < 4; i++)
		argv[i] = words[i];
	for (size_t i = 0; i < FILES; i++)
		argv[4 + i] = path;
	argv[4 + FILES] = NULL;
	is_int(sts_tool_run(4 + FILES, argv, out, err), STS_EXIT_OK,
	    "500 operands behind an option");
	fclose(out);
	fclose(err);
	ok(strstr(text, "\"duplicates\": 499") != NULL, "all of them are read");
	free(text);
	free(path);
}

int
main(void)
{
	char command[PATH_BYTES];

	if (!tap_own_directory(top))
		return 1;
	test_text();
	test_json();
	test_warn_below();
	test_filters();
	test_duplicates();
	test_faults();
	test_folder();
	test_escapes();
	test_bars();
	test_rates();
	test_many_operands();
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s failed", command);
	return tap_done();
}
