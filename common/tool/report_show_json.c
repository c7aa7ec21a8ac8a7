/* SPDX-License-Identifier: ISC */
/* A domain of `report show` as JSON, in the words of RFC 8460 4.4. */
#include <jansson.h>

#include "tool/query_command.h"
#include "tool/report_command.h"

/* An unknown value is null. */
static json_t *
text_or_null(const char *text)
{
	return text[0] != '\0' ? sts_json_text(text) : json_null();
}

static bool
set_failure(json_t *object, const struct sts_report_failure *f)
{
	return object != NULL &&
	    sts_json_set(object, "result_type",
		json_string(sts_result_name(f->result))) &&
	    sts_json_set(object, "sessions", json_integer(f->sessions)) &&
	    sts_json_set(object, "receiving_mx_hostname",
		text_or_null(f->receiving_mx)) &&
	    sts_json_set(
		object, "receiving_ip", text_or_null(f->receiving_ip)) &&
	    sts_json_set(
		object, "receiving_mx_helo", text_or_null(f->receiving_helo)) &&
	    sts_json_set(
		object, "sending_mta_ip", text_or_null(f->sending_ip)) &&
	    sts_json_set(
		object, "failure_reason_code", text_or_null(f->reason)) &&
	    sts_json_set(
		object, "additional_information", text_or_null(f->additional));
}

/* Appends an object that is `good`; else the list is freed, and NULL. */
static json_t *
append(json_t *list, json_t *object, bool good)
{
	if (list != NULL && good)
		return sts_json_append(list, object);
	json_decref(object);
	json_decref(list);
	return NULL;
}

static json_t *
failures_json(const struct sts_report_policy *report)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < report->failure_count; i++) {
		json_t *object = json_object();

		list = append(
		    list, object, set_failure(object, &report->failure[i]));
	}
	return list;
}

static bool
set_policy(json_t *object, const struct sts_aggregate_policy *policy)
{
	const struct sts_report_policy *report = &policy->report;

	return object != NULL &&
	    sts_json_set(object, "policy_type",
		json_string(sts_policy_type_name(report->type))) &&
	    sts_json_set(object, "fetched", sts_json_time(policy->fetched)) &&
	    sts_json_set(
		object, "successful", json_integer(report->successes)) &&
	    sts_json_set(object, "failed", json_integer(report->failures)) &&
	    sts_json_set(object, "failures", failures_json(report));
}

json_t *
sts_report_domain_json(const char *domain,
    const struct sts_aggregate_policy *policies, size_t count)
{
	json_t *root = json_object(), *list = json_array();
	bool good;

	for (size_t i = 0; list != NULL && i < count; i++) {
		json_t *object = json_object();

		list = append(list, object, set_policy(object, &policies[i]));
	}
	/* Takes over the list, also from a call that fails. */
	good = sts_json_set(root, "policy_domain", sts_json_text(domain));
	if (sts_json_set(root, "policies", list) && good)
		return root;
	json_decref(root);
	return NULL;
}
