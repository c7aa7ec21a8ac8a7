/* SPDX-License-Identifier: ISC */
/*
 * Reports as they are sent: each fits
 * tests/unit/data/report/tlsrpt.schema.json, written from RFC 8460 4.4, and is
 * read back as it was; the file's name, the mail around it.
 */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "report/datetime.h"
#include "report/gzip.h"
#include "report/message.h"
#include "report/report.h"
#include "report/write.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"
#include "tests/unit/lib/tap_schema.h"

/* A report that was written by hand; what the test changes it restores. */
static struct sts_report_failure failures[] = {
    {STS_RESULT_CERTIFICATE_EXPIRED, "2001:0db8::0001", "mx1.example.com", "",
	"203.0.113.56", "", "", 100},
    {STS_RESULT_STARTTLS_NOT_SUPPORTED, "192.0.2.1", "mx2.example.com", "mx2",
	"2001:db8::2", "", "", 200},
    {STS_RESULT_VALIDATION_FAILURE, "192.0.2.1", "mx3.example.com", "", "",
	"https://sender.example/\xc3\xa4", "mtasts-policy-mx-mismatch", 3},
};
static const char *policy_lines[] = {
    "version: STSv1", "mode: testing", "mx: *.example.com", "max_age: 86400"};
static const char *policy_hosts[] = {"*.example.com"};
static struct sts_report_policy policies[] = {
    {STS_POLICY_TYPE_STS, "example.com", {policy_lines, 4}, {policy_hosts, 1},
	5326, 303, failures, 3},
    {STS_POLICY_TYPE_NO_POLICY_FOUND, "example.com", {NULL, 0}, {NULL, 0}, 7, 0,
	NULL, 0},
};
static struct sts_report by_hand = {"Company-X", "tls@sender.example",
    "2026-11-22.example.com", 1795305600, 1795305600 + 86399, policies, 2,
    NULL};

static bool
same_list(const struct sts_report_list *a, const struct sts_report_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->text[i], b->text[i]) == 0;
	return same;
}

static bool
same_failure(
    const struct sts_report_failure *a, const struct sts_report_failure *b)
{
	return a->result == b->result && a->sessions == b->sessions &&
	    strcmp(a->receiving_mx, b->receiving_mx) == 0 &&
	    strcmp(a->receiving_helo, b->receiving_helo) == 0 &&
	    strcmp(a->receiving_ip, b->receiving_ip) == 0 &&
	    strcmp(a->additional, b->additional) == 0 &&
	    strcmp(a->reason, b->reason) == 0;
}

static bool
same_policy(
    const struct sts_report_policy *a, const struct sts_report_policy *b)
{
	bool same = a->type == b->type && strcmp(a->domain, b->domain) == 0 &&
	    same_list(&a->strings, &b->strings) &&
	    same_list(&a->mx_hosts, &b->mx_hosts) &&
	    a->successes == b->successes && a->failures == b->failures &&
	    a->failure_count == b->failure_count;

	for (size_t i = 0; same && i < a->failure_count; i++)
		same = same_failure(&a->failure[i], &b->failure[i]);
	return same;
}

/* All but the form of sending_ip. */
static bool
same_report(const struct sts_report *a, const struct sts_report *b)
{
	bool same = strcmp(a->organization, b->organization) == 0 &&
	    strcmp(a->contact, b->contact) == 0 && strcmp(a->id, b->id) == 0 &&
	    a->begin == b->begin && a->end == b->end &&
	    a->policy_count == b->policy_count;

	for (size_t i = 0; same && i < a->policy_count; i++)
		same = same_policy(&a->policy[i], &b->policy[i]);
	return same;
}

static void
test_round_trip(void)
{
	struct sts_report back;
	char *json;
	const char *faults;
	size_t len;

	if (!is_str(sts_report_write(&by_hand, &json, &len), NULL,
		"a report is written"))
		return;
	is_int((long long)len, (long long)strlen(json), "its length");
	is_str(schema_fits(json), "", "it fits the schema");
	ok(report_parse(&back, json, &faults), "it is read");
	ok(same_report(&by_hand, &back), "and has the same data");
	if (back.policy_count == 2)
		is_str(back.policy[0].failure[0].sending_ip, "2001:db8::1",
		    "an address in the form of RFC 5952");
	ok(strstr(json,
	       "\"policy-type\":\"no-policy-found\","
	       "\"policy-string\":[],\"policy-domain\":"
	       "\"example.com\",\"mx-host\":[]}") != NULL,
	    "REP-026: every member of a policy, where there is none");
	ok(strstr(json,
	       "\"total-failure-session-count\":0},"
	       "\"failure-details\":[]}") != NULL,
	    "failure-details without a failure");
	ok(strstr(json,
	       "\"start-datetime\":\"2026-11-22T00:00:00Z\","
	       "\"end-datetime\":\"2026-11-22T23:59:59Z\"") != NULL,
	    "REP-044: the day from 00:00:00Z to 23:59:59Z");
	sts_report_free(&back);
	free(json);
}

/* The schema notices what it is there for. */
static void
test_schema(void)
{
	static const struct {
		const char *from, *to, *expected;
	} rows[] = {
	    {"\"contact-info\":\"tls@sender.example\"", "\"contact-info\":null",
		"type: contact-info"},
	    {"\"mx-host\":[\"*.example.com\"]", "\"mx-host\":\"*.example.com\"",
		"type: mx-host"},
	    {"\"policy-domain\":\"example.com\",", "",
		"missing: policy-domain"},
	    {",\"failure-details\":[]", "", "missing: failure-details"},
	    {"\"2001:db8::1\"", "\"\"", "format: sending-mta-ip"},
	    {"\"192.0.2.1\"", "\"192.0.02.1\"", "format: sending-mta-ip"},
	    {"certificate-expired", "certificate-expire",
		"not in the list: result-type"},
	    {":5326", ":-1", "minimum: total-successful-session-count"},
	    {":5326", ":1.5", "type: total-successful-session-count"},
	    {"\"report-id\"", "\"x\":1,\"report-id\"", "additional: x"},
	    {"2026-11-22T00:00:00Z", "2026-11-22", "format: start-datetime"},
	};
	char *json, *changed;
	size_t len;

	if (sts_report_write(&by_hand, &json, &len) != NULL)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		changed = json_text(json, rows[i].from, rows[i].to);
		is_str(schema_fits(changed), rows[i].expected, "the schema: %s",
		    rows[i].to);
		free(changed);
	}
	free(json);
}

static void
refuses(const char *reason)
{
	char *json;
	size_t len;

	is_str(sts_report_write(&by_hand, &json, &len), reason,
	    "not written: a report that %s", reason);
	ok(json == NULL, "and nothing is left");
	free(json);
}

/* Sets a member for one refusal. */
#define REFUSES(member, value, reason)                            \
	do {                                                      \
		struct sts_report was = by_hand;                  \
		struct sts_report_policy policy0 = policies[0];   \
		struct sts_report_failure failure0 = failures[0]; \
		(member) = (value);                               \
		refuses(reason);                                  \
		by_hand = was;                                    \
		policies[0] = policy0;                            \
		failures[0] = failure0;                           \
	} while (0)

static void
test_refusals(void)
{
	REFUSES(by_hand.organization, "", "has no organization");
	REFUSES(by_hand.contact, NULL, "has no contact");
	REFUSES(by_hand.id, "", "has no id");
	REFUSES(by_hand.organization, "\xff", "has a string that is not UTF-8");
	REFUSES(by_hand.end, 1, "has no range of dates");
	REFUSES(policies[0].domain, "", "has a policy without a domain");
	REFUSES(policies[0].type, (enum sts_policy_type)99,
	    "has a policy without a type");
	REFUSES(policies[0].failures, 302, "has failures that do not add up");
	REFUSES(policies[0].failures, 304, "has failures that do not add up");
	REFUSES(policies[0].successes, -1, "has failures that do not add up");
	REFUSES(failures[0].sessions, 0, "has failures that do not add up");
	REFUSES(
	    failures[0].sessions, INT64_MAX, "has failures that do not add up");
	REFUSES(failures[0].result, STS_RESULT_NONE,
	    "has a failure without a result type");
	REFUSES(failures[0].sending_ip, "mail.example",
	    "has an address that is none");
	REFUSES(failures[0].reason, "\xc3", "has a string that is not UTF-8");
	REFUSES(by_hand.policy_count, 0, "has no session");
}

/* Reports of every type, with and without each member. */
static void
test_many(void)
{
	unsigned bad = 0, reports = 0;

	for (unsigned seed = 0; seed < 1024; seed++) {
		struct sts_report_failure failure = {
		    (enum sts_result)(1 + seed % 11),
		    seed & 1 ? "192.0.2.1" : "", seed & 2 ? "mx.example" : "",
		    seed & 4 ? "helo" : "", seed & 8 ? "2001:db8::1" : "",
		    seed & 16 ? "\"\\\n\xe2\x82\xac" : "",
		    seed & 32 ? "reason" : "", 1 + seed};
		struct sts_report_policy policy = {
		    (enum sts_policy_type)(seed % 3), "example.com",
		    {policy_lines, seed % 5}, {policy_hosts, seed % 2},
		    seed & 64 ? (int64_t)seed << 20 : 0, 1 + seed, &failure, 1};
		struct sts_report report = {"\xc3\x9c", "a@b.example", "x",
		    1795305600, 1795305600 + 86399, &policy, 1, NULL};
		struct sts_report back;
		const char *faults;
		char *json;
		size_t len;

		if (sts_report_write(&report, &json, &len) != NULL) {
			bad++;
			continue;
		}
		if (schema_fits(json)[0] != '\0' ||
		    !report_parse(&back, json, &faults) ||
		    !same_report(&report, &back))
			bad++;
		reports++;
		sts_report_free(&back);
		free(json);
	}
	is_int(bad, 0, "%u reports fit the schema and are read as they were",
	    reports);
}

static void
test_gzip(void)
{
	char *json, *packed, *again, *back;
	size_t len, packed_len, again_len, back_len;

	(void)sts_report_write(&by_hand, &json, &len);
	ok(sts_gzip_pack(json, len, &packed, &packed_len), "it is packed");
	ok(sts_gzip_pack(json, len, &again, &again_len) &&
		packed_len == again_len &&
		memcmp(packed, again, packed_len) == 0,
	    "the same bytes each time");
	ok(packed_len > 10 && memcmp(packed + 4, "\0\0\0\0", 4) == 0,
	    "without a time, RFC 1952 2.3");
	ok(sts_gzip_unpack(packed, packed_len, len, &back, &back_len) == NULL &&
		back_len == len && memcmp(back, json, len) == 0,
	    "and unpacked as it was");
	free(back);
	ok(sts_gzip_pack("", 0, &back, &back_len) && back_len > 0, "nothing");
	free(back);
	free(again);
	free(packed);
	free(json);
}

static void
names_file(const char *submitter, const char *domain, const char *expected)
{
	char buf[STS_REPORT_FILE_MAX];
	bool good = sts_report_file_name(buf, submitter, domain, &by_hand);

	is_str(good ? buf : NULL, expected, "the file of %s about %s",
	    submitter, domain);
}

static void
test_file_names(void)
{
	names_file("sender.example", "example.com",
	    "sender.example!example.com!1795305600!1795391999!"
	    "20261122examplecom.json.gz");
	names_file("Sender.example.",
	    "b\xc3\xbc"
	    "cher.example",
	    "sender.example!xn--bcher-kva.example!1795305600!1795391999!"
	    "20261122examplecom.json.gz");
	names_file("sender.example", "../x", NULL);
	names_file("a!b", "example.com", NULL);
	names_file("", "example.com", NULL);
}

static struct sts_report from_mail;
static unsigned mails, mail_faults;

static void
take_fault(void *arg, const char *place, const char *reason)
{
	(void)arg;
	tap_diag("%s: %s", place, reason);
}

static void
on_json(void *arg, const char *json, size_t len)
{
	(void)sts_report_parse(&from_mail, json, len, take_fault, arg);
	mails++;
}

static void
on_fault(void *arg, const char *reason)
{
	(void)arg;
	(void)reason;
	mail_faults++;
}

static char *
write_mail(const struct sts_report_mail *about, const char **reason)
{
	char *json, *packed, *mail;
	size_t len, packed_len, mail_len;

	(void)sts_report_write(&by_hand, &json, &len);
	(void)sts_gzip_pack(json, len, &packed, &packed_len);
	*reason = sts_report_write_mail(
	    about, &by_hand, packed, packed_len, &mail, &mail_len);
	free(json);
	free(packed);
	return mail;
}

static const struct sts_report_mail good_mail = {"tls@sender.example",
    "reports@example.com", "sender.example", "example.com", 1795392000};

static void
has_field(const char *mail, const char *field)
{
	const char *end = strstr(mail, "\n\n"), *at = strstr(mail, field);

	ok(at != NULL && at < end && (at == mail || at[-1] == '\n') &&
		at[strlen(field)] == '\n',
	    "the mail has %s", field);
}

static void
test_mail(void)
{
	const struct sts_message_sink sink = {on_json, on_fault, NULL};
	const char *reason, *line_end;
	char *mail = write_mail(&good_mail, &reason);
	size_t longest = 0;

	if (!is_str(reason, NULL, "a mail is written"))
		return;
	has_field(mail, "From: <tls@sender.example>");
	has_field(mail, "To: <reports@example.com>");
	has_field(mail, "Date: Mon, 23 Nov 2026 00:00:00 +0000");
	has_field(mail,
	    "Subject: Report Domain: example.com\n Submitter: "
	    "sender.example\n Report-ID: "
	    "<2026-11-22.example.com@sender.example>");
	has_field(mail, "Message-ID: <2026-11-22.example.com@sender.example>");
	has_field(mail, "TLS-Report-Domain: example.com");
	has_field(mail, "TLS-Report-Submitter: sender.example");
	has_field(mail, "TLS-Required: No"); /* REP-059 */
	has_field(mail, "Auto-Submitted: auto-generated");
	has_field(mail, "MIME-Version: 1.0");
	ok(strstr(mail, "multipart/report; report-type=\"tlsrpt\"") != NULL,
	    "multipart/report with its report-type");
	ok(strstr(mail, "Content-Type: application/tlsrpt+gzip") != NULL,
	    "application/tlsrpt+gzip");
	ok(strchr(mail, '\r') == NULL, "lines end with LF");
	for (const char *p = mail; (line_end = strchr(p, '\n')) != NULL;
	     p = line_end + 1)
		if ((size_t)(line_end - p) > longest)
			longest = (size_t)(line_end - p);
	ok(longest <= 110, "lines are short: %zu", longest);
	ok(sts_message_read(mail, strlen(mail), &sink) == NULL && mails == 1 &&
		mail_faults == 0,
	    "one report is found in it");
	ok(same_report(&by_hand, &from_mail), "the same");
	sts_report_free(&from_mail);
	free(mail);
}

static void
refuses_mail(struct sts_report_mail about, const char *what)
{
	const char *reason;
	char *mail = write_mail(&about, &reason);

	ok(reason != NULL && mail == NULL, "no mail: %s (%s)", what, reason);
	free(mail);
}

static void
test_mail_refusals(void)
{
	static const char *const addresses[] = {"", "a", "@b.example", "a@",
	    "a@b\nBcc: c@d.example", "a\n@b.example", "a b@c.example",
	    "a@b.example, c@d.example", "<a@b.example>", "-oQ/tmp@b.example",
	    "\"a\"@b.example", "a@b@c.example", "\xc3\xa4@b.example",
	    "a@[192.0.2.1]"};
	struct sts_report_mail about;
	const char *id = by_hand.id;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		about = good_mail;
		about.to = addresses[i];
		refuses_mail(about, addresses[i]);
	}
	about = good_mail;
	about.from = "a\nb@c.example";
	refuses_mail(about, "a line feed in From");
	about = good_mail;
	about.domain = "a\nb";
	refuses_mail(about, "a line feed in the domain");
	by_hand.id = "a>\nBcc: x";
	refuses_mail(good_mail, "a line feed in the id");
	by_hand.id = id;
}

static void
date_is(int64_t when, const char *expected)
{
	struct sts_report_mail about = good_mail;
	const char *reason;
	char *mail;

	about.date = when;
	mail = write_mail(&about, &reason);
	has_field(mail, expected);
	free(mail);
}

int
main(void)
{
	ok(schema_load(), "the schema is JSON");
	test_round_trip();
	test_schema();
	test_refusals();
	test_many();
	test_gzip();
	test_file_names();
	test_mail();
	test_mail_refusals();
	date_is(0, "Date: Thu, 01 Jan 1970 00:00:00 +0000");
	date_is(INT64_C(4102444799), "Date: Thu, 31 Dec 2099 23:59:59 +0000");
	date_is(1709208000, "Date: Thu, 29 Feb 2024 12:00:00 +0000");
	schema_free();
	return tap_done();
}
