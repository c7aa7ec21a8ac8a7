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
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"

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

/*
 * A warning of the parser, which the vectors are about; the linter's own
 * advice on a valid policy is not.
 */
static bool
has_parser_warning(const char *err)
{
	return strstr(err, " (warn_") != NULL;
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
			ok(!has_parser_warning(ran.err), "%s: no warning", id);
		else
			ok(has_parser_warning(ran.err), "%s: a warning", id);
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
		   "mx: *.b.example\nmx: a.example.com\nmax_age: 604800\n"),
	    0,
	    "mode=enforce\nmax_age=604800\nmx=a.example.com\nmx=*.b.example\n"
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

/* Policies as people get them wrong: standard error, and the exit status. */
static const struct {
	const char *file; /* in tests/unit/data/lint */
	const char *err;  /* behind "FILE", each line */
} files[] = {
    {"bom.txt",
	":1: the policy begins with a byte order mark (policy_bom): save the "
	"file as UTF-8 without a byte order mark\n"},
    {"indented.txt",
	":1: warning: ill-formed line, ignored (warn_bad_extension): "
	"\"  version: STSv1\": the line begins with a blank\n"
	":2: warning: ill-formed line, ignored (warn_bad_extension): "
	"\"  mode: enforce\": the line begins with a blank\n"
	":3: warning: ill-formed line, ignored (warn_bad_extension): "
	"\"  mx: mx.a.example\": the line begins with a blank\n"
	":4: warning: ill-formed line, ignored (warn_bad_extension): "
	"\"  max_age: 86400\": the line begins with a blank\n"
	":1: the policy has no version (policy_no_version): the line begins "
	"with a blank\n"
	":2: the policy has no mode (policy_no_mode): the line begins with a "
	"blank\n"
	":4: the policy has no max_age (policy_no_max_age): the line begins "
	"with a blank\n"},
    {"key-typo.txt",
	":3: the policy has no usable mx and its mode is not none "
	"(policy_no_mx): \"nmx\" is not a field; was \"mx\" meant?\n"},
    {"key-case.txt",
	":3: the policy has no usable mx and its mode is not none "
	"(policy_no_mx): \"MX\" is not a field; was \"mx\" meant?\n"},
    {"trailing-dot.txt",
	":3: an mx is not a name or \"*.\" and a name (policy_bad_mx): "
	"\"mx.a.example.\": it ends in a dot; write it without\n"},
};

static void
files_of_people(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[128], expected[2048] = "", line[512];
		const char *p = files[i].err;
		struct ran ran;

		snprintf(path, sizeof(path), "tests/unit/data/lint/%s",
		    files[i].file);
		for (; *p != '\0'; p += strcspn(p, "\n") + 1) {
			snprintf(line, sizeof(line), "%s%.*s\n", path,
			    (int)strcspn(p, "\n"), p);
			strcat(expected, line);
		}
		ran = run_tool("lint", "policy", path, NULL);
		is_int(ran.code, 1, "%s: exit status 1", files[i].file);
		is_str(ran.err, expected, "%s: line and cause", files[i].file);
		ran_free(&ran);
	}
}

/* One line of a policy whose others are right: what is said of it. */
static const struct {
	const char *line;
	const char *err; /* behind ":LINE: ", to the end of the line */
	int code;
} policy_lines[] = {
#define BAD_MX "an mx is not a name or \"*.\" and a name (policy_bad_mx): "
    {"mx: Priority 5: mx.d.test",
	BAD_MX "\"Priority 5: mx.d.test\": the priority of the MX record does "
	       "not belong here",
	1},
    {"mx: 10 mx.d.test",
	BAD_MX "\"10 mx.d.test\": the priority of the MX record does not "
	       "belong here",
	1},
    {"mx: alt*.d.test",
	BAD_MX "\"alt*.d.test\": \"*\" stands for the whole first label and "
	       "nothing else: \"*.example.com\"",
	1},
    {"mx: *",
	BAD_MX "\"*\": \"*\" stands for the whole first label and nothing "
	       "else: \"*.example.com\"",
	1},
    {"mx: mx.d.test # comment",
	BAD_MX "\"mx.d.test # comment\": a comment cannot follow a value", 1},
    {"mx: mx.d.test:25",
	BAD_MX "\"mx.d.test:25\": it has a port; write the host name alone", 1},
    {"mx: 2001:db8::1",
	BAD_MX "\"2001:db8::1\": it is an IPv6 address; write a host name", 1},
    {"mx: [192.0.2.1]",
	BAD_MX "\"[192.0.2.1]\": it is an address in brackets; write a host "
	       "name",
	1},
    {"mx: https://mx.d.test/",
	BAD_MX "\"https://mx.d.test/\": it is a URL; write the host name "
	       "alone",
	1},
    {"mx: u@d.test",
	BAD_MX "\"u@d.test\": it is a mail address; write the name of an MX "
	       "host",
	1},
    {"mx: a.d.test, b.d.test",
	BAD_MX "\"a.d.test, b.d.test\": a line takes one name; write one mx "
	       "line for each",
	1},
    {"mx: a.d.test b.d.test",
	BAD_MX "\"a.d.test b.d.test\": it has a blank in it; a line takes one "
	       "name",
	1},
    {"mx: mx.m\xc3\xbcnchen.test",
	BAD_MX "\"mx.m\\xc3\\xbcnchen.test\": it is not in ASCII; write "
	       "mx.xn--mnchen-3ya.test",
	1},
    {"mx: \"mx.d.test\"", BAD_MX "\"\"mx.d.test\"\": it is in quotes", 1},
    {"mx: .d.test",
	BAD_MX "\".d.test\": it begins with a dot; for all hosts directly "
	       "below a name write \"*.\" and the name",
	1},
    {"mx: mx_1.d.test", BAD_MX "\"mx_1.d.test\": a host name has no underscore",
	1},
    {"mx: a..test", BAD_MX "\"a..test\": it has an empty label (two dots)", 1},
    {"mx:", BAD_MX "there is no value", 1},
    {"mx: 192.0.2.1",
	"warning: an mx is an address and can match no MX host "
	"(warn_mx_address): \"192.0.2.1\"",
	0},
    {"mx: *.com",
	"warning: \"*.com\" permits every host directly below \"com\" "
	"(lint_mx_wide)",
	0},
    {"max_age: 300",
	"warning: max_age was set in line 3; this line is ignored "
	"(lint_duplicate)",
	0},
    {"Mode: testing",
	"warning: \"Mode\" is not a field and is ignored; was \"mode\" "
	"meant? (lint_unknown_field)",
	0},
    {"# comment",
	"warning: ill-formed line, ignored (warn_bad_extension): "
	"\"# comment\": a policy has no comments",
	0},
    {"mx = b.d.test",
	"warning: ill-formed line, ignored (warn_bad_extension): "
	"\"mx = b.d.test\": write \":\" in place of \"=\"",
	0},
    {"mx : b.d.test",
	"warning: ill-formed line, ignored (warn_bad_extension): "
	"\"mx : b.d.test\": there is a blank before the \":\"",
	0},
    {"<html>",
	"warning: ill-formed line, ignored (warn_bad_extension): "
	"\"<html>\": this is HTML",
	0},
#undef BAD_MX
};

static void
policy_lines_of_people(void)
{
	for (size_t i = 0; i < sizeof(policy_lines) / sizeof(policy_lines[0]);
	     i++) {
		const char *line = policy_lines[i].line;
		char text[512], expected[512];
		struct ran ran;

		snprintf(text, sizeof(text),
		    "version: STSv1\nmode: enforce\nmax_age: 604800\n"
		    "mx: mx.d.test\n%s\n",
		    line);
		snprintf(expected, sizeof(expected), "%s:5: %s\n", file_name,
		    policy_lines[i].err);
		ran = lint_text("policy", text);
		is_int(ran.code, policy_lines[i].code, "%s: exit status", line);
		is_str(ran.err, expected, "%s: the value and the cause", line);
		ran_free(&ran);
	}
}

/* RFC 8461 10.2: weeks; mode none is on its way out. */
static void
short_max_age(void)
{
	static const struct {
		const char *mode;
		long max_age;
		bool advised;
	} rows[] = {{"enforce", 0, true}, {"enforce", 30, true},
	    {"testing", 300, true}, {"enforce", 86400, true},
	    {"enforce", 604799, true}, {"enforce", 604800, false},
	    {"none", 300, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];
		struct ran ran;

		snprintf(text, sizeof(text),
		    "version: STSv1\nmode: %s\nmx: a.test\nmax_age: %ld\n",
		    rows[i].mode, rows[i].max_age);
		ran = lint_text("policy", text);
		is_int(ran.code, 0, "max_age %ld is valid", rows[i].max_age);
		ok(rows[i].advised ==
			(strstr(ran.err, ":4: warning: max_age ") != NULL &&
			    strstr(ran.err, "(lint_max_age_short)") != NULL),
		    "mode %s, max_age %ld: %s", rows[i].mode, rows[i].max_age,
		    rows[i].advised ? "a warning" : "no warning");
		ran_free(&ran);
	}
}

/* TXT records as people have them at hand. */
static const struct {
	const char *line;
	const char *out;   /* "" where it is not accepted */
	const char *cause; /* what standard error has in it */
} sts_lines[] = {
    {"v=STSv1; id=1", "id=1\n", ""},
    {"_mta-sts.d.test. 3600 IN TXT \"v=STSv1; id=1\"", "id=1\n", ""},
    {"_mta-sts\tIN\ttxt ( \"v=STSv1; \" \"id=1\" ) ; a comment", "id=1\n", ""},
    {"_mta-sts IN TXT v=STSv1\\; id=1", "id=1\n", ""},
    {"TXT \"v=STSv1; id=1\"", "id=1\n", ""},
    {"_mta-sts.d.test descriptive text \"v=STSv1; id=1\"", "id=1\n", ""},
    {"_mta-sts.d.test\ttext = \"v=STSv1; id=1\"", "id=1\n", ""},
    {"_mta-sts IN TXT v=STSv1; id=1", "", "put the value in quotes"},
    {"v=STSv1\\; id=1", "", "it has a backslash in it"},
    {"\"v=STSv1\\; id=1\"", "", "a \";\" takes no backslash"},
    {"V=STSv1; id=1", "", "write v=STSv1, which is case-sensitive"},
    {"\"v=stsv1; id=1\"", "", "write v=STSv1, which is case-sensitive"},
    {"v=STSv1, id=1", "", "separated by \";\", not by \",\""},
    {"\"v=STSv1 id=1\"", "", "no \";\" after the version"},
    {"\"\"v=STSv1; id=1\"\"", "", "the quotes are doubled"},
    {"\"\\\"v=STSv1; id=1\\\"\"", "", "it has quotes in it"},
    {"\"v=STSv1; id=1", "", "a quote is missing"},
    {"\xe2\x80\x9cv=STSv1; id=1\xe2\x80\x9d", "", "outside of ASCII"},
    {"v=STSv1; ID=1", "", "\"ID\" is not a field; was \"id\" meant?"},
    {"v=STSv1; id=2026-11-28", "", "\"2026-11-28\" is not"},
    {"v=STSv1; id = 1", "", "a blank beside a \"=\""},
    {"v=STSv1;; id=1", "", "an empty field"},
    {"v=STSv1; id=123456789012345678901234567890123", "", "at most 32"},
    {"STSv1; id=1", "", "write v=STSv1"},
    {"\" v=STSv1; id=1\"", "", "does not begin with the version"},
};

static void
records_of_people(void)
{
	for (size_t i = 0; i < sizeof(sts_lines) / sizeof(sts_lines[0]); i++) {
		const char *line = sts_lines[i].line;
		char text[256], place[64];
		struct ran ran;

		snprintf(text, sizeof(text), "\"another record\"\n%s\n", line);
		snprintf(place, sizeof(place), "%s:2: ", file_name);
		ran = lint_text("sts", text);
		is_int(
		    ran.code, sts_lines[i].out[0] == '\0', "%s: status", line);
		is_str(ran.out, sts_lines[i].out, "%s: what it says", line);
		ok(sts_lines[i].out[0] != '\0' ||
			strncmp(ran.err, place, strlen(place)) == 0,
		    "%s: its line is named", line);
		ok(strstr(ran.err, sts_lines[i].cause) != NULL, "%s: %s in %s",
		    line, sts_lines[i].cause, ran.err);
		ran_free(&ran);
	}
	expect(lint_text("tlsrpt", "v=TLSRPTv1; rua=tls@d.test\n"), 1, "",
	    ":1: a rua is neither a mailto: nor an https: destination "
	    "(record_bad_rua): a destination is mailto:ADDRESS or https://...",
	    "a destination without its scheme");
	expect(lint_text("tlsrpt",
		   "_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:t@d.test\"\n"),
	    0, "rua=mailto:t@d.test\n", "", "a line of a zone file");
}

/* A right record under a name at which no sender asks for it. */
static void
places_of_people(void)
{
	static const char *const wrong[] = {
	    "mta-sts.d.test. 3600 IN TXT \"v=STSv1; id=1\"",
	    "d.test. IN TXT \"v=STSv1; id=1\"",
	    "_mta-sts-d.test. IN TXT \"v=STSv1; id=1\"",
	    "_mta_sts TXT \"v=STSv1; id=1\"",
	    "mta-sts.d.test descriptive text \"v=STSv1; id=1\""};
	static const char *const right[] = {
	    "_MTA-STS.d.test. 3600 IN TXT \"v=STSv1; id=1\"",
	    "_mta-sts IN TXT \"v=STSv1; id=1\"", "@ TXT \"v=STSv1; id=1\"",
	    "\t3600 IN TXT \"v=STSv1; id=1\"", "3600 TXT \"v=STSv1; id=1\"",
	    "IN TXT \"v=STSv1; id=1\"", "v=STSv1; id=1",
	    "d.test. IN TXT \"v=spf1 -all\"\nv=STSv1; id=1"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(lint_text("sts", wrong[i]), 0, "id=1\n",
		    ":1: warning: senders ask for this record at "
		    "_mta-sts.DOMAIN (lint_record_name): \"",
		    wrong[i]);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		expect(lint_text("sts", right[i]), 0, "id=1\n", "", right[i]);
	expect(lint_text("tlsrpt",
		   "_tls.d.test. TXT \"v=TLSRPTv1; rua=mailto:a@d.test\"\n"),
	    0, "rua=mailto:a@d.test\n",
	    ":1: warning: senders ask for this record at _smtp._tls.DOMAIN "
	    "(lint_record_name): \"_tls.d.test.\"",
	    "a record for reports in a wrong place");
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
	files_of_people();
	policy_lines_of_people();
	short_max_age();
	records_of_people();
	places_of_people();
	odd_input();
	unreadable();
	match_is_told();
	unlink(file_name);
	return tap_done();
}
