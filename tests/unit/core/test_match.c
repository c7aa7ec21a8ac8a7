/* SPDX-License-Identifier: ISC */
/* MX hosts against mx patterns, RFC 8461 4.1, beyond the rows of tests/vectors.
 */
#include <string.h>

#include "core/policy.h"
#include "tests/unit/lib/tap.h"

static void
matches(const char *pattern, const char *host)
{
	ok(sts_mx_match(pattern, host), "'%s' matches '%s'", pattern, host);
}

static void
differs(const char *pattern, const char *host)
{
	ok(!sts_mx_match(pattern, host), "'%s' does not match '%s'", pattern,
	    host);
}

static void
test_hosts(void)
{
	matches("mx.example.com", "mx.example.com.");
	matches("*.example.com", "MX.EXAMPLE.COM.");
	matches("*.example.com", "mx_1.example.com");
	matches("*.example.com", "xn--mx-lka.example.com");
	matches("*.xn--aca-6ma.com",
	    "mx.\xc3\x91"
	    "aca.com");
	matches("*.example.com", "\xc3\xb1.example.com");
	differs("mx.example.com", "mx.example.com..");
	differs("mx.example.com", "mx.example.com ");
	differs("*.example.com", ".example.com");
	differs("*.example.com", "..example.com");
	differs("*.example.com", "*.example.com");
	differs("*.example.com", "a b.example.com");
	differs("*.example.com", "\xff.example.com");
	differs("*.example.com", "");
	differs("mx.example.com", "mx.example.co");
	differs("mx.example.com", "mx.example.com.net");
	differs("*.example.com", "mx.example.com.net");
	differs("*.example.com", "mx.xexample.com");
}

static void
test_patterns(void)
{
	differs("mx.example.com.", "mx.example.com");
	differs("*.example.com.", "mx.example.com");
	differs("m\xc3\xb8x.example", "m\xc3\xb8x.example");
	differs("mx_1.example.com", "mx_1.example.com");
	differs("*.*.com", "a.b.com");
	differs("**.com", "a.com");
	differs("m*.example.com", "mx.example.com");
	differs(".example.com", "mx.example.com");
	differs(" mx.example.com", "mx.example.com");
	differs("", "");
	differs("*", "*");
}

static void
test_addresses(void)
{
	differs("192.0.2.1", "192.0.2.1");
	differs("192.0.2.1", "[192.0.2.1]");
	differs("*.0.2.1", "192.0.2.1");
	differs("2001:db8::1", "2001:db8::1");
	differs("*.1", "a.1");
}

static void
test_pattern_check(void)
{
	static const char *const good[] = {"a", "*.a", "A.b-c.D", "1.2.3.4"};
	static const char *const bad[] = {"", "*", "*.", "*a.b", "a.*", "*.*.a",
	    "a.", "a..b", "_a.b", "-a.b"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_int(sts_pattern_check(good[i]), STS_OK, "pattern '%s'",
		    good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(sts_pattern_check(bad[i]), STS_BAD_PATTERN,
		    "no pattern '%s'", bad[i]);
}

static void
test_policy_permits(void)
{
	const char *text = "version: STSv1\nmode: enforce\nmax_age: 1\n"
			   "mx: MX.example.com\nmx: *.Example.NET\n"
			   "mx: 192.0.2.1\n";
	struct sts_policy policy;

	if (!ok(sts_policy_parse(&policy, text, strlen(text), NULL, NULL) ==
		    STS_OK,
		"a policy"))
		return;
	ok(sts_policy_permits(&policy, "mx.example.com"), "by name");
	ok(sts_policy_permits(&policy, "Mx.Example.Com."), "in any case");
	ok(sts_policy_permits(&policy, "a.example.net"), "by wildcard");
	ok(!sts_policy_permits(&policy, "example.net"), "not the name itself");
	ok(!sts_policy_permits(&policy, "a.b.example.net"), "not two labels");
	ok(!sts_policy_permits(&policy, "192.0.2.1"), "never an address");
	ok(!sts_policy_permits(&policy, ""), "nor nothing");
	ok(!sts_policy_permits(&policy, "\xff"), "nor what is no name");
}

int
main(void)
{
	test_hosts();
	test_patterns();
	test_addresses();
	test_pattern_check();
	test_policy_permits();
	return tap_done();
}
