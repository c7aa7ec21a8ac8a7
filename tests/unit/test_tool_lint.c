/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts lint` and `mta-sts match`: the vectors through the command, exact
 * output and exit statuses, and odd input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/policy.h"
#include "tests/unit/tap.h"
#include "tests/unit/tap_tool.h"

static char file_name[] = "/tmp/mta-sts-lint.XXXXXX";

static struct ran
lint(const char *kind, const void *bytes, size_t len)
{
	write_file(file_name, bytes, len);
	return run_tool("lint", kind, file_name, NULL);
}

static struct ran
lint_text(const char *kind, const char *text)
{
	return lint(kind, text, strlen(text));
}

/* "mode=..;max_age=..;mx=a,b" of a vector as the lines of the command. */
static void
expected_lines(const char *values, char *out, size_t size)
{
	const char *mx = strstr(values, ";mx=");
	size_t used = 0;

	for (const char *p = values; p < mx && used + 1 < size; p++)
		out[used++] = *p == ';' ? '\n' : *p;
	out[used++] = '\n';
	out[used] = '\0';
	for (mx += 4; *mx != '\0'; mx += *mx == ',') {
		size_t len = strcspn(mx, ",");

		used += (size_t)snprintf(
		    out + used, size - used, "mx=%.*s\n", (int)len, mx);
		mx += len;
	}
}

/* "FILE:LINE: " begins every remark. */
static bool
names_file_and_line(const char *err)
{
	size_t len = strlen(file_name);

	return strncmp(err, file_name, len) == 0 && err[len] == ':' &&
	    atoi(err + len + 1) > 0 && strstr(err + len + 1, ": ") != NULL;
}

static void
policy_row(char **fields)
{
	const char *id = fields[0], *verdict = fields[3];
	size_t len = vector_unescape(fields[2]);
	struct ran ran = lint("policy", fields[2], len);
	char expected[8192];

	if (strcmp(verdict, "reject") == 0) {
		is_int(ran.code, 1, "%s: exit status 1", id);
		is_str(ran.out, "", "%s: no values", id);
		ok(names_file_and_line(ran.err), "%s: FILE:LINE: reason", id);
	} else {
		expected_lines(fields[4], expected, sizeof(expected));
		is_int(ran.code, 0, "%s: exit status 0", id);
		is_str(ran.out, expected, "%s: its values", id);
		if (strcmp(verdict, "accept") == 0)
			is_str(ran.err, "", "%s: no warning", id);
		else
			ok(strstr(ran.err, ": warning: ") != NULL,
			    "%s: a warning", id);
	}
	ran_free(&ran);
}

static void
policy_vectors(void)
{
	struct vector_file *file = vector_open("policy.tsv");
	char *fields[5];
	unsigned rows = 0;

	while (vector_next(file, fields, 5)) {
		/* Bodies too long for a row are tested below. */
		if (fields[2][0] == '@')
			continue;
		policy_row(fields);
		rows++;
	}
	vector_close(file);
	ok(rows > 95, "%u rows of policy.tsv", rows);
}

/* Records of a row stand one a line in a file; "|" separates them. */
static void
record_row(char **fields, const char *kind, const char *key)
{
	char text[4096], expected[4096] = "";
	const char *values = fields[4];
	size_t len;
	struct ran ran;

	len = (size_t)snprintf(text, sizeof(text), "%s\n", fields[2]);
	for (size_t i = 0; i + 1 < len; i++) {
		if (text[i] == '|' && text[i - 1] == '"')
			text[i] = '\n';
	}
	ran = lint(kind, text, len);
	if (strcmp(fields[3], "accept") == 0) {
		values += strncmp(values, "id=", 3) == 0 ? 3 : 0;
		for (size_t used = 0; *values != '\0';
		     values += *values == ',') {
			size_t part = strcspn(values, ",");

			used += (size_t)snprintf(expected + used,
			    sizeof(expected) - used, "%s=%.*s\n", key,
			    (int)part, values);
			values += part;
		}
		is_int(ran.code, 0, "%s: exit status 0", fields[0]);
		is_str(ran.out, expected, "%s: its values", fields[0]);
	} else {
		is_int(ran.code, 1, "%s: exit status 1", fields[0]);
		is_str(ran.out, "", "%s: no values", fields[0]);
		ok(names_file_and_line(ran.err), "%s: FILE:LINE: reason",
		    fields[0]);
	}
	ran_free(&ran);
}

static void
record_vectors(const char *name, const char *kind, const char *key)
{
	struct vector_file *file = vector_open(name);
	char *fields[5];
	unsigned rows = 0;

	while (vector_next(file, fields, 5)) {
		/* A set without records is an empty file, tested below; vector
		 * escapes are not zone-file escapes. */
		if (fields[2][0] != '"' || strchr(fields[2], '\\') != NULL)
			continue;
		record_row(fields, kind, key);
		rows++;
	}
	vector_close(file);
	ok(rows > 25, "%u rows of %s", rows, name);
}

static void
match_vectors(void)
{
	struct vector_file *file = vector_open("mx_match.tsv");
	char *fields[5];
	unsigned rows = 0;

	while (vector_next(file, fields, 5)) {
		struct ran ran;

		(void)vector_unescape(fields[2]);
		(void)vector_unescape(fields[3]);
		ran = run_tool("match", "--", fields[2], fields[3], NULL);
		is_int(ran.code, strcmp(fields[4], "match") == 0 ? 0 : 1,
		    "%s: exit status", fields[0]);
		ran_free(&ran);
		rows++;
	}
	vector_close(file);
	ok(rows > 30, "%u rows of mx_match.tsv", rows);
}

static void
expect(struct ran ran, int code, const char *out, const char *err_part,
    const char *what)
{
	char full[512];

	is_int(ran.code, code, "%s: exit status", what);
	is_str(ran.out, out, "%s: standard output", what);
	snprintf(full, sizeof(full), "%s%s", file_name, err_part);
	ran.err[strcspn(ran.err, "\n")] = '\0';
	full[strcspn(full, "\n")] = '\0';
	if (err_part[0] == ':')
		ok(strncmp(ran.err, full, strlen(full)) == 0,
		    "%s: standard error is '%s'", what, ran.err);
	else
		is_str(ran.err, "", "%s: nothing on standard error", what);
	ran_free(&ran);
}

static void
lines_are_named(void)
{
	expect(lint_text("policy",
		   "version: STSv1\nmode: enforce\nmx: mx.example.com\n"
		   "max_age: soon\n"),
	    1, "",
	    ":4: max_age is not a number of 1 to 10 digits "
	    "(policy_bad_max_age)\n",
	    "a bad max_age");
	expect(lint_text("policy",
		   "version: STSv1\nmode: testing\n\nmx: mx.example.com\n"
		   "max_age: 86400\n"),
	    0, "mode=testing\nmax_age=86400\nmx=mx.example.com\n",
	    ":3: warning: blank line (warn_blank_line)\n", "a blank line");
	expect(lint_text("policy", "version: STSv1\nmode: none\n"), 1, "",
	    ":2: the policy has no max_age (policy_no_max_age)\n",
	    "what is missing is said of the last line");
	expect(lint_text("policy",
		   "version: STSv1\nmode: enforce\nmx: A.Example.COM\n"
		   "mx: *.b.example\nmx: a.example.com\nmax_age: 1\n"),
	    0,
	    "mode=enforce\nmax_age=1\nmx=a.example.com\nmx=*.b.example\n"
	    "mx=a.example.com\n",
	    "", "mx patterns in file order, duplicates too");
	expect(lint_text("sts", "\"v=spf1 -all\"\n\"v=STSv1; \" \"id=7\"\n"), 0,
	    "id=7\n", "", "another record and two strings");
	expect(lint_text("sts", "\"v=STSv1; id=1\"\nv=STSv1; id=2\n"), 1, "",
	    ":2: ", "a line without quotes");
	expect(
	    lint_text("sts", "\"v=STSv1; id=1\"\n\"x\"\n\"v=STSv1; id=2\"\n"),
	    1, "", ":3: more than one TXT record", "two records");
	expect(lint_text("sts", "\"v=spf1\"\n\"v=STSv1; id=\"\n\"x\"\n"), 1, "",
	    ":2: ", "the ill-formed record is the one named");
	expect(lint_text("tlsrpt",
		   "\"v=TLSRPTv1; rua=mailto:a@example.com,\" "
		   "\"https://example.com/r\"\n"),
	    0, "rua=mailto:a@example.com\nrua=https://example.com/r\n", "",
	    "two destinations");
}

static void
odd_input(void)
{
	char *big = calloc(1, STS_BODY_MAX + 100);
	struct ran ran;

	expect(lint_text("policy", ""), 1, "", ":1: the policy is empty",
	    "an empty policy");
	expect(lint_text("sts", ""), 1, "", ":1: there is no TXT record",
	    "an empty record set");
	expect(lint_text("tlsrpt", "\n"), 1, "", ":1: ", "an empty line");
	expect(lint("policy", "version: STSv1\0\nmode: none\nmax_age: 1\n", 39),
	    1, "", ":", "a NUL in a policy");
	expect(lint("sts", "\"v=STSv1; id=1\0\"\n", 17), 1, "",
	    ":1: ", "a NUL in a record");
	expect(lint_text("sts", "\"v=STSv1; id=1; a=\\000\"\n"), 1, "",
	    ":1: ", "an escaped NUL in a record");
	strcpy(big, "version: STSv1\nmode: none\nmax_age: 1\n");
	memset(big + strlen(big), '#', STS_BODY_MAX + 99 - strlen(big));
	ran = lint("policy", big, STS_BODY_MAX + 99);
	is_int(ran.code, 1, "more than 64 KiB is refused");
	ok(strstr(ran.err, "64 KiB") != NULL, "with its reason");
	ran_free(&ran);
	memset(big, '"', STS_BODY_MAX + 99);
	ran = lint("sts", big, STS_BODY_MAX + 99);
	is_int(ran.code, 1, "records of more than 64 KiB are refused");
	ran_free(&ran);
	free(big);
	ran = lint_text("policy",
	    "version: STSv1\nmode: none\nmax_age: 1\n"
	    "\x1b[2Jx: y\n");
	ok(strchr(ran.err, '\x1b') == NULL && strchr(ran.out, '\x1b') == NULL,
	    "an escape sequence does not reach the terminal");
	ran_free(&ran);
}

static void
unreadable(void)
{
	struct ran ran = run_tool("lint", "policy", "/nonexistent/p", NULL);

	is_int(ran.code, 3, "a file that does not exist: exit status 3");
	ok(strstr(ran.err, "No such file") != NULL, "and why");
	ran_free(&ran);
	ran = run_tool("lint", "sts", "/tmp", NULL);
	is_int(ran.code, 3, "a directory: exit status 3");
	ran_free(&ran);
}

static void
match_is_told(void)
{
	struct ran ran =
	    run_tool("match", "*.example.com", "MX.example.com.", NULL);

	is_int(ran.code, 0, "a match: exit status 0");
	is_str(ran.out, "match\n", "and says so");
	ran_free(&ran);
	ran = run_tool("match", "*.example.com", "a.b.example.com", NULL);
	is_int(ran.code, 1, "two labels: exit status 1");
	is_str(ran.err, "", "which is no error");
	ran_free(&ran);
	ran = run_tool("match", "a.*.example.com", "a.b.example.com", NULL);
	is_int(ran.code, 1, "an ill-formed pattern: exit status 1");
	ok(strstr(ran.err, "not an mx pattern") != NULL, "with a message");
	ran_free(&ran);
	ran = run_tool("match", "*.example.com", "not a host", NULL);
	is_int(ran.code, 1, "an ill-formed host: exit status 1");
	ok(strstr(ran.err, "not a domain name") != NULL, "with a message");
	ran_free(&ran);
}

int
main(void)
{
	int fd = mkstemp(file_name);

	if (fd < 0)
		return 1;
	close(fd);
	policy_vectors();
	record_vectors("txt.tsv", "sts", "id");
	record_vectors("tlsrpt_txt.tsv", "tlsrpt", "rua");
	match_vectors();
	lines_are_named();
	odd_input();
	unreadable();
	match_is_told();
	unlink(file_name);
	return tap_done();
}
