/* SPDX-License-Identifier: ISC */
/* Domain names: what is asked about, and in which form. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "core/domain.h"
#include "tests/unit/lib/tap.h"

/*
 * The normal form, or the token of what is wrong.  The input ends, and the
 * room for the output too, where a page begins that cannot be touched.
 */
static void
normal(const char *name, const char *expected)
{
	static const char unset[STS_NAME_MAX + 1] = "unset";
	size_t size = strlen(name) + 1;
	char *copy = guard_copy(name, size);
	char *out = guard_copy(unset, sizeof(unset));
	enum sts_status status = sts_domain_normalise(copy, out);

	is_str(status == STS_OK ? out : sts_status_name(status), expected,
	    "'%s' is %s", name, expected);
	if (status != STS_OK)
		is_str(out, "", "and leaves no name");
	else
		ok(sts_domain_is_normalised(out), "which is normalised");
	guard_free(out, sizeof(unset));
	guard_free(copy, size);
}

static void
test_ascii(void)
{
	normal("example.com", "example.com");
	normal("EXAMPLE.Com", "example.com");
	normal("example.com.", "example.com");
	normal("a", "a");
	normal("a.", "a");
	normal("_dmarc.example.com", "_dmarc.example.com");
	normal("a--b.c-.-d.example", "a--b.c-.-d.example");
	normal("ab--cd.example", "ab--cd.example");
	normal("xn--zzzzzz99.example", "xn--zzzzzz99.example");
	normal("1.example", "1.example");
	normal("example.1a", "example.1a");
}

static void
test_no_domain(void)
{
	normal("", "bad_domain");
	normal(".", "bad_domain");
	normal("..", "bad_domain");
	normal("example.com..", "bad_domain");
	normal(".example.com", "bad_domain");
	normal("a..b", "bad_domain");
	normal("-a.example", "bad_domain");
	normal("-", "bad_domain");
	normal("../etc/passwd", "bad_domain");
	normal("a/b", "bad_domain");
	normal("a b.example", "bad_domain");
	normal(" example.com", "bad_domain");
	normal("example.com\n", "bad_domain");
	normal("*.example.com", "bad_domain");
	normal("a@example.com", "bad_domain");
	normal("example.com:25", "bad_domain");
	normal("[example.com", "bad_domain");
	normal("a\x7f.example", "bad_domain");
	normal("a\\.example", "bad_domain");
}

static void
test_addresses(void)
{
	normal("[192.0.2.1]", "address_literal");
	normal("[IPv6:2001:db8::1]", "address_literal");
	normal("[anything at all]", "address_literal");
	normal("192.0.2.1", "address_literal");
	normal("192.0.2.1.", "address_literal");
	normal("2001:db8::1", "address_literal");
	normal("::ffff:192.0.2.1", "address_literal");
	normal("::", "address_literal");
	normal("1", "address_literal");
	normal("example.123", "address_literal");
	normal("2001:db8::g", "bad_domain");
}

static void
test_unicode(void)
{
	normal("\xc3\xb1"
	       "aca.com",
	    "xn--aca-6ma.com");
	normal("\xc3\x91"
	       "ACA.COM.",
	    "xn--aca-6ma.com");
	normal("n\xcc\x83"
	       "aca.com",
	    "xn--aca-6ma.com");
	normal("fa\xc3\x9f.example", "xn--fa-hia.example");
	normal("_a.\xc3\xb1.example", "_a.xn--ida.example");
	normal("a\xe3\x80\x82"
	       "b",
	    "a.b");
	normal("\xc3\xb1.example\xe3\x80\x82", "xn--ida.example");
	normal("xn--aca-6ma.\xc3\xb1", "xn--aca-6ma.xn--ida");
	normal("\xef\xbc\x91.\xef\xbc\x92", "address_literal");
}

static void
test_bad_unicode(void)
{
	char long_name[1201];

	normal("\xff.example", "bad_idn");
	normal("\xc3.example", "bad_idn");
	normal("\xed\xa0\x80.example", "bad_idn");
	normal("\xc0\xaf.example", "bad_idn");
	normal("\xc3\xb1\xc3", "bad_idn");
	normal("\xe2\x98\x83.example", "bad_idn");
	normal("\xc3\xb1 b.example", "bad_idn");
	normal("\xc3\xb1.xn--zzzzzz99.example", "bad_idn");
	normal("\xe2\x84\x80.example", "bad_domain");
	normal("\xc3\xb1..example", "bad_domain");
	normal("\xc3\xb1.\xc2\xad.example", "bad_domain");
	normal("\xef\xbc\x8d"
	       "a.example",
	    "bad_idn");
	for (size_t i = 0; i < sizeof(long_name) - 1; i += 2)
		memcpy(long_name + i, i == 0 ? "\xc3\xb1" : "\xc2\xad", 2);
	long_name[1002] = '\0';
	normal(long_name, "xn--ida");
	long_name[1002] = '\xc2';
	long_name[1200] = '\0';
	normal(long_name, "bad_idn");
	memset(long_name, 'a', sizeof(long_name) - 1);
	memcpy(long_name, "\xc3\xb1", 2);
	long_name[sizeof(long_name) - 1] = '\0';
	normal(long_name, "bad_idn");
	long_name[300] = '\0';
	normal(long_name, "bad_idn");
}

/* A name of `total` bytes, labels of 61. */
static void
long_name(char *out, size_t total)
{
	for (size_t i = 0; i < total; i++)
		out[i] = i % 62 == 61 ? '.' : 'a';
	out[total] = '\0';
}

static void
test_lengths(void)
{
	char name[300], label[70], expected[300];

	long_name(name, 253);
	normal(name, name);
	snprintf(expected, sizeof(expected), "%s", name);
	strcat(name, ".");
	normal(name, expected);
	long_name(name, 254);
	normal(name, "bad_domain");
	strcat(name, ".");
	normal(name, "bad_domain");
	memset(label, 'a', 64);
	label[64] = '\0';
	normal(label, "bad_domain");
	label[63] = '\0';
	normal(label, label);
}

static void
test_is_normalised(void)
{
	static const char *const good[] = {"a", "a.b", "_a.b", "a-.b", "a.-b"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a",
	    "A.b", "a b", "a/b", "\xc3\xb1", "*.a"};
	char name[300];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(sts_domain_is_normalised(good[i]), "'%s'", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!sts_domain_is_normalised(bad[i]), "not '%s'", bad[i]);
	long_name(name, 253);
	ok(sts_domain_is_normalised(name), "253 bytes");
	long_name(name, 254);
	ok(!sts_domain_is_normalised(name), "not 254");
}

static struct sts_span
span(const char *text)
{
	struct sts_span s = {text, strlen(text)};

	return s;
}

static void
test_spans(void)
{
	ok(sts_domain_is_ldh(span("A.b-c.1")), "LDH");
	ok(!sts_domain_is_ldh(span("a_b")), "no underscore");
	ok(!sts_domain_is_ldh(span("a-")), "no hyphen at the end");
	ok(!sts_domain_is_ldh(span("a.-b")), "nor at the start");
	ok(!sts_domain_is_ldh(span("a.")), "no trailing dot");
	ok(!sts_domain_is_ldh(span("")), "not nothing");
	ok(!sts_domain_is_ldh((struct sts_span){"a\0b", 3}), "no NUL");
	ok(sts_domain_is_ldh((struct sts_span){"ab.", 2}), "only the span");
	ok(sts_domain_is_address_like(span("1.2.3.4")), "an address");
	ok(sts_domain_is_address_like(span("a.1")), "shaped like one");
	ok(sts_domain_is_address_like(span("1")), "a number");
	ok(!sts_domain_is_address_like(span("1.2.3.a")), "not with a letter");
	ok(!sts_domain_is_address_like(span("1.2.3.4a")), "nor a digit first");
	ok(!sts_domain_is_address_like(span("")), "not nothing");
}

/* Turkish has another lower case of "I", and Latin-1 other bytes. */
static void
test_locales(void)
{
	static const char *const locales[] = {
	    "C", "C.UTF-8", "tr_TR.UTF-8", "tr_TR", "de_DE.ISO-8859-1"};

	for (size_t i = 0; i < sizeof(locales) / sizeof(locales[0]); i++) {
		if (setlocale(LC_ALL, locales[i]) == NULL) {
			tap_skip(locales[i], "this locale is not installed");
			continue;
		}
		normal("MI.EXAMPLE", "mi.example");
		normal("\xc3\x91I.com", "xn--i-qga.com");
		normal("\xd1.com", "bad_idn");
	}
	(void)setlocale(LC_ALL, "C");
}

static const char *
override_of(const struct sts_config *config, const char *domain)
{
	static char line[16];
	const struct sts_override *o = sts_domain_override(config, domain);

	if (o == NULL)
		return NULL;
	snprintf(line, sizeof(line), "%u", o->line);
	return line;
}

static void
test_override(void)
{
	char names[][32] = {"*.example.com", "example.com", "*.b.example.com",
	    "example.com", "*.b.example.com", "*.com", "\xc3\xb1.test",
	    "*.\xc3\xb1.test.", "not a name", "*."};
	struct sts_override list[sizeof(names) / sizeof(names[0])];
	struct sts_config config;

	memset(&config, 0, sizeof(config));
	memset(list, 0, sizeof(list));
	ok(sts_domain_override(&config, "example.com") == NULL, "none at all");
	config.overrides = list;
	config.override_count = sizeof(names) / sizeof(names[0]);
	for (size_t i = 0; i < config.override_count; i++) {
		list[i].name = names[i];
		list[i].line = (unsigned)i + 1;
	}
	is_str(override_of(&config, "example.com"), "2", "exact wins");
	is_str(override_of(&config, "a.example.com"), "1", "below");
	is_str(override_of(&config, "x.y.example.com"), "1", "any depth");
	is_str(override_of(&config, "a.b.example.com"), "3",
	    "the longer name, and its first line");
	is_str(override_of(&config, "b.example.com"), "1",
	    "\"*.NAME\" is not NAME itself");
	is_str(override_of(&config, "xyexample.com"), "6", "labels are whole");
	is_str(override_of(&config, "com"), NULL, "com is not below com");
	is_str(override_of(&config, "org"), NULL, "none fits");
	is_str(override_of(&config, "xn--ida.test"), "7", "a U-label");
	is_str(override_of(&config, "a.xn--ida.test"), "8", "with a dot");
	config.overrides[0].name = names[1];
	is_str(override_of(&config, "example.com"), "1", "the first line");
}

/* What an ill-formed line may mean, beside lines that are good. */
static void
test_bad_override(void)
{
	static const struct {
		const char *name;
		enum sts_override_kind kind;
	} lines[] = {{"a.example", STS_OVERRIDE_ENFORCE},
	    {"a.example", STS_OVERRIDE_BAD}, {"p*rtner.example", 0},
	    {"*.example", STS_OVERRIDE_OFF}, {"a.*test", STS_OVERRIDE_BAD},
	    {"partner.example", STS_OVERRIDE_ENFORCE},
	    {"*b*.*", STS_OVERRIDE_BAD}};
	struct sts_override list[sizeof(lines) / sizeof(lines[0])];
	struct sts_config config = {.overrides = list,
	    .override_count = sizeof(lines) / sizeof(lines[0])};
	char names[sizeof(lines) / sizeof(lines[0])][32];

	memset(list, 0, sizeof(list));
	for (size_t i = 0; i < config.override_count; i++) {
		snprintf(names[i], sizeof(names[i]), "%s", lines[i].name);
		list[i].name = names[i];
		list[i].kind = lines[i].kind;
		list[i].line = (unsigned)i + 1;
	}
	list[2].kind = STS_OVERRIDE_BAD;
	is_str(override_of(&config, "a.example"), "2",
	    "of two lines for one name the ill-formed one counts");
	is_str(override_of(&config, "portner.example"), "3",
	    "what it may mean goes before a wildcard");
	is_str(override_of(&config, "partner.example"), "6",
	    "not before a good line for the name itself");
	is_str(override_of(&config, "partners.example"), "4", "whole names");
	is_str(override_of(&config, "a.test"), "5", "\"*\" for nothing");
	is_str(override_of(&config, "a.b.test"), "5", "\"*\" for a label");
	is_str(override_of(&config, "a.test.org"), NULL, "to the end");
	is_str(override_of(&config, "abc.org"), "7", "several \"*\"");
}

int
main(void)
{
	test_ascii();
	test_no_domain();
	test_addresses();
	test_unicode();
	test_bad_unicode();
	test_lengths();
	test_is_normalised();
	test_spans();
	test_locales();
	test_override();
	test_bad_override();
	return tap_done();
}
