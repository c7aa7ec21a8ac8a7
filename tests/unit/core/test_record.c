/* SPDX-License-Identifier: ISC */
/* TXT record sets, RFC 8461 3.1 and RFC 8460 3, beyond the rows of
 * tests/vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/record.h"
#include "tests/unit/lib/tap.h"

enum { SET_MAX = 4 };

static size_t
make_set(const char *const *texts, struct sts_span set[SET_MAX])
{
	size_t count = 0;

	for (; texts[count] != NULL && count < SET_MAX; count++) {
		set[count].p = texts[count];
		set[count].len = strlen(texts[count]);
	}
	return count;
}

/* One record, on a guard page: its id, or the token of what is wrong. */
static void
one(const char *text, const char *expected)
{
	size_t len = strlen(text);
	char *copy = guard_copy(text, len);
	struct sts_span record = {copy, len};
	char id[STS_ID_MAX + 1] = "unset";
	enum sts_status status = sts_record_sts(&record, 1, id);

	is_str(status == STS_OK ? id : sts_status_name(status), expected,
	    "'%s' is %s", text, expected);
	if (status != STS_OK)
		is_str(id, "", "and leaves no id");
	guard_free(copy, len);
}

static void
set_is(const char *const *texts, const char *expected, const char *what)
{
	struct sts_span set[SET_MAX];
	size_t count = make_set(texts, set);
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_record_sts(set, count, id);

	is_str(status == STS_OK ? id : sts_status_name(status), expected, "%s",
	    what);
}

static void
test_blanks(void)
{
	one("v=STSv1;id=a", "a");
	one("v=STSv1 \t; \tid=a", "a");
	one("v=STSv1; id=a \t; \tb=c \t; \t", "a");
	one("v=STSv1; b=c;id=a;", "a");
	one("v=STSv1; id=a; ", "a");
	one("v=STSv1; id=a ", "record_syntax");
	one("v=STSv1; id=a;\n", "record_syntax");
	one("v=STSv1; id =a", "record_syntax");
	one("v=STSv1; id= a", "record_bad_id");
	one("v=STSv1;\xc2\xa0id=a", "record_syntax");
	one("v =STSv1; id=a", "no_record");
	one("v= STSv1; id=a", "no_record");
}

static void
test_delimiters(void)
{
	one("v=STSv1;", "record_no_id");
	one("v=STSv1; ", "record_no_id");
	one("v=STSv1;;id=a", "record_syntax");
	one("v=STSv1; ;id=a", "record_syntax");
	one("v=STSv1; id=a; ;", "record_syntax");
	one("v=STSv1; id=a b=c", "record_syntax");
	one("v=STSv1; id=a, b=c", "record_bad_id");
	one("v=STSv1; id=a; b", "record_syntax");
	one("v=STSv1; id=a; =b", "record_syntax");
	one("v=STSv1; id", "record_syntax");
	one("v=STSv1", "record_syntax");
	one("v=STSv1 ", "record_syntax");
}

static void
test_id(void)
{
	one("v=STSv1; id=0", "0");
	one("v=STSv1; id=aZ09", "aZ09");
	one("v=STSv1; id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1", "record_bad_id");
	one("v=STSv1; id=a-b", "record_bad_id");
	one("v=STSv1; id=a_b", "record_bad_id");
	one("v=STSv1; id=a.b", "record_bad_id");
	one("v=STSv1; id=\"a\"", "record_bad_id");
	one("v=STSv1; id=a=b", "record_syntax");
	one("v=STSv1; id=\xc3\xa9", "record_bad_id");
	one("v=STSv1; id2=a", "record_no_id");
	one("v=STSv1; Id=a", "record_no_id");
}

/* The last paragraph of RFC 8461 3.2 speaks of TXT records too. */
static void
test_duplicates(void)
{
	one("v=STSv1; id=a; id=b", "a");
	one("v=STSv1; id=a; id=b-c", "a");
	one("v=STSv1; id=a-b; id=c", "record_bad_id");
	one("v=STSv1; id=; id=c", "record_bad_id");
	one("v=STSv1; id=a; id=", "record_syntax");
	one("v=STSv1; id=a; v=STSv1", "a");
	one("v=STSv1; v=STSv2; id=a", "a");
	one("v=STSv1; id=a; b=c; b=d", "a");
}

static void
test_extensions(void)
{
	one("v=STSv1; id=a; a23456789-123456789_123456789.12=x", "a");
	one("v=STSv1; id=a; a23456789-123456789_123456789.123=x",
	    "record_syntax");
	one("v=STSv1; id=a; 0=!\"#:<>?~", "a");
	one("v=STSv1; id=a; _b=c", "record_syntax");
	one("v=STSv1; id=a; -b=c", "record_syntax");
	one("v=STSv1; id=a; .b=c", "record_syntax");
	one("v=STSv1; id=a; b=", "record_syntax");
	one("v=STSv1; id=a; b=;", "record_syntax");
	one("v=STSv1; id=a; b=c d", "record_syntax");
	one("v=STSv1; id=a; b=c=d", "record_syntax");
	one("v=STSv1; id=a; b=\x7f", "record_syntax");
	one("v=STSv1; id=a; b=\x01", "record_syntax");
	one("v=STSv1; b=\xc3\xa9; id=a", "record_syntax");
}

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
test_sets(void)
{
	const struct sts_span nul = {"v=STSv1; id=a\0;", 15};
	char id[STS_ID_MAX + 1];

	is_int(sts_record_sts(NULL, 0, id), STS_NO_RECORD, "no record");
	is_str(id, "", "gives no id");
	set_is(SET("v=STSv1; id=a", "v=STSv1"), "a",
	    "a version without \";\" is dropped");
	set_is(SET("v=STSv1; id=a", "v=STSv1 "), "a", "with a blank too");
	set_is(SET("v=STSv1 id=b", "v=STSv1; id=a", "v=STSv2; id=c"), "a",
	    "and one without a delimiter");
	set_is(SET("v=STSv1; id=a", "v=STSv1;"), "record_multiple",
	    "an ill-formed second record still makes two");
	set_is(SET("v=STSv1; id=a", "v=STSv1 ; id=b"), "record_multiple",
	    "so does one with a blank before the \";\"");
	set_is(SET("v=STSv1x; id=a", "V=STSv1; id=a", "", "x"), "no_record",
	    "other versions are no record");
	set_is(SET("x", "v=STSv1, id=a"), "record_syntax",
	    "a version without \";\" alone is told from no record");
	is_int(sts_record_sts(&nul, 1, id), STS_RECORD_SYNTAX, "NUL");
}

/* The destinations, or the token of what is wrong, and how many are unusable.
 */
static void
rua(const char *text, const char *expected, size_t unusable)
{
	size_t len = strlen(text);
	char *copy = guard_copy(text, len);
	struct sts_span record = {copy, len};
	struct sts_rua_list list;
	char got[1000] = "";
	enum sts_status status = sts_record_tlsrpt(&record, 1, &list);

	for (size_t i = 0; i < list.count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s",
		    i > 0 ? " " : "", (int)list.uri[i].len, list.uri[i].p);
	is_str(status == STS_OK ? got : sts_status_name(status), expected,
	    "'%s' is %s", text, expected);
	is_int((long long)list.unusable, (long long)unusable,
	    "with %zu unusable", unusable);
	guard_free(copy, len);
}

static void
test_rua_lists(void)
{
	rua("v=TLSRPTv1;rua=mailto:a@b", "mailto:a@b", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b \t,\t https://c/ ; d=e;",
	    "mailto:a@b https://c/", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b; rua=mailto:c@d",
	    "mailto:a@b mailto:c@d", 0);
	rua("v=TLSRPTv1; rua=MailTo:a@b,HTTPS://c", "MailTo:a@b HTTPS://c", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b,", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=,mailto:a@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b,,mailto:c@d", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua= mailto:a@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b ", "record_syntax", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b mailto:c@d", "record_syntax", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b; rua=noscheme", "record_bad_rua", 0);
	rua("v=TLSRPTv1; ext=1", "record_no_rua", 0);
	rua("v=TLSRPTv1;", "record_no_rua", 0);
	rua("v=TLSRPTv1; Rua=mailto:a@b", "record_no_rua", 0);
	rua("v=TLSRPTv1 ; rua=mailto:a@b", "mailto:a@b", 0);
}

static void
test_rua_skipped(void)
{
	rua("v=TLSRPTv1; rua=ftp://a/,mailto:b@c", "mailto:b@c", 1);
	rua("v=TLSRPTv1; rua=mailto:b@c,https:,http://d/", "mailto:b@c", 2);
	rua("v=TLSRPTv1; rua=http://a/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=x:", "record_bad_rua", 0);
}

static void
test_uri_bytes(void)
{
	rua("v=TLSRPTv1; rua=mailto:a@b!10m", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a%21@b", "mailto:a%21@b", 0);
	rua("v=TLSRPTv1; rua=mailto:a%2@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b%", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a@b%zz", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:<a@b>", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:\"a\"@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:\xc3\xa9@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a@[192.0.2.1]", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://a/#b#c", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=1mailto:a@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=://a", "record_bad_rua", 0);
}

static void
test_uri_destinations(void)
{
	rua("v=TLSRPTv1; rua=mailto:a@b?subject=c@d", "mailto:a@b?subject=c@d",
	    0);
	rua("v=TLSRPTv1; rua=mailto:?to=a@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:@b", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=mailto:a@", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https:", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https:/a", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https:///path", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://u@/path", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://:443/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://a:65536/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://a:1x/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://a:65535", "https://a:65535", 0);
	rua("v=TLSRPTv1; rua=https://a:/", "https://a:/", 0);
	rua("v=TLSRPTv1; rua=https://u:p@a?x=y", "https://u:p@a?x=y", 0);
	rua("v=TLSRPTv1; rua=https://[2001:db8::1]:8443/",
	    "https://[2001:db8::1]:8443/", 0);
	rua("v=TLSRPTv1; rua=https://[]/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://[::1/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://[::1]x/", "record_bad_rua", 0);
	rua("v=TLSRPTv1; rua=https://a/[b]", "record_bad_rua", 0);
}

static void
test_rua_bound(void)
{
	char text[1000] = "v=TLSRPTv1; rua=mailto:0@b";
	struct sts_span record = {text, 0};
	struct sts_rua_list list;

	for (unsigned i = 1; i < STS_RUA_MAX + 5; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    ",mailto:%u@b", i);
	record.len = strlen(text);
	is_int(sts_record_tlsrpt(&record, 1, &list), STS_OK, "many");
	is_int((long long)list.count, STS_RUA_MAX, "the first 16 are kept");
	ok(sts_span_is(list.uri[STS_RUA_MAX - 1], "mailto:15@b"), "in order");
}

static void
unquotes(const char *line, const char *expected, size_t expected_len)
{
	size_t line_len = strlen(line), len = 99;
	char *copy = guard_copy(line, line_len);
	char *buf = guard_copy("0123456789abcdef", 16);
	struct sts_span span = {copy, line_len};
	enum sts_status status = sts_record_unquote(span, buf, 16, &len);

	if (expected == NULL)
		is_int(status, STS_BAD_LINE, "%s is no line", line);
	else
		ok(status == STS_OK && len == expected_len &&
			memcmp(buf, expected, len) == 0,
		    "%s is unquoted", line);
	guard_free(buf, 16);
	guard_free(copy, line_len);
}

static void
test_unquote(void)
{
	unquotes("\"v=STSv1; \" \"id=1\"", "v=STSv1; id=1", 13);
	unquotes("\t\"a\"\"b\" \"\" ", "ab", 2);
	unquotes("\"\"", "", 0);
	unquotes("\"\\\"\\\\\"", "\"\\", 2);
	unquotes("\"\\000\\255\\0651\"",
	    "\0\xff"
	    "A1",
	    4);
	unquotes("\"\xc3\xa9;\"", "\xc3\xa9;", 3);
	unquotes("\"0123456789abcdef\"", "0123456789abcdef", 16);
	unquotes("\"0123456789abcdef0\"", NULL, 0);
	unquotes("\"0123456789abcdef\" \"0\"", NULL, 0);
	unquotes("", NULL, 0);
	unquotes("  ", NULL, 0);
	unquotes("a", NULL, 0);
	unquotes("\"a", NULL, 0);
	unquotes("a\"", NULL, 0);
	unquotes("\"a\" b", NULL, 0);
	unquotes("\"a\\", NULL, 0);
	unquotes("\"a\\\"", NULL, 0);
	unquotes("\"\\256\"", NULL, 0);
	unquotes("\"\\25\"", NULL, 0);
	unquotes("\"\\;\"", NULL, 0);
	unquotes("\"\\", NULL, 0);
	unquotes("\"\\1", NULL, 0);
}

/* Every prefix of some records, each ending at a guard page. */
static void
test_truncated(void)
{
	static const char *const records[] = {
	    "v=STSv1 ; id=a1B2; ext.-_=\"!~; ",
	    "v=TLSRPTv1 ; rua=mailto:a%2c@b?c=d , https://[::1]:443/#e; f=g ; ",
	    "\"v=STSv1; \\\"\\\\\\255\" \"id=1\" "};
	unsigned prefixes = 0, accepted = 0;

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		for (size_t len = 0; len <= strlen(records[i]); len++) {
			char *copy = guard_copy(records[i], len);
			struct sts_span span = {copy, len};
			struct sts_rua_list list;
			char id[STS_ID_MAX + 1], buf[100];
			size_t got;

			accepted += sts_record_sts(&span, 1, id) == STS_OK;
			accepted +=
			    sts_record_tlsrpt(&span, 1, &list) == STS_OK;
			accepted += sts_record_unquote(
					span, buf, sizeof(buf), &got) == STS_OK;
			guard_free(copy, len);
			prefixes++;
		}
	}
	ok(accepted > 10 && accepted < prefixes,
	    "%u truncated records, %u of them well-formed", prefixes, accepted);
}

/* A record is at most 64 KiB on the wire. */
static void
test_huge(void)
{
	enum { HUGE_LEN = 65535 };
	char *text = malloc(HUGE_LEN);
	struct sts_span record = {text, HUGE_LEN};
	struct sts_rua_list list;
	char id[STS_ID_MAX + 1];

	if (!ok(text != NULL, "memory"))
		return;
	memset(text, ';', HUGE_LEN);
	memcpy(text, "v=STSv1", 7);
	is_int(sts_record_sts(&record, 1, id), STS_RECORD_SYNTAX, "all \";\"");
	memset(text, ' ', HUGE_LEN);
	memcpy(text, "v=STSv1;", 8);
	is_int(sts_record_sts(&record, 1, id), STS_RECORD_NO_ID, "blanks");
	memset(text, 'a', HUGE_LEN);
	memcpy(text, "v=STSv1;", 8);
	is_int(sts_record_sts(&record, 1, id), STS_RECORD_SYNTAX, "a name");
	memset(text, '@', HUGE_LEN);
	memcpy(text, "v=TLSRPTv1;rua=mailto:", 22);
	is_int(sts_record_tlsrpt(&record, 1, &list), STS_RECORD_BAD_RUA,
	    "an address");
	free(text);
}

int
main(void)
{
	test_blanks();
	test_delimiters();
	test_id();
	test_duplicates();
	test_extensions();
	test_sets();
	test_rua_lists();
	test_rua_skipped();
	test_uri_bytes();
	test_uri_destinations();
	test_rua_bound();
	test_unquote();
	test_truncated();
	test_huge();
	return tap_done();
}
