/* SPDX-License-Identifier: ISC */
/*
 * Result types of RFC 8460 4.3, and the facts of tests/vectors/
 * tlsrpt_report.json that concern them or report destinations.  The others
 * are facts about whole reports and are skipped by name.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/record.h"
#include "core/result.h"
#include "tests/unit/lib/tap.h"

enum { FACTS_AT_LEAST = 50 };

static void
test_names(void)
{
	enum sts_result result;
	enum sts_policy_type type;
	unsigned i, names = 0;

	for (i = STS_RESULT_STARTTLS_NOT_SUPPORTED;
	     i <= STS_RESULT_STS_WEBPKI_INVALID; i++) {
		const char *name = sts_result_name((enum sts_result)i);

		ok(sts_result_parse(name, &result) && (unsigned)result == i,
		    "%s is read back", name);
		names++;
	}
	is_int(names, 11, "RFC 8460 4.3 has eleven result types");
	is_str(sts_result_name(STS_RESULT_NONE), "", "nothing has no name");
	is_str(sts_result_name((enum sts_result)99), "", "nor out of range");
	ok(!sts_result_parse("", &result), "no name is no result type");
	ok(!sts_result_parse("Validation-Failure", &result), "case matters");
	for (i = STS_POLICY_TYPE_TLSA; i <= STS_POLICY_TYPE_NO_POLICY_FOUND;
	     i++) {
		const char *name =
		    sts_policy_type_name((enum sts_policy_type)i);

		ok(sts_policy_type_parse(name, &type) && (unsigned)type == i,
		    "%s is read back", name);
	}
	is_str(sts_policy_type_name((enum sts_policy_type)99), "",
	    "no policy type out of range");
	ok(!sts_policy_type_parse("", &type), "no name is no policy type");
}

static void
maps(enum sts_status status, enum sts_result result)
{
	is_str(sts_result_name(sts_result_of_status(status)),
	    sts_result_name(result), "%s", sts_status_name(status));
}

static void
test_of_status(void)
{
	maps(STS_FETCH_CERT_EXPIRED, STS_RESULT_STS_WEBPKI_INVALID);
	maps(STS_FETCH_CERT_NAME, STS_RESULT_STS_WEBPKI_INVALID);
	maps(STS_FETCH_CERT_UNTRUSTED, STS_RESULT_STS_WEBPKI_INVALID);
	maps(STS_FETCH_CERT_INVALID, STS_RESULT_STS_WEBPKI_INVALID);
	maps(STS_FETCH_MEDIA_TYPE, STS_RESULT_STS_POLICY_INVALID);
	maps(STS_FETCH_CONNECT, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_FETCH_TIMEOUT, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_FETCH_TLS, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_FETCH_STATUS, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_FETCH_REDIRECT, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_FETCH_TOO_LARGE, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_FETCH_DNS, STS_RESULT_STS_POLICY_FETCH_ERROR);
	maps(STS_POLICY_NO_MX, STS_RESULT_STS_POLICY_INVALID);
	maps(STS_POLICY_BAD_MODE, STS_RESULT_STS_POLICY_INVALID);
	maps(STS_MX_NO_STARTTLS, STS_RESULT_STARTTLS_NOT_SUPPORTED);
	maps(STS_MX_STARTTLS_REFUSED, STS_RESULT_STARTTLS_NOT_SUPPORTED);
	maps(STS_MX_CERT_EXPIRED, STS_RESULT_CERTIFICATE_EXPIRED);
	maps(STS_MX_CERT_NAME, STS_RESULT_CERTIFICATE_HOST_MISMATCH);
	maps(STS_MX_CERT_UNTRUSTED, STS_RESULT_CERTIFICATE_NOT_TRUSTED);
	maps(STS_MX_CERT_INVALID, STS_RESULT_VALIDATION_FAILURE);
	maps(STS_MX_TLS, STS_RESULT_VALIDATION_FAILURE);
	maps(STS_MX_STARTTLS_PLAINTEXT, STS_RESULT_VALIDATION_FAILURE);
	maps(STS_MX_CONNECT, STS_RESULT_NONE);
	maps(STS_MX_TIMEOUT, STS_RESULT_NONE);
	maps(STS_MX_GREETING, STS_RESULT_NONE);
	maps(STS_MX_SMTP, STS_RESULT_NONE);
	maps(STS_OK, STS_RESULT_NONE);
	maps(STS_POLICY_TOO_LARGE, STS_RESULT_NONE);
	maps(STS_WARN_MAX_AGE_CAPPED, STS_RESULT_NONE);
	maps(STS_NO_RECORD, STS_RESULT_NONE);
	maps(STS_RECORD_SYNTAX, STS_RESULT_NONE);
	maps(STS_DNS_SERVFAIL, STS_RESULT_NONE);
	maps(STS_CA_UNUSABLE, STS_RESULT_NONE);
	maps((enum sts_status)9999, STS_RESULT_NONE);
}

/* What is reported is never one of our own faults, and no failure is lost. */
static void
test_every_status(void)
{
	for (unsigned i = 0; i < STS_STATUS_COUNT; i++) {
		enum sts_status status = (enum sts_status)i;
		enum sts_class class = sts_status_class(status);
		bool warning =
		    strncmp(sts_status_name(status), "warn_", 5) == 0;
		bool want =
		    (class == STS_CLASS_FETCH || class == STS_CLASS_POLICY) &&
		    !warning && status != STS_POLICY_TOO_LARGE;

		/* Each by name, in test_of_status. */
		if (class == STS_CLASS_MX)
			continue;
		ok((sts_result_of_status(status) != STS_RESULT_NONE) == want,
		    "%s is %s", sts_status_name(status),
		    want ? "reported" : "not reported");
	}
}

static const char *
member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* The destinations as one record's rua: all of them usable, or not. */
static void
check_destinations(const json_t *fact, bool valid)
{
	char text[1000] = "v=TLSRPTv1; rua=";
	struct sts_span record = {text, 0};
	struct sts_rua_list list;
	const json_t *value;
	enum sts_status status;
	size_t i;

	json_array_foreach(json_object_get(fact, "value"), i, value)
	{
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i > 0 ? "," : "", json_string_value(value));
	}
	record.len = strlen(text);
	status = sts_record_tlsrpt(&record, 1, &list);
	ok((status == STS_OK && list.unusable == 0) == valid, "%s: %s is %s",
	    member(fact, "id"), text, valid ? "valid" : "invalid");
	if (valid)
		is_int((long long)list.count, (long long)i, "%s: each is kept",
		    member(fact, "id"));
}

/* One fact; false where it is not about what core/ decides. */
static bool
check_fact(const json_t *fact)
{
	const char *id = member(fact, "id"), *what = member(fact, "what");
	const char *text = member(fact, "value");
	const json_t *value = json_object_get(fact, "value");
	const char *result_name = member(value, "result-type");
	bool valid = strcmp(member(fact, "verdict"), "valid") == 0;
	enum sts_result result;
	enum sts_policy_type type;

	if (strcmp(what, "result-type") == 0)
		ok(sts_result_parse(text, &result) == valid,
		    "%s: result type %s", id, text);
	else if (strcmp(what, "policy-type") == 0)
		ok(sts_policy_type_parse(text, &type) == valid,
		    "%s: policy type %s", id, text);
	else if (strncmp(what, "rua ", 4) == 0)
		check_destinations(fact, valid);
	else if (result_name[0] != '\0')
		ok(sts_result_parse(result_name, &result), "%s: %s is %s", id,
		    what, result_name);
	else if (strncmp(what, "policy host certificate not valid", 33) == 0)
		test_of_status();
	else
		return false;
	return true;
}

static void
test_facts(void)
{
	json_error_t error;
	json_t *facts =
	    json_load_file("tests/vectors/tlsrpt_report.json", 0, &error);
	const json_t *fact;
	size_t i;

	if (!ok(json_is_array(facts), "tlsrpt_report.json is read"))
		return;
	json_array_foreach(facts, i, fact)
	{
		if (!check_fact(fact)) {
			char why[300];

			snprintf(why, sizeof(why), "not decided in core/: %s",
			    member(fact, "what"));
			tap_skip(member(fact, "id"), why);
		}
	}
	ok(i >= FACTS_AT_LEAST, "%zu facts were read", i);
	json_decref(facts);
}

int
main(void)
{
	test_names();
	test_of_status();
	test_every_status();
	test_facts();
	return tap_done();
}
