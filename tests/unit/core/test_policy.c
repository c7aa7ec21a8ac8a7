/* SPDX-License-Identifier: ISC */
/* Policy bodies, RFC 8461 3.2, beyond the rows of tests/vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/policy.h"
#include "tests/unit/lib/tap.h"

enum { FOUND_MAX = 2048 };

/* What a parse said: "LINE:reason" words, "!" before errors. */
static char found[FOUND_MAX];

static void
collect(void *arg, unsigned line, enum sts_status reason, bool error)
{
	size_t used = strlen(found);

	(void)arg;
	snprintf(found + used, sizeof(found) - used, "%s%s%u:%s",
	    used > 0 ? " " : "", error ? "!" : "", line,
	    sts_status_name(reason));
}

/* Parses a copy that ends at a guard page; findings go to `found`. */
static enum sts_status
parse_bytes(struct sts_policy *policy, const char *text, size_t len)
{
	char *body = guard_copy(text, len);
	enum sts_status status;

	found[0] = '\0';
	status = sts_policy_parse(policy, body, len, collect, NULL);
	guard_free(body, len);
	return status;
}

static void
finds(const char *text, const char *expected, const char *what)
{
	struct sts_policy policy;

	(void)parse_bytes(&policy, text, strlen(text));
	is_str(found, expected, "%s", what);
}

/* The four lines that make a policy, around what is tried. */
#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"
#define MX   "mx: mx.example.com\n"

static void
accepts(const char *text, const char *what)
{
	finds(text, "", what);
}

static void
test_lines(void)
{
	accepts(HEAD MX, "LF");
	accepts("version: STSv1\r\nmode: none\r\nmax_age: 1\r\n", "CR LF");
	accepts("version: STSv1\r\nmode: none\nmax_age: 1", "both, no last");
	accepts("version: STSv1 \t\nmode: none\t\r\nmax_age: 1 ",
	    "blanks at the end of a line");
	accepts("version:STSv1\nmode:\t none\nmax_age:1\n",
	    "no blank or many after the colon");
	accepts("mx: a.example\nmax_age: 1\nmode: testing\nversion: STSv1\n",
	    "any order");
	finds("version: STSv1\rmode: none\rmax_age: 1\r",
	    "!1:policy_bad_version !0:policy_no_mode !0:policy_no_max_age",
	    "a lone CR ends no line");
	finds("version: STSv1\nmode: none\r\r\nmax_age: 1\n",
	    "!2:policy_bad_mode", "CR CR LF leaves a CR in the value");
	finds("version: STSv1\nmode: none\nmax_age: 1\r",
	    "!3:policy_bad_max_age", "CR without LF at the end of the body");
	finds(HEAD "\n \t\n" MX "\r\n",
	    "4:warn_blank_line 5:warn_blank_line 7:warn_blank_line",
	    "blank lines are warned of, each with its number");
	finds("\n" HEAD MX, "1:warn_blank_line", "a blank line first");
}

static void
test_names(void)
{
	finds(HEAD " mx: mx.example.com\n",
	    "4:warn_bad_extension !0:policy_no_mx",
	    "a blank before a known name");
	finds(HEAD "mx : mx.example.com\n",
	    "4:warn_bad_extension !0:policy_no_mx", "a blank before the colon");
	finds("version: STSv1\nmode : enforce\nmax_age: 1\n" MX,
	    "2:warn_bad_extension !0:policy_no_mode",
	    "a blank before the colon of mode");
	finds(HEAD "mx2: mx.example.com\n", "!0:policy_no_mx",
	    "a known name is no prefix: mx2");
	finds(HEAD "mx.: mx.example.com\n", "!0:policy_no_mx", "nor mx.");
	finds(HEAD "MX: mx.example.com\n", "!0:policy_no_mx",
	    "names are case-sensitive");
	finds(HEAD "mx = mx.example.com\n",
	    "4:warn_bad_extension !0:policy_no_mx", "no colon");
	finds(HEAD "mx\n" MX, "4:warn_bad_extension", "a name alone");
	accepts(HEAD MX "a0_-.: x\n", "every byte of an extension name");
	accepts(HEAD MX "0: x\n", "an extension name of one digit");
}

static void
test_extension_values(void)
{
	accepts(HEAD MX "a: b  c\n", "inner spaces");
	accepts(HEAD MX "a: !~=;:\"\\\n", "punctuation, '=' and ';' included");
	accepts(HEAD MX "a: \xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
			"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\n",
	    "the edges of UTF-8");
	finds(HEAD MX "a: b\tc\n", "5:warn_bad_extension", "an inner tab");
	finds(HEAD MX "a: \xc0\xaf\n", "5:warn_bad_extension", "overlong 2");
	finds(HEAD MX "a: \xc1\xbf\n", "5:warn_bad_extension", "overlong 2b");
	finds(
	    HEAD MX "a: \xe0\x9f\xbf\n", "5:warn_bad_extension", "overlong 3");
	finds(HEAD MX "a: \xf0\x8f\xbf\xbf\n", "5:warn_bad_extension",
	    "overlong 4");
	finds(
	    HEAD MX "a: \xed\xa0\x80\n", "5:warn_bad_extension", "a surrogate");
	finds(HEAD MX "a: \xf4\x90\x80\x80\n", "5:warn_bad_extension",
	    "above U+10FFFF");
	finds(HEAD MX "a: \xf5\x80\x80\x80\n", "5:warn_bad_extension",
	    "a lead byte that cannot be");
	finds(HEAD MX "a: \xe2\x82\n", "5:warn_bad_extension",
	    "a sequence cut by the end of the line");
	finds(HEAD MX "a: \xe2\x82", "5:warn_bad_extension",
	    "a sequence cut by the end of the body");
	finds(HEAD MX "a: \x80\n", "5:warn_bad_extension", "a lone tail");
	finds(HEAD MX "a: \x1f\n", "5:warn_bad_extension", "a control");
}

static void
test_fields(void)
{
	finds("version: STSv1x\nmode: none\nmax_age: 1\n",
	    "!1:policy_bad_version", "version must be all of the value");
	finds("version: \nmode: none\nmax_age: 1\n", "!1:policy_bad_version",
	    "an empty version");
	finds("version: STSv1\nmode:\nmax_age: 1\n" MX, "!2:policy_bad_mode",
	    "an empty mode");
	finds("version: STSv1\nmode: none none\nmax_age: 1\n",
	    "!2:policy_bad_mode", "two words in mode");
	finds("a: b\n",
	    "!0:policy_no_version !0:policy_no_mode !0:policy_no_max_age",
	    "each missing field is named, and mx only with a mode that "
	    "wants it");
	finds("", "!0:policy_empty", "an empty body");
}

static void
test_max_age(void)
{
	static const struct {
		const char *text;
		long long value;
		const char *found;
	} rows[] = {
	    {"31557600", 31557600, ""},
	    {"31557601", 31557600, "3:warn_max_age_capped"},
	    {"9999999999", 31557600, "3:warn_max_age_capped"},
	    {"0000000000", 0, ""},
	    {"0031557600", 31557600, ""},
	};
	static const char *const bad[] = {"", "10000000000", "00000000001",
	    "1 0", "1,", "0x1", "-0", "18446744073709551617",
	    "99999999999999999999999999999999999999999"};
	struct sts_policy policy;
	char text[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
		    "version: STSv1\nmode: none\nmax_age: %s\n", rows[i].text);
		is_int(parse_bytes(&policy, text, strlen(text)), STS_OK,
		    "max_age %s is accepted", rows[i].text);
		is_int(policy.max_age, rows[i].value, "its value");
		is_str(found, rows[i].found, "its warning");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
		    "version: STSv1\nmode: none\nmax_age: %s\n", bad[i]);
		finds(text, "!3:policy_bad_max_age", "an ill-formed max_age");
	}
}

static void
test_duplicates(void)
{
	accepts("version: STSv1\nversion: x\nmode: none\nmode: x\n"
		"max_age: 1\nmax_age: x\n",
	    "of a duplicate field the first holds, without a warning");
	accepts("version: STSv1\nmode: testing\nmode: none\nmax_age: 9\n" MX,
	    "the first mode is testing and has its mx");
	finds("version: STSv1\nmode: enforce\nmode: none\nmax_age: 9\n",
	    "!0:policy_no_mx", "a later none does not excuse a missing mx");
	finds("version: x\nversion: STSv1\nmode: none\nmax_age: 1\n",
	    "!1:policy_bad_version", "an ill-formed first version rejects");
	finds("version: STSv1\nmode: x\nmode: none\nmax_age: 1\n",
	    "!2:policy_bad_mode", "an ill-formed first mode rejects");
	finds("version: STSv1\nmode: none\nmax_age:\nmax_age: 1\n",
	    "!3:policy_bad_max_age", "an ill-formed first max_age rejects");
	accepts(HEAD MX MX, "mx may be repeated, even the same");
	accepts(HEAD MX "a: b\na: c\n", "extensions too");
}

static void
test_mx(void)
{
	static const char *const bad[] = {"", "*", "*.", "*.*.example.com",
	    "a.*.example.com", "m*.example.com", "**.example.com",
	    ".example.com", "mx..example.com", "mx.example.com.",
	    "*.example.com.", "-mx.example.com", "mx-.example.com",
	    "mx.-example.com", "_mx.example.com", "mx example.com",
	    "mx.example.com,b.example.com", "[192.0.2.1]", "2001:db8::1",
	    "mx.example.com:25", "mx.example.com\x0b", "m\xc3\xb8x.example.com",
	    "*.example.com #x", "\"mx.example.com\"", "mx\\.example.com"};
	static const char *const good[] = {"a", "mx.example.com", "*.com",
	    "*.example.com", "1mx.example.com", "mx--1.example.com",
	    "xn--mx-lka.example.com", "MX.EXAMPLE.COM", "3com.com", "*.1.com"};
	char text[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), HEAD MX "mx: %s\n", bad[i]);
		finds(text, "!5:policy_bad_mx", "an ill-formed mx rejects");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), HEAD "mx: %s\n", good[i]);
		accepts(text, good[i]);
	}
}

static void
test_mx_address(void)
{
	finds(HEAD "mx: 192.0.2.1\n" MX "mx: *.0.2.1\n",
	    "4:warn_mx_address 6:warn_mx_address",
	    "addresses beside a name are warned of");
	finds(HEAD "mx: 192.0.2.1\nmx: 25\nmx: *.a.1\n",
	    "4:warn_mx_address 5:warn_mx_address 6:warn_mx_address "
	    "!0:policy_no_mx",
	    "addresses alone permit nothing and reject");
	finds("version: STSv1\nmode: none\nmax_age: 1\nmx: 192.0.2.1\n",
	    "4:warn_mx_address", "but not in mode none");
}

static void
test_mx_mode_none(void)
{
	struct sts_policy policy;
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	const char *text = "mx: bad_mx\nmx: A.example\nmx:\nmx: 1.2.3.4\n"
			   "max_age: 1\nversion: STSv1\nmode: none\n";

	is_int(sts_policy_parse(&policy, text, strlen(text), NULL, NULL),
	    STS_OK, "an ill-formed mx does not keep mode none from holding");
	is_int(policy.mx_count, 2, "it is not counted");
	ok(sts_policy_mx_next(&policy, &walk, pattern), "a first pattern");
	is_str(pattern, "a.example", "which is the first well-formed one");
	ok(sts_policy_mx_next(&policy, &walk, pattern), "a second pattern");
	is_str(pattern, "1.2.3.4", "addresses are declared too");
	ok(!sts_policy_mx_next(&policy, &walk, pattern), "no third");
	ok(!sts_policy_mx_next(&policy, &walk, pattern), "nor after the end");
	finds(text, "1:warn_mx_dropped 3:warn_mx_dropped 4:warn_mx_address",
	    "findings come in the order of the lines");
	finds("mx: m\xc3\xb8x.example\nversion: STSv1\nmode: none\n"
	      "max_age: 1\n",
	    "!1:policy_bad_mx", "a U-label rejects in any mode");
	finds("mx: bad_mx\nversion: STSv1\nmode: x\nmax_age: 1\n",
	    "!1:policy_bad_mx !3:policy_bad_mode",
	    "an mx is judged strictly where the mode is not known");
}

/* Labels of `label` bytes, joined by dots, of `total` bytes at least. */
static void
long_name(char *out, size_t label, size_t total)
{
	size_t used = 0;

	while (used < total) {
		if (used > 0)
			out[used++] = '.';
		for (size_t i = 0; i < label && used < total; i++)
			out[used++] = 'a';
	}
	out[used] = '\0';
}

static void
test_mx_lengths(void)
{
	static const struct {
		size_t label, total;
		bool good;
	} rows[] = {
	    {63, 63, true}, {64, 64, false}, {61, 253, true}, {61, 254, false}};
	char name[300], text[700];
	struct sts_policy policy;
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long_name(name, rows[i].label, rows[i].total);
		snprintf(
		    text, sizeof(text), HEAD "mx: %s\nmx: *.%s\n", name, name);
		finds(text,
		    rows[i].good ? "" : "!4:policy_bad_mx !5:policy_bad_mx",
		    "63 bytes a label, 253 a name");
	}
	long_name(name, 61, 253);
	snprintf(text, sizeof(text), HEAD "mx: *.%s\n", name);
	is_int(sts_policy_parse(&policy, text, strlen(text), NULL, NULL),
	    STS_OK, "the longest pattern");
	ok(sts_policy_mx_next(&policy, &walk, pattern), "is walked");
	is_int((long long)strlen(pattern), 255, "whole");
}

static void
test_whole_body(void)
{
	struct sts_policy policy;
	static const char nul[] = HEAD MX "a: b\0c\n";
	static const char late_nul[] = HEAD MX "\0";
	static const char utf32[] = "\xff\xfe\0\0v\0\0\0";

	(void)parse_bytes(&policy, nul, sizeof(nul) - 1);
	is_str(found, "!5:policy_nul", "a NUL in an extension rejects");
	(void)parse_bytes(&policy, late_nul, sizeof(late_nul) - 1);
	is_str(found, "!5:policy_nul", "a NUL at the end rejects");
	(void)parse_bytes(&policy, utf32, sizeof(utf32) - 1);
	is_str(found, "!0:policy_bom", "UTF-32");
	finds("\xef\xbb\xbf" HEAD MX, "!0:policy_bom", "UTF-8 with a BOM");
	finds("\xfe\xff" HEAD MX, "!0:policy_bom", "UTF-16, big-endian");
	finds("\xff\xfe" HEAD MX, "!0:policy_bom", "UTF-16, little-endian");
	accepts(HEAD MX "a: \xef\xbb\xbf\n", "U+FEFF elsewhere is text");
	finds(HEAD "\xef\xbb\xbfmx: a.example\n" MX, "4:warn_bad_extension",
	    "and no part of a name");
}

static void
test_size(void)
{
	struct sts_policy policy;
	size_t head = strlen(HEAD MX "a: ");
	char *text = malloc(STS_BODY_MAX + 1);

	if (!ok(text != NULL, "memory"))
		return;
	memset(text, 'x', STS_BODY_MAX + 1);
	memcpy(text, HEAD MX "a: ", head);
	is_int(parse_bytes(&policy, text, STS_BODY_MAX), STS_OK,
	    "65536 bytes are accepted");
	is_int(parse_bytes(&policy, text, STS_BODY_MAX + 1),
	    STS_FETCH_TOO_LARGE, "65537 are not");
	free(text);
}

static void
test_many_mx(void)
{
	enum { COUNT = 5000 };
	char *text = malloc(STS_BODY_MAX);
	size_t used;
	unsigned walked = 0;
	struct sts_policy policy;
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1], last[16];

	if (!ok(text != NULL, "memory"))
		return;
	used = (size_t)sprintf(text, HEAD);
	for (unsigned i = 0; i < COUNT; i++)
		used += (size_t)sprintf(text + used, "mx: m%u.ex\n", i);
	is_int(sts_policy_parse(&policy, text, used, NULL, NULL), STS_OK,
	    "%d mx lines in %zu bytes", COUNT, used);
	is_int(policy.mx_count, COUNT, "are counted");
	while (sts_policy_mx_next(&policy, &walk, pattern)) {
		snprintf(last, sizeof(last), "m%u.ex", walked);
		if (strcmp(pattern, last) != 0)
			break;
		walked++;
	}
	is_int(walked, COUNT, "and walked in order");
	ok(sts_policy_permits(&policy, "M4999.ex."), "the last is found");
	ok(!sts_policy_permits(&policy, "m5000.ex"), "no other is");
	free(text);
}

/*
 * What might make a parser slow: no line end, only line ends, all colons, all
 * blanks, one endless name or mx.  Parsing 64 KiB in quadratic time takes
 * seconds each; in linear time all of them together take a fraction of one.
 */
static void
test_linear(void)
{
	static const char *const fillers[] = {"a", "\n", ":", " ", "mx:\n",
	    "mx: a.a\n", "mx: 1.1\n", "mx: a.", "\r", "\xe2\x82\xac", "\xc3",
	    "a:\xc3\xa9\n", "mode:none\n", "max_age:1", "mx: _\n"};
	char *text = malloc(STS_BODY_MAX);
	clock_t start = clock();
	double seconds;

	if (!ok(text != NULL, "memory"))
		return;
	for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++) {
		size_t len = strlen(fillers[i]);
		size_t used = (size_t)sprintf(text, HEAD MX);
		struct sts_policy policy;

		for (; used + len <= STS_BODY_MAX; used += len)
			memcpy(text + used, fillers[i], len);
		for (unsigned turn = 0; turn < 10; turn++) {
			if (sts_policy_parse(&policy, text, used, NULL, NULL) ==
			    STS_OK)
				(void)sts_policy_permits(&policy, "b.example");
		}
	}
	seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	ok(seconds < 5, "150 hostile bodies of 64 KiB took %.2f s of CPU",
	    seconds);
	free(text);
}

/* Every prefix of some bodies: none reads past its end, none miscounts. */
static void
test_truncated(void)
{
	static const char *const bodies[] = {
	    ("version: STSv1\r\nmode: enforce\r\nmx: *.example.com \r\n"
	     "mx: mx.example.net\r\nmax_age: 86400\r\na: \xf0\x9f\x93\xa7 "
	     "b\r\n"),
	    "\xef\xbb\xbfversion: STSv1\n\xff\xfe",
	    "mode:none\n\n#\nmx:_\nmx:1.2.3.4\nmax_age:1\nversion:STSv1\nx:"};
	unsigned prefixes = 0, wrong = 0;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		for (size_t len = 0; len <= strlen(bodies[i]); len++) {
			char *body = guard_copy(bodies[i], len);
			char pattern[STS_PATTERN_MAX + 1];
			struct sts_mx_walk walk = {0};
			struct sts_policy policy;
			unsigned walked = 0;
			enum sts_status status =
			    sts_policy_parse(&policy, body, len, NULL, NULL);

			while (status == STS_OK &&
			    sts_policy_mx_next(&policy, &walk, pattern))
				walked++;
			if (status == STS_OK && walked != policy.mx_count)
				wrong++;
			guard_free(body, len);
			prefixes++;
		}
	}
	ok(prefixes > 170 && wrong == 0, "%u truncated bodies", prefixes);
}

static void
test_first_error_is_returned(void)
{
	struct sts_policy policy;
	const char *text = "mode: x\nversion: y\n";

	is_int(sts_policy_parse(&policy, text, strlen(text), NULL, NULL),
	    STS_POLICY_BAD_MODE, "the first error's status, without a note");
	is_str(sts_mode_name(STS_MODE_NONE), "none", "none");
	is_str(sts_mode_name(STS_MODE_TESTING), "testing", "testing");
	is_str(sts_mode_name(STS_MODE_ENFORCE), "enforce", "enforce");
}

int
main(void)
{
	test_lines();
	test_names();
	test_extension_values();
	test_fields();
	test_max_age();
	test_duplicates();
	test_mx();
	test_mx_address();
	test_mx_mode_none();
	test_mx_lengths();
	test_whole_body();
	test_size();
	test_many_mx();
	test_linear();
	test_truncated();
	test_first_error_is_returned();
	return tap_done();
}
