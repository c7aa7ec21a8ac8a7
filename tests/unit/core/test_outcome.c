/* SPDX-License-Identifier: ISC */
/*
 * Outcomes as lines: what is written is read back, and what is not spelt as
 * it would be written is not read at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "tests/unit/lib/tap.h"

static struct sts_outcome
example(void)
{
	return (struct sts_outcome){.time = 1800000000,
	    .domain = "d.test",
	    .type = STS_POLICY_TYPE_STS,
	    .fetched = 1799990000,
	    .result = STS_RESULT_CERTIFICATE_EXPIRED,
	    .mx = "mx.d.test",
	    .receiving_ip = "192.0.2.1",
	    .sending_ip = "2001:db8::1",
	    .helo = "mx.d.test",
	    .reason = "certificate-expired",
	    .additional = "probe"};
}

#define EXAMPLE                                                          \
	"1 1800000000 d.test sts 1799990000 certificate-expired "        \
	"mx.d.test 192.0.2.1 2001:db8::1 mx.d.test certificate-expired " \
	"probe ."

/* The line as a string, without its line feeds; "": there is none. */
static const char *
line_of(const struct sts_outcome *o)
{
	static char buf[STS_OUTCOME_LINE_MAX + 1];
	size_t len = sts_outcome_format(o, buf);

	if (len == 0)
		return "";
	if (!ok(buf[0] == '\n' && buf[len - 1] == '\n',
		"a line feed stands at both ends"))
		return "";
	buf[len - 1] = '\0';
	return buf + 1;
}

static bool
parse(const char *line, size_t len, struct sts_outcome *o)
{
	char *copy = guard_copy(line, len);
	bool parsed = sts_outcome_parse((struct sts_span){copy, len}, o);

	guard_free(copy, len);
	return parsed;
}

static bool
is_same(const struct sts_outcome *a, const struct sts_outcome *b)
{
	return a->time == b->time && strcmp(a->domain, b->domain) == 0 &&
	    a->type == b->type && a->fetched == b->fetched &&
	    a->result == b->result && strcmp(a->mx, b->mx) == 0 &&
	    strcmp(a->receiving_ip, b->receiving_ip) == 0 &&
	    strcmp(a->sending_ip, b->sending_ip) == 0 &&
	    strcmp(a->helo, b->helo) == 0 &&
	    strcmp(a->reason, b->reason) == 0 &&
	    strcmp(a->additional, b->additional) == 0;
}

static void
round_trip(const struct sts_outcome *o, const char *what)
{
	struct sts_outcome back;
	const char *line = line_of(o);

	ok(parse(line, strlen(line), &back) && is_same(o, &back),
	    "%s: read back as it was", what);
}

static void
test_form(void)
{
	struct sts_outcome o = example();

	is_str(line_of(&o), EXAMPLE, "each field in its place");
	round_trip(&o, "all fields");
	o = (struct sts_outcome){.time = 1,
	    .domain = "d.test",
	    .type = STS_POLICY_TYPE_NO_POLICY_FOUND};
	is_str(line_of(&o),
	    "1 1 d.test no-policy-found 0 success - - - - - - .",
	    "a success of which nothing else is known");
	round_trip(&o, "no fields");
}

/* Each result type and each policy type of RFC 8460. */
static void
test_types(void)
{
	struct sts_outcome o = example();

	for (int i = STS_RESULT_NONE; i <= STS_RESULT_STS_WEBPKI_INVALID; i++) {
		o.result = (enum sts_result)i;
		round_trip(&o, i == 0 ? "success" : sts_result_name(o.result));
	}
	for (int i = 0; i <= STS_POLICY_TYPE_NO_POLICY_FOUND; i++) {
		o.type = (enum sts_policy_type)i;
		round_trip(&o, sts_policy_type_name(o.type));
	}
}

static void
test_escapes(void)
{
	struct sts_outcome o = example();

	snprintf(o.helo, sizeof(o.helo), "a b%%\n\x7f\xff\t");
	ok(strstr(line_of(&o), " a%20b%25%0A%7F%FF%09 ") != NULL,
	    "a name with blanks, controls and other bytes is one field");
	round_trip(&o, "such a name");
	snprintf(o.helo, sizeof(o.helo), "-");
	ok(strstr(line_of(&o), " %2D ") != NULL, "a name \"-\" is not empty");
	round_trip(&o, "it");
	snprintf(o.helo, sizeof(o.helo), "--");
	round_trip(&o, "two hyphens");
	for (int byte = 1; byte < 256; byte++) {
		snprintf(o.additional, sizeof(o.additional), "%c", byte);
		snprintf(o.helo, sizeof(o.helo), "x%c", byte);
		snprintf(o.mx, sizeof(o.mx), "%c.test", byte);
		round_trip(&o, "any byte");
	}
}

static void
fill(char *field, size_t size, int byte)
{
	memset(field, byte, size - 1);
	field[size - 1] = '\0';
}

static void
long_domain(char *domain)
{
	memset(domain, 'a', STS_NAME_MAX);
	for (size_t i = 63; i < STS_NAME_MAX; i += 64)
		domain[i] = '.';
	domain[STS_NAME_MAX] = '\0';
}

/* 1,000 bytes, whatever an MX host calls itself. */
static void
test_length(void)
{
	struct sts_outcome o = example(), back;
	const char *line;

	long_domain(o.domain);
	long_domain(o.mx);
	fill(o.helo, sizeof(o.helo), 'h');
	fill(o.reason, sizeof(o.reason), 'r');
	fill(o.additional, sizeof(o.additional), 'a');
	line = line_of(&o);
	ok(strlen(line) <= STS_OUTCOME_LINE_MAX - 2, "the line is bounded");
	ok(parse(line, strlen(line), &back) && back.helo[0] == 'h' &&
		back.additional[0] == '\0' && strcmp(back.mx, o.mx) == 0,
	    "of long names the additional text is left out");
	fill(o.helo, sizeof(o.helo), 1);
	line = line_of(&o);
	ok(parse(line, strlen(line), &back) && back.helo[0] == '\0' &&
		back.additional[0] == '\0' && strcmp(back.mx, o.mx) == 0,
	    "then the name that the host gives itself");
	fill(o.mx, sizeof(o.mx), 1);
	is_str(line_of(&o), "", "an MX host of 253 odd bytes has no line");
}

static void
refuses_outcome(const struct sts_outcome *o, const char *what)
{
	is_str(line_of(o), "", "%s is not written", what);
}

static void
test_unsound(void)
{
	struct sts_outcome o = example();

	o.time = 0;
	refuses_outcome(&o, "no time");
	o.time = INT64_C(253402300800);
	refuses_outcome(&o, "the year 10000");
	o = example();
	o.fetched = -1;
	refuses_outcome(&o, "a policy from before 1970");
	o = example();
	strcpy(o.domain, "D.test");
	refuses_outcome(&o, "a domain that is not normalised");
	o.domain[0] = '\0';
	refuses_outcome(&o, "no domain");
	o = example();
	o.type = (enum sts_policy_type)9;
	refuses_outcome(&o, "a type that does not exist");
	o = example();
	o.result = (enum sts_result)99;
	refuses_outcome(&o, "a result that does not exist");
	o = example();
	strcpy(o.reason, "Not a token");
	refuses_outcome(&o, "a reason that is no token");
	strcpy(o.reason, "-");
	refuses_outcome(&o, "a hyphen as a reason");
	o = example();
	strcpy(o.receiving_ip, "[192.0.2.1]");
	strcpy(o.sending_ip, "192.0.2.1%lo");
	ok(strstr(line_of(&o), " mx.d.test - - mx.d.test ") != NULL,
	    "what is no address is left out");
}

static void
refuses(const char *line, const char *what)
{
	struct sts_outcome o;

	ok(!parse(line, strlen(line), &o), "%s is not read", what);
}

/* EXAMPLE with its first `from` replaced. */
static void
refuses_changed(const char *from, const char *to, const char *what)
{
	char line[2000];
	const char *at = strstr(EXAMPLE, from);

	if (at == NULL)
		at = EXAMPLE;
	snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - EXAMPLE), EXAMPLE,
	    to, at + strlen(from));
	refuses(line, what);
}

static void
test_hostile(void)
{
	struct sts_outcome o;
	char line[1200];
	size_t len = strlen(EXAMPLE);

	ok(parse(EXAMPLE, len, &o), "the example is read");
	refuses("", "an empty line");
	for (size_t i = 1; i < len; i++) {
		if (parse(EXAMPLE, i, &o))
			ok(false, "cut off behind %zu bytes", i);
	}
	ok(true, "a line that was cut off anywhere is not read");
	memcpy(line, EXAMPLE, len);
	line[len / 2] = '\0';
	ok(!parse(line, len, &o), "a NUL is not read");
	refuses_changed("1 ", "2 ", "another version");
	refuses_changed("1 ", "P ", "another kind");
	refuses_changed("1800000000", "01800000000", "a leading zero");
	refuses_changed("1800000000", "0", "the time 0");
	refuses_changed("1800000000", "-1", "a time before 1970");
	refuses_changed("1800000000", "9999999999999", "a time beyond");
	refuses_changed("1799990000", "00", "two zeros");
	refuses_changed("d.test", "d..test", "what is no domain");
	refuses_changed("d.test", "D.test", "one in upper case");
	refuses_changed("d.test", "../d.test", "a path");
	refuses_changed(" sts ", " STS ", "an unknown policy type");
	refuses_changed("certificate-expired ", "failure ", "a result");
	refuses_changed("192.0.2.1", "192.0.2.256", "what is no address");
	refuses_changed(" probe ", "  probe ", "two blanks");
	refuses_changed(" probe ", " pro be ", "a field too many");
	refuses_changed(" probe ", " ", "a field too few");
	refuses_changed(" .", " . ", "a blank at the end");
	refuses_changed("probe", "pro\tbe", "a tab");
	refuses_changed("probe",
	    "pro\xff"
	    "be",
	    "a byte above 126");
	refuses_changed("probe", "%70robe", "an escape that was not needed");
	refuses_changed("probe", "pro%2Dbe", "a hyphen escaped among others");
	refuses_changed("probe", "%0a", "small hex digits");
	refuses_changed("probe", "%00", "an escaped NUL");
	refuses_changed("probe", "%0", "half an escape");
	refuses_changed("probe", "%", "less of one");
	refuses_changed("probe", "%0 A", "a blank in one");
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	refuses(line, "a line without end");
	refuses_changed("probe", line, "a long field");
}

static void
test_policy(void)
{
	static const char text[] = "version: STSv1\nmode: testing\n"
				   "mx: mx.d.test\nmax_age: 86400\n";
	static struct sts_outcome_policy p;
	static char buf[STS_OUTCOME_POLICY_LINE_MAX];
	struct sts_span body = {text, strlen(text)};
	struct sts_outcome o;
	size_t len;
	char *copy;

	len = sts_outcome_format_policy(
	    1800000001, "d.test", 1800000000, body, buf);
	ok(len > 0 && buf[0] == '\n' && buf[len - 1] == '\n',
	    "a policy has a line");
	copy = guard_copy(buf + 1, len - 2);
	ok(strncmp(copy, "P 1800000001 d.test 1800000000 version:%20STSv1%0A",
	       50) == 0,
	    "with its text in one field");
	ok(sts_outcome_parse_policy((struct sts_span){copy, len - 2}, &p) &&
		p.time == 1800000001 && p.fetched == 1800000000 &&
		strcmp(p.domain, "d.test") == 0 && p.len == strlen(text) &&
		strcmp(p.text, text) == 0,
	    "it is read back");
	ok(!sts_outcome_parse((struct sts_span){copy, len - 2}, &o),
	    "not as an outcome");
	for (size_t i = 0; i < len - 2; i++) {
		if (sts_outcome_parse_policy((struct sts_span){copy, i}, &p))
			ok(false, "cut off behind %zu bytes", i);
	}
	ok(true, "nor where it was cut off");
	guard_free(copy, len - 2);
	ok(!sts_outcome_parse_policy(
	       (struct sts_span){EXAMPLE, strlen(EXAMPLE)}, &p),
	    "an outcome is no policy");
	is_int((long long)sts_outcome_format_policy(1, "d.test", -1, body, buf),
	    0, "a policy was fetched at some time");
	len = sts_outcome_format_policy(1, "d.test", 0, body, buf);
	ok(len > 0 &&
		sts_outcome_parse_policy(
		    (struct sts_span){buf + 1, len - 2}, &p) &&
		p.fetched == 0 && strcmp(p.text, text) == 0,
	    "or is none");
	is_int((long long)sts_outcome_format_policy(
		   1, "d.test", 1, (struct sts_span){"a\0b", 3}, buf),
	    0, "a NUL is in no policy");
	is_int((long long)sts_outcome_format_policy(
		   1, "d.test", 1, (struct sts_span){text, 0}, buf),
	    0, "nor is none");
}

static void
test_long_policy(void)
{
	static struct sts_outcome_policy p;
	static char buf[STS_OUTCOME_POLICY_LINE_MAX];
	static char text[3 * STS_OUTCOME_POLICY_MAX];
	size_t len = 0, line;

	while (len + 20 < sizeof(text))
		len += (size_t)sprintf(text + len, "mx: a%zu.test\n", len);
	line = sts_outcome_format_policy(
	    2, "d.test", 1, (struct sts_span){text, len}, buf);
	ok(line > 0 &&
		sts_outcome_parse_policy(
		    (struct sts_span){buf + 1, line - 2}, &p) &&
		p.len <= STS_OUTCOME_POLICY_MAX &&
		p.len > STS_OUTCOME_POLICY_MAX - 20 &&
		p.text[p.len - 1] == '\n' && strncmp(text, p.text, p.len) == 0,
	    "of a long policy whole lines are written");
	memset(text, 1, sizeof(text));
	text[STS_OUTCOME_POLICY_MAX - 1] = '\n';
	line = sts_outcome_format_policy(
	    2, "d.test", 1, (struct sts_span){text, sizeof(text)}, buf);
	ok(line > 0 &&
		sts_outcome_parse_policy(
		    (struct sts_span){buf + 1, line - 2}, &p) &&
		p.len == STS_OUTCOME_POLICY_MAX,
	    "though each byte is escaped");
}

static void
test_session(void)
{
	struct sts_outcome o = example();

	ok(sts_outcome_is_session(&o), "a session with an MX host is one");
	o.mx[0] = '\0';
	ok(sts_outcome_is_session(&o),
	    "a failure without one: no MX host is permitted");
	o.result = STS_RESULT_STS_WEBPKI_INVALID;
	ok(!sts_outcome_is_session(&o), "a failed fetch is no session");
	strcpy(o.mx, "mx.d.test");
	ok(sts_outcome_is_session(&o),
	    "a session without the policy that could not be fetched is one");
}

/* The reason of each status that is reported is a token. */
static void
test_failure(void)
{
	struct sts_outcome o = example();

	ok(sts_outcome_set_failure(&o, STS_FETCH_CERT_NAME),
	    "a failed fetch is reported");
	is_int(o.result, STS_RESULT_STS_WEBPKI_INVALID, "by its result type");
	is_str(o.reason, "fetch-cert-name", "and its reason");
	ok(!sts_outcome_set_failure(&o, STS_CA_UNUSABLE),
	    "a local fault is not");
	is_str(o.reason, "fetch-cert-name", "nothing is set then");
	for (int i = 0; i < STS_STATUS_COUNT; i++) {
		if (sts_outcome_set_failure(&o, (enum sts_status)i))
			round_trip(&o, sts_status_name((enum sts_status)i));
	}
}

static void
test_log(void)
{
	struct sts_outcome o = example();
	char text[STS_OUTCOME_LOG_MAX];

	sts_outcome_log_text(&o, text);
	is_str(text,
	    "TLSRPT: status=failure, domain=d.test, receiving_mx=mx.d.test"
	    "[192.0.2.1], failure_type=certificate_expired, "
	    "failure_reason=certificate-expired",
	    "a failure in Postfix's words");
	o.reason[0] = '\0';
	o.result = STS_RESULT_STARTTLS_NOT_SUPPORTED;
	sts_outcome_log_text(&o, text);
	is_str(text,
	    "TLSRPT: status=failure, domain=d.test, receiving_mx=mx.d.test"
	    "[192.0.2.1], failure_type=starttls_not_supported",
	    "without a reason");
	o.result = STS_RESULT_NONE;
	strcpy(o.reason, "not-logged");
	sts_outcome_log_text(&o, text);
	is_str(text,
	    "TLSRPT: status=success, domain=d.test, receiving_mx=mx.d.test"
	    "[192.0.2.1]",
	    "a success");
	long_domain(o.domain);
	long_domain(o.mx);
	o.result = STS_RESULT_CERTIFICATE_HOST_MISMATCH;
	fill(o.reason, sizeof(o.reason), 'r');
	fill(o.receiving_ip, sizeof(o.receiving_ip), '1');
	sts_outcome_log_text(&o, text);
	ok(strstr(text, "failure_reason=rrr") != NULL, "the longest one fits");
}

int
main(void)
{
	test_form();
	test_types();
	test_escapes();
	test_length();
	test_unsound();
	test_hostile();
	test_policy();
	test_long_policy();
	test_session();
	test_failure();
	test_log();
	return tap_done();
}
