/* SPDX-License-Identifier: ISC */
/*
 * Each fact of tests/vectors/tlsrpt_report.json that concerns a report, by its
 * id.  Those about record sets and destinations are decided in core/, and
 * tests/unit/core/test_result.c has them.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/datetime.h"
#include "report/message.h"
#include "report/report.h"
#include "report/write.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"

enum { FACTS_AT_LEAST = 50 };

static const char *
member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static bool
reads(struct sts_report *report, const char *json, const char *id)
{
	const char *faults;

	(void)report_parse(report, json, &faults);
	return is_str(faults, "", "%s: the report is read", id);
}

/* The report of a day with `from` changed to `to`; what is wrong with it. */
static bool
reads_changed(
    struct sts_report *report, const char *from, const char *to, const char *id)
{
	char *json = json_text(report_of_a_day, from, to);
	bool good = reads(report, json, id);

	free(json);
	return good;
}

/* A result type or a policy type, as the row's verdict has it. */
static void
check_type(const json_t *fact, const char *there, const char *place)
{
	const char *id = member(fact, "id"), *value = member(fact, "value");
	bool valid = strcmp(member(fact, "verdict"), "valid") == 0;
	char expected[300] = "", quoted[100];
	struct sts_report report;
	const char *faults;
	char *json;

	snprintf(quoted, sizeof(quoted), "'%s'", value);
	if (!valid)
		snprintf(expected, sizeof(expected), "%s: \"%s\" is not a %s",
		    place, value,
		    strstr(place, "policy-type") != NULL ? "policy type"
							 : "result type");
	json = json_text(report_of_a_day, there, quoted);
	(void)report_parse(&report, json, &faults);
	is_str(faults, expected, "%s: %s is %s", id, value,
	    member(fact, "verdict"));
	sts_report_free(&report);
	free(json);
}

static void
check_result_type(const json_t *fact)
{
	check_type(fact, "'certificate-expired'",
	    "policies[0].failure-details[0].result-type");
}

static void
check_policy_type(const json_t *fact)
{
	check_type(fact, "'sts'", "policies[0].policy.policy-type");
}

/* A failure of this type and reason is read as it stands. */
static void
check_mapping(const json_t *fact)
{
	const json_t *value = json_object_get(fact, "value");
	const char *id = member(fact, "id");
	char failure[300];
	struct sts_report report;

	snprintf(failure, sizeof(failure),
	    "'result-type': '%s', 'failure-reason-code': '%s'",
	    member(value, "result-type"), member(value, "failure-reason-code"));
	if (reads_changed(
		&report, "'result-type': 'certificate-expired'", failure, id)) {
		const struct sts_report_failure *first =
		    report.policy[0].failure;

		is_str(sts_result_name(first->result),
		    member(value, "result-type"), "%s: its type", id);
		is_str(first->reason, member(value, "failure-reason-code"),
		    "%s: its reason", id);
	}
	sts_report_free(&report);
}

static void
check_begin(const json_t *fact)
{
	const char *day = strrchr(member(fact, "what"), ' ') + 1;
	int64_t number = 0;

	ok(sts_date_parse(day, &number), "%s: %s", member(fact, "id"), day);
	is_int(number * STS_DAY_SECONDS,
	    json_integer_value(json_object_get(fact, "value")),
	    "%s: the day begins at this second", member(fact, "id"));
}

static void
rep_002(const json_t *fact)
{
	char *json = json_dumps(json_object_get(fact, "value"), 0);
	struct sts_report report;

	if (reads(&report, json, "REP-002"))
		is_str(report.policy[0].mx_hosts.text[0],
		    "*.mail.company-y.example", "mx-host as a string");
	sts_report_free(&report);
	free(json);
}

static void
rep_025(const json_t *fact)
{
	char *policy = json_dumps(json_object_get(fact, "value"), 0);
	char *changed = malloc(strlen(policy) + 40);
	struct sts_report report;

	sprintf(changed, "'policies': [%s, ", policy);
	if (reads_changed(&report, "'policies': [", changed, "REP-025")) {
		is_str(sts_policy_type_name(report.policy[0].type),
		    "no-policy-found", "the type");
		is_str(report.policy[0].domain, "", "no domain");
		is_int(report.policy[0].successes, 1, "one session");
		is_int(report.policy[0].failures, 0, "none failed");
	}
	sts_report_free(&report);
	free(changed);
	free(policy);
}

static void
rep_027(const json_t *fact)
{
	struct sts_report report;

	(void)fact;
	if (reads_changed(&report, ", 'mx-host': ['*.mail.example.com']", "",
		"REP-027")) {
		is_int((long long)report.policy[0].mx_hosts.count, 0,
		    "no mx-host");
		is_str(report.policy[0].failure[0].receiving_helo, "",
		    "no receiving-mx-helo");
	}
	sts_report_free(&report);
}

static void
rep_029(const json_t *fact)
{
	static const char json[] =
	    "{'organization-name': 'x', 'date-range': {'start-datetime': "
	    "'2024-09-28T00:00:00Z', 'end-datetime': '2024-09-29T00:00:00Z'}, "
	    "'contact-info': null, 'report-id': '1', 'policies': [{'policy': "
	    "{'policy-type': 'no-policy-found', 'policy-string': [], "
	    "'policy-domain': 'example.com', 'mx-host': []}, 'summary': "
	    "{'total-successful-session-count': 3, "
	    "'total-failure-session-count': 0}}]}";
	char *text = json_text(json, NULL, NULL), day[STS_DATE_TEXT];
	struct sts_report report;

	(void)fact;
	if (reads(&report, text, "REP-029")) {
		is_str(report.contact, "", "contact-info null");
		is_str(sts_date_text(day, sts_report_day(&report)),
		    "2024-09-28", "the day that ends at the next midnight");
	}
	sts_report_free(&report);
	free(text);
}

static void
rep_030(const json_t *fact)
{
	struct sts_report report;

	(void)fact;
	if (reads_changed(&report, "'198.51.100.62'", "''", "REP-030"))
		is_str(report.policy[0].failure[2].sending_ip, "",
		    "sending-mta-ip is empty");
	sts_report_free(&report);
}

static void
rep_031(const json_t *fact)
{
	static const char *const reasons[] = {
	    "mtasts-policy-mx-mismatch", "MX not authorized by policy."};
	struct sts_report report;

	(void)fact;
	for (size_t i = 0; i < 2; i++) {
		if (reads_changed(&report,
			"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", reasons[i],
			"REP-031"))
			is_str(report.policy[0].failure[2].reason, reasons[i],
			    "the reason as it stands");
		sts_report_free(&report);
	}
}

static void
rep_042(const json_t *fact)
{
	struct sts_report report;

	(void)fact;
	if (reads_changed(
		&report, "'version: STSv1'", "'3 1 1 AB12CD'", "REP-042"))
		is_str(report.policy[0].strings.text[0], "3 1 1 AB12CD",
		    "a record of tlsa");
	sts_report_free(&report);
}

static void
rep_043(const json_t *fact)
{
	char *json =
	    json_text(report_of_a_day, "203.0.113.56", "203.0.113.056");
	struct sts_report report;
	const char *faults;

	(void)fact;
	ok(!report_parse(&report, json, &faults),
	    "REP-043: an address with a zero in front is refused");
	free(json);
	if (reads_changed(
		&report, "2001:db8:abcd:0012::1", "2001:db8::1", "REP-043"))
		is_str(report.policy[0].failure[0].sending_ip, "2001:db8::1",
		    "an address in its short form");
	sts_report_free(&report);
}

static void
rep_044(const json_t *fact)
{
	struct sts_report report;

	(void)fact;
	if (reads_changed(&report, NULL, NULL, "REP-044"))
		is_int(report.end - report.begin, 86399,
		    "from 00:00:00Z to 23:59:59Z");
	sts_report_free(&report);
}

static void
count_json(void *arg, const char *json, size_t len)
{
	unsigned *count = arg;

	(void)json;
	(void)len;
	(*count)++;
}

static void
count_fault(void *arg, const char *reason)
{
	(void)arg;
	(void)reason;
}

/* How many reports there are in a mail. */
static unsigned
reports_in(const char *mail)
{
	unsigned count = 0;
	const struct sts_message_sink sink = {count_json, count_fault, &count};

	(void)sts_message_read(mail, strlen(mail), &sink);
	return count;
}

static void
rep_056(const json_t *fact)
{
	static const char part[] = "Content-Type: multipart/%s; boundary=b\n\n"
				   "--b\nContent-Type: application/tlsrpt+json"
				   "\n\n{}\n--b--\n";
	char mail[200];

	(void)fact;
	snprintf(mail, sizeof(mail), part, "related");
	is_int(reports_in(mail), 0, "REP-056: nothing in multipart/related");
	snprintf(mail, sizeof(mail), part, "report");
	is_int(reports_in(mail), 1, "REP-056: the same in multipart/report");
}

static void
rep_058(const json_t *fact)
{
	(void)fact;
	is_int(reports_in("Content-Type: application/tlsrpt+json\n\n{}\n"), 1,
	    "REP-058: a mail that is a report");
}

static void
rep_026(const json_t *fact)
{
	struct sts_report_policy policy = {
	    .type = STS_POLICY_TYPE_NO_POLICY_FOUND,
	    .domain = "example.com",
	    .successes = 1};
	struct sts_report report = {
	    "o", "a@b.example", "1", 1795305600, 1795391999, &policy, 1, NULL};
	char *json;
	size_t len;

	(void)fact;
	is_str(sts_report_write(&report, &json, &len), NULL,
	    "REP-026: a report without a policy is written");
	ok(json != NULL &&
		strstr(json, "\"policy-domain\":\"example.com\"") != NULL,
	    "REP-026: with its policy-domain");
	free(json);
}

static void
rep_059(const json_t *fact)
{
	struct sts_report_mail about = {
	    "a@b.example", "c@d.example", "b.example", "d.example", 1795392000};
	struct sts_report report = {
	    "o", "a@b.example", "1", 1795305600, 1795391999, NULL, 0, NULL};
	char *mail;
	size_t len;

	(void)fact;
	is_str(sts_report_write_mail(&about, &report, "x", 1, &mail, &len),
	    NULL, "REP-059: a mail is written");
	ok(mail != NULL && strstr(mail, "\nTLS-Required: No\n") != NULL,
	    "REP-059: with TLS-Required");
	free(mail);
}

static const struct {
	const char *id;
	void (*check)(const json_t *fact);
} facts_by_id[] = {
    {"REP-002", rep_002},
    {"REP-025", rep_025},
    {"REP-026", rep_026},
    {"REP-027", rep_027},
    {"REP-029", rep_029},
    {"REP-030", rep_030},
    {"REP-031", rep_031},
    {"REP-042", rep_042},
    {"REP-043", rep_043},
    {"REP-044", rep_044},
    {"REP-056", rep_056},
    {"REP-058", rep_058},
    {"REP-059", rep_059},
};

static bool
check_by_id(const json_t *fact)
{
	for (size_t i = 0; i < sizeof(facts_by_id) / sizeof(facts_by_id[0]);
	     i++) {
		if (strcmp(member(fact, "id"), facts_by_id[i].id) == 0) {
			facts_by_id[i].check(fact);
			return true;
		}
	}
	return false;
}

/* False where it is not about a report. */
static bool
check_fact(const json_t *fact)
{
	const char *what = member(fact, "what");

	if (strcmp(what, "result-type") == 0)
		check_result_type(fact);
	else if (strcmp(what, "policy-type") == 0)
		check_policy_type(fact);
	else if (strncmp(what, "begin-timestamp ", 16) == 0)
		check_begin(fact);
	else if (json_is_object(json_object_get(fact, "value")) &&
	    strcmp(member(fact, "verdict"), "mapping") == 0)
		check_mapping(fact);
	else
		return check_by_id(fact);
	return true;
}

int
main(void)
{
	json_t *facts =
	    json_load_file("tests/vectors/tlsrpt_report.json", 0, NULL);
	const json_t *fact;
	size_t i;

	ok(json_is_array(facts), "tlsrpt_report.json is read");
	json_array_foreach(facts, i, fact)
	{
		if (!check_fact(fact))
			tap_skip(member(fact, "id"), member(fact, "what"));
	}
	ok(i >= FACTS_AT_LEAST, "%zu facts were read", i);
	json_decref(facts);
	return tap_done();
}
