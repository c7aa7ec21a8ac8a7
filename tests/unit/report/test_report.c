/* SPDX-License-Identifier: ISC */
/*
 * Reports as data, RFC 8460 4.4: what is read of one, what is taken although it
 * is not as the RFC has it, what is refused, and the place that is named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/datetime.h"
#include "report/report.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"

/* The report of a day with one thing changed is taken. */
static void
takes(const char *from, const char *to, const char *what)
{
	char *json = json_text(report_of_a_day, from, to);
	struct sts_report report;
	const char *faults;

	(void)report_parse(&report, json, &faults);
	is_str(faults, "", "taken: %s", what);
	sts_report_free(&report);
	free(json);
}

/* It is refused, for exactly this. */
static void
refuses(
    const char *from, const char *to, const char *expected, const char *what)
{
	char *json = json_text(report_of_a_day, from, to);
	struct sts_report report;
	const char *faults;
	bool good = report_parse(&report, json, &faults);

	is_str(faults, expected, "refused: %s", what);
	ok(!good && report.policy_count == 0 && report.source == NULL,
	    "and nothing of it is left: %s", what);
	sts_report_free(&report);
	free(json);
}

static void
test_failure_details(const struct sts_report_policy *policy)
{
	const struct sts_report_failure *failure;

	if (!ok(policy->failure_count == 3, "three kinds of failure"))
		return;
	failure = &policy->failure[0];
	is_str(sts_result_name(failure->result), "certificate-expired",
	    "result-type");
	is_str(failure->sending_ip, "2001:db8:abcd:0012::1",
	    "an address with zeros in front, as in the RFC's example");
	is_str(failure->receiving_mx, "mx1.mail.example.com",
	    "receiving-mx-hostname");
	is_str(failure->receiving_helo, "", "no receiving-mx-helo");
	is_str(failure->receiving_ip, "", "no receiving-ip");
	is_int(failure->sessions, 100, "failed-session-count");
	failure = &policy->failure[1];
	is_str(failure->receiving_ip, "203.0.113.56", "receiving-ip");
	is_str(failure->additional, "https://reports.company-x.example/i/5065",
	    "additional-information");
	failure = &policy->failure[2];
	is_str(failure->receiving_helo, "mx-backup", "receiving-mx-helo");
	is_str(failure->reason, "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
	    "failure-reason-code");
}

static void
test_example(void)
{
	char *json = json_text(report_of_a_day, NULL, NULL);
	struct sts_report report;
	const struct sts_report_policy *policy;
	const char *faults;
	char day[STS_DATE_TEXT];

	if (!ok(report_parse(&report, json, &faults), "%s",
		"the example of RFC 8460, appendix B, is read"))
		tap_diag("%s", faults);
	is_str(report.organization, "Company-X", "organization-name");
	is_str(report.contact, "sts@company-x.example", "contact-info");
	is_str(report.id, "r1", "report-id");
	is_int(report.begin, 1459468800, "start-datetime");
	is_int(report.end, 1459468800 + 86399, "end-datetime");
	is_str(sts_date_text(day, sts_report_day(&report)), "2016-04-01",
	    "the day");
	if (!ok(report.policy_count == 1, "one policy"))
		return;
	policy = report.policy;
	is_str(sts_policy_type_name(policy->type), "sts", "policy-type");
	is_str(policy->domain, "example.com", "policy-domain");
	is_int((long long)policy->strings.count, 4, "policy-string: four");
	is_str(policy->strings.text[2], "mx: *.mail.example.com", "the third");
	is_int((long long)policy->mx_hosts.count, 1, "mx-host: one");
	is_int(policy->successes, 5326, "total-successful-session-count");
	is_int(policy->failures, 303, "total-failure-session-count");
	test_failure_details(policy);
	sts_report_free(&report);
	free(json);
}

/* What senders in the field write. */
static void
test_leniency(void)
{
	takes("['*.mail.example.com']", "'*.mail.example.com'",
	    "mx-host as a string (RFC 8460, appendix B)");
	takes("['*.mail.example.com']", "null", "mx-host null");
	takes("['*.mail.example.com']", "''", "mx-host an empty string");
	takes(", 'mx-host': ['*.mail.example.com']", "", "no mx-host");
	takes("'sending-mta-ip': '198.51.100.62', ", "",
	    "no sending-mta-ip (Microsoft)");
	takes("'198.51.100.62'", "''", "sending-mta-ip \"\" (Google)");
	takes("'198.51.100.62'", "null", "sending-mta-ip null");
	takes("'sts@company-x.example'", "null", "contact-info null");
	takes(
	    "'contact-info': 'sts@company-x.example', ", "", "no contact-info");
	takes("'report-id': 'r1'", "'report-id': '2024+09+28@x!y'",
	    "a \"+\" in the report id");
	takes("2016-04-01T23:59:59Z", "2016-04-02T00:00:00Z",
	    "an end that is the beginning of the next day");
	takes("2016-04-01T23:59:59Z", "2016-04-01T23:59:59",
	    "a date-time without an offset (Microsoft)");
	takes("'receiving-ip': '203.0.113.56'", "'receiving-ip': ''",
	    "receiving-ip \"\"");
	takes("'mx2.mail.example.com'", "''", "receiving-mx-hostname \"\"");
	takes("'failed-session-count': 100", "'failed-session-count': 1000",
	    "failures that are listed once for each address (Google)");
	takes("{'organization-name'",
	    "{'version': 2, 'x': [{'y': null}], 'organization-name'",
	    "members that the RFC does not have");
	takes("{'policy-type'", "{'policy-ttl': 3600, 'policy-type'",
	    "and inside a policy");
	takes("{'organization-name'", "\xef\xbb\xbf{'organization-name'",
	    "a byte order mark");
	takes("'policy-string': [", "'policy-string': ['', ",
	    "an empty policy string");
}

static void
test_tlsa_and_none(void)
{
	takes("'policy-type': 'sts', 'policy-string': ['version: STSv1', "
	      "'mode: testing', 'mx: *.mail.example.com', 'max_age: 86400']",
	    "'policy-type': 'tlsa', 'policy-string': "
	    "['[\\\"3 1 1 AB12\\\",\\\"3 1 1 CD34\\\"]']",
	    "records of tlsa as one JSON string in a list (Microsoft)");
	takes("'policy-type': 'sts', 'policy-string': ['version: STSv1', "
	      "'mode: testing', 'mx: *.mail.example.com', 'max_age: 86400'], "
	      "'policy-domain': 'example.com', 'mx-host': "
	      "['*.mail.example.com']",
	    "'policy-type': 'no-policy-found'",
	    "no-policy-found and nothing beside it");
	takes(", 'total-failure-session-count': 303", "",
	    "a summary without failures");
	takes("'total-successful-session-count': 5326, ", "",
	    "a summary without successes");
}

static void
test_no_details(void)
{
	char *json =
	    json_text(report_of_a_day, ", 'failure-details': [", ", 'x': [");
	struct sts_report report;
	const char *faults;

	ok(report_parse(&report, json, &faults), "taken: no failure-details");
	ok(report.policy_count == 1 && report.policy[0].failure_count == 0 &&
		report.policy[0].failures == 303,
	    "the failures of the summary count");
	sts_report_free(&report);
	free(json);
	takes("'failure-details': [", "'failure-details': null, 'x': [",
	    "failure-details null");
}

static void
test_counts(void)
{
	static const char place[] = "policies[0].summary."
				    "total-successful-session-count: ";
	char expected[200];
	const struct {
		const char *value, *reason;
	} rows[] = {
	    {"-1", "is negative"},
	    {"-9223372036854775808", "is negative"},
	    {"1000000000001", "is more than 1000000000000"},
	    {"9223372036854775807", "is more than 1000000000000"},
	    {"5326.0", "is not an integer"},
	    {"5e3", "is not an integer"},
	    {"'5326'", "is not an integer"},
	    {"true", "is not an integer"},
	    {"[]", "is not an integer"},
	};

	takes("5326", "0", "a count of 0");
	takes("5326", "1000000000000", "the largest count");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(
		    expected, sizeof(expected), "%s%s", place, rows[i].reason);
		refuses("5326", rows[i].value, expected, rows[i].value);
	}
	refuses("'failed-session-count': 3,", "'failed-session-count': -3,",
	    "policies[0].failure-details[2].failed-session-count: is negative",
	    "a negative count of one failure");
	refuses("'failed-session-count': 100", "'x': 100",
	    "policies[0].failure-details[0].failed-session-count: is missing",
	    "a failure without a count");
	refuses("{'total-successful-session-count': 5326, "
		"'total-failure-session-count': 303}",
	    "{}",
	    "policies[0].summary.total-successful-session-count: "
	    "is missing",
	    "a summary without counts");
}

static void
test_places(void)
{
	refuses("'Company-X'", "7", "organization-name: is not a string",
	    "organization-name a number");
	refuses("'organization-name': 'Company-X', ", "",
	    "organization-name: is missing", "no organization-name");
	refuses("'r1'", "''", "report-id: is empty", "an empty report-id");
	refuses("'contact-info': 'sts@company-x.example'",
	    "'contact-info': ['a']", "contact-info: is not a string",
	    "contact-info an array");
	refuses("'date-range': {", "'date-range': [], 'x': {",
	    "date-range: is not an object", "date-range an array");
	refuses("'date-range'", "'range'", "date-range: is missing",
	    "no date-range");
	refuses("'end-datetime'", "'end'",
	    "date-range.end-datetime: is missing", "no end");
	refuses("2016-04-01T23:59:59Z", "2016-04-01",
	    "date-range.end-datetime: \"2016-04-01\" is not a date-time of "
	    "RFC 3339",
	    "a day as the end");
	refuses("2016-04-01T23:59:59Z", "2016-03-31T23:59:59Z",
	    "date-range: ends before it begins", "an end before the beginning");
	refuses("'policies': [", "'policies': {}, 'x': [",
	    "policies: is not an array", "policies an object");
	refuses(
	    "'policies'", "'policy'", "policies: is missing", "no policies");
	refuses("'policies': [", "'policies': [7, ",
	    "policies[0]: is not an object", "a number as a policy");
	refuses("{'policy': {", "{'policy': [], 'x': {",
	    "policies[0].policy: is not an object", "policy an array");
	refuses("'policy-type': 'sts'", "'policy-type': 'mta-sts'",
	    "policies[0].policy.policy-type: \"mta-sts\" is not a policy type",
	    "an unknown type of policy");
	refuses("'policy-domain': 'example.com', ", "",
	    "policies[0].policy.policy-domain: is missing",
	    "sts without a policy-domain");
	refuses("'mode: testing'", "7",
	    "policies[0].policy.policy-string[1]: is not a string",
	    "a number among the policy's lines");
	refuses("['*.mail.example.com']", "{}",
	    "policies[0].policy.mx-host: is not an array", "mx-host an object");
	refuses("'summary'", "'x'", "policies[0].summary: is missing",
	    "no summary");
	refuses("'failure-details': [{", "'failure-details': {}, 'x': [{",
	    "policies[0].failure-details: is not an array",
	    "failure-details an object");
	refuses("'certificate-expired'", "'mta-sts-failed'",
	    "policies[0].failure-details[0].result-type: "
	    "\"mta-sts-failed\" is not a result type",
	    "an unknown result type");
	refuses("'result-type': 'validation-failure', ", "",
	    "policies[0].failure-details[2].result-type: is missing",
	    "a failure without its type");
	refuses("203.0.113.58", "203.0.113.058",
	    "policies[0].failure-details[2].receiving-ip: "
	    "\"203.0.113.058\" is not an address",
	    "an address with a zero in front");
	refuses("198.51.100.62", "mail.example",
	    "policies[0].failure-details[2].sending-mta-ip: "
	    "\"mail.example\" is not an address",
	    "a name as an address");
	refuses("'Company-X', 'date-range': {'start-datetime': '2016",
	    "null, 'date-range': {'start-datetime': '16",
	    "organization-name: is missing; date-range.start-datetime: "
	    "\"16-04-01T00:00:00Z\" is not a date-time of RFC 3339",
	    "two faults: each is named");
}

static void
test_syntax(void)
{
	struct sts_report report;
	const char *faults;

	ok(!report_parse(&report, "", &faults), "no byte");
	ok(strncmp(faults, "line 1, column 0: ", 18) == 0, "is line 1");
	ok(!report_parse(&report, "[]", &faults), "an array");
	is_str(faults, ": is not an object", "is no report");
	ok(!report_parse(&report, "7", &faults), "a number");
	ok(!report_parse(&report, "{\n\"a\": x}", &faults), "no JSON");
	ok(strncmp(faults, "line 2, column ", 15) == 0, "and its line: %s",
	    faults);
	ok(!report_parse(&report, "{\"a\": 1,\n\"a\": 1}", &faults) &&
		strncmp(faults, "line 2, ", 8) == 0,
	    "a member twice (RFC 7493 2.3)");
	ok(!report_parse(&report, "{\"a\": \"\\u0000\"}", &faults), "a NUL");
	ok(!report_parse(&report, "{\"a\": \"\xff\"}", &faults), "not UTF-8");
	ok(!report_parse(&report, "{} {}", &faults), "two texts");
}

/* `unit` repeated within brackets. */
static void
refuses_many(size_t times, const char *unit, const char *expected)
{
	size_t len = strlen(unit);
	char *json = malloc(times * len + 16);
	struct sts_report report;
	const char *faults;
	size_t used = 0;

	used += (size_t)sprintf(json, "{\"x\":[");
	for (size_t i = 0; i < times; i++) {
		memcpy(json + used, unit, len);
		used += len;
	}
	strcpy(json + used, "0]}");
	ok(!report_parse(&report, json, &faults), "%zu times %s", times, unit);
	is_str(faults, expected, "is %s", expected);
	free(json);
}

static void
test_bounds(void)
{
	char big[STS_REPORT_TEXT_MAX + 16], *json;
	struct sts_report report;
	const char *faults;

	memset(big, 'a', sizeof(big));
	big[0] = big[STS_REPORT_TEXT_MAX + 2] = '\'';
	big[STS_REPORT_TEXT_MAX + 3] = '\0';
	refuses("'r1'", big, "report-id: has more than 4096 bytes",
	    "a string of 4097 bytes");
	big[STS_REPORT_TEXT_MAX + 1] = '\'';
	big[STS_REPORT_TEXT_MAX + 2] = '\0';
	takes("'r1'", big, "a string of 4096 bytes");
	refuses_many(600000, "{},", ": has more than 500000 values");
	refuses_many(
	    STS_REPORT_JSON_MAX / 4 + 1, "    ", ": has more than 10 MiB");
	refuses_many(31, "[", ": is nested more than 32 levels deep");
	refuses_many(100000, "[", ": is nested more than 32 levels deep");
	/* Brackets in strings are none. */
	json = json_text(report_of_a_day, "'Company-X'",
	    "'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[['");
	ok(report_parse(&report, json, &faults), "brackets in a string");
	sts_report_free(&report);
	free(json);
}

static void
test_many_faults(void)
{
	char *policies = malloc(20000), *json;
	struct sts_report report;
	const char *faults;
	unsigned count = 0;

	strcpy(policies, "'policies': [");
	for (unsigned i = 0; i < 1000; i++)
		strcat(policies, "7, ");
	json = json_text(report_of_a_day, "'policies': [", policies);
	ok(!report_parse(&report, json, &faults), "a thousand faults");
	for (const char *p = faults; (p = strchr(p, ':')) != NULL; p++)
		count++;
	is_int(count, STS_REPORT_FAULTS_MAX, "twenty are told");
	free(json);
	free(policies);
}

static void
date_is(const char *text, int64_t expected)
{
	int64_t seconds = -1;

	ok(sts_datetime_parse(text, &seconds) == (expected >= 0), "%s is %s",
	    text, expected >= 0 ? "a date-time" : "none");
	if (expected >= 0)
		is_int(seconds, expected, "%s", text);
}

static void
test_datetimes(void)
{
	date_is("1970-01-01T00:00:00Z", 0);
	date_is("2024-02-29T12:00:00Z", 1709208000);
	date_is("2016-04-01t00:00:00z", 1459468800);
	date_is("2016-04-01 00:00:00Z", 1459468800);
	date_is("2016-04-01T00:00:00.000123Z", 1459468800);
	date_is("2016-04-01T00:00:00+00:00", 1459468800);
	date_is("2016-04-01T02:00:00+02:00", 1459468800);
	date_is("2016-03-31T18:30:00-05:30", 1459468800);
	date_is("2016-12-31T23:59:60Z", 1483228800);
	date_is("2038-01-19T03:14:08Z", INT64_C(2147483648));
	date_is("9999-12-31T23:59:59Z", INT64_C(253402300799));
	date_is("2016-04-01T00:00:00", -1);
	date_is("2016-04-01", -1);
	date_is("", -1);
	date_is("2016-04-01T00:00:00Z ", -1);
	date_is(" 2016-04-01T00:00:00Z", -1);
	date_is("2016-4-1T00:00:00Z", -1);
	date_is("2016-04-01T00:00:00.Z", -1);
	date_is("2016-04-01T00:00:00+0200", -1);
	date_is("2016-04-01T00:00:00+24:00", -1);
	date_is("2016-04-01T24:00:00Z", -1);
	date_is("2016-04-01T00:60:00Z", -1);
	date_is("2016-04-01T00:00:61Z", -1);
	date_is("2016-13-01T00:00:00Z", -1);
	date_is("2016-00-01T00:00:00Z", -1);
	date_is("2016-04-31T00:00:00Z", -1);
	date_is("2023-02-29T00:00:00Z", -1);
	date_is("2100-02-29T00:00:00Z", -1);
	date_is("1969-12-31T23:59:59Z", -1);
	date_is("1970-01-01T00:00:00+01:00", -1);
	date_is("20160401T000000Z", -1);
	date_is("1459468800", -1);
}

static void
test_days(void)
{
	char buf[STS_DATE_TEXT];
	int64_t day, wrong = 0;

	for (int64_t i = 0; i < 2932897; i++) {
		if (!sts_date_parse(sts_date_text(buf, i), &day) || day != i)
			wrong++;
	}
	is_int(wrong, 0, "each day from 1970 to 9999 is read as it is written");
	is_str(sts_date_text(buf, 0), "1970-01-01", "the first");
	is_str(sts_date_text(buf, 19782), "2024-02-29", "a leap day");
	is_str(sts_date_text(buf, 2932896), "9999-12-31", "the last");
	ok(!sts_date_parse("2024-02-30", &day), "no 30th of February");
	ok(!sts_date_parse("2024-02-01T", &day), "a day and no more");
}

/* begin and end, and the day that the report is counted for. */
static void
test_day_of_report(void)
{
	const struct {
		const char *begin, *end, *day, *what;
	} rows[] = {
	    {"2016-04-01T00:00:00Z", "2016-04-02T00:00:00Z", "2016-04-01",
		"an end at the next midnight"},
	    {"2016-04-01T00:00:00+02:00", "2016-04-01T23:59:59+02:00",
		"2016-04-01", "a day east of Greenwich"},
	    {"2016-04-01T00:00:00-08:00", "2016-04-01T23:59:59-08:00",
		"2016-04-01", "a day west of it"},
	    {"2016-04-01T10:00:00Z", "2016-04-01T10:00:00Z", "2016-04-01",
		"a moment"},
	};
	struct sts_report report = {0};
	char buf[STS_DATE_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)sts_datetime_parse(rows[i].begin, &report.begin);
		(void)sts_datetime_parse(rows[i].end, &report.end);
		is_str(sts_date_text(buf, sts_report_day(&report)), rows[i].day,
		    "%s", rows[i].what);
	}
}

int
main(void)
{
	test_example();
	test_leniency();
	test_tlsa_and_none();
	test_no_details();
	test_counts();
	test_places();
	test_syntax();
	test_bounds();
	test_many_faults();
	test_datetimes();
	test_days();
	test_day_of_report();
	return tap_done();
}
