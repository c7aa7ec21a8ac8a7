/* SPDX-License-Identifier: ISC */
/*
 * Members are set one after the other; the first that fails leaves its reason,
 * and all others are then skipped.
 */
#include "report/write.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

struct writer {
	const char *wrong; /* NULL: nothing yet */
};

/* Takes `value` over. */
static void
set(struct writer *writer, json_t *object, const char *key, json_t *value)
{
	if (writer->wrong != NULL)
		json_decref(value);
	else if (value == NULL || json_object_set_new(object, key, value) != 0)
		writer->wrong = "no memory";
}

static void
append(struct writer *writer, json_t *array, json_t *value)
{
	if (writer->wrong != NULL)
		json_decref(value);
	else if (value == NULL || json_array_append_new(array, value) != 0)
		writer->wrong = "no memory";
}

/* jansson makes a string of UTF-8 only. */
static json_t *
text(struct writer *writer, const char *value)
{
	json_t *string = json_string(value);

	if (string == NULL && writer->wrong == NULL)
		writer->wrong = "has a string that is not UTF-8";
	return string;
}

static json_t *
required(struct writer *writer, const char *value, const char *missing)
{
	if (value == NULL || value[0] == '\0') {
		if (writer->wrong == NULL)
			writer->wrong = missing;
		return NULL;
	}
	return text(writer, value);
}

static void
set_if_any(
    struct writer *writer, json_t *object, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		set(writer, object, key, text(writer, value));
}

/* RFC 8460 4.4 refers to RFC 5952, whose form inet_ntop writes. */
static void
set_address(
    struct writer *writer, json_t *object, const char *key, const char *value)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char shown[INET6_ADDRSTRLEN];
	int family;

	if (value == NULL || value[0] == '\0')
		return;
	family = strchr(value, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, value, bytes) == 1 &&
	    inet_ntop(family, bytes, shown, sizeof(shown)) != NULL)
		set(writer, object, key, json_string(shown));
	else if (writer->wrong == NULL)
		writer->wrong = "has an address that is none";
}

static json_t *
list(struct writer *writer, const struct sts_report_list *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strings->count; i++)
		append(writer, array, text(writer, strings->text[i]));
	return array;
}

static json_t *
failure(struct writer *writer, const struct sts_report_failure *from)
{
	json_t *object = json_object();

	set(writer, object, "result-type",
	    required(writer, sts_result_name(from->result),
		"has a failure without a result type"));
	set_address(writer, object, "sending-mta-ip", from->sending_ip);
	set_if_any(writer, object, "receiving-mx-hostname", from->receiving_mx);
	set_if_any(writer, object, "receiving-mx-helo", from->receiving_helo);
	set_address(writer, object, "receiving-ip", from->receiving_ip);
	set(writer, object, "failed-session-count",
	    json_integer(from->sessions));
	set_if_any(writer, object, "additional-information", from->additional);
	set_if_any(writer, object, "failure-reason-code", from->reason);
	return object;
}

/* That the numbers of a policy agree, and are within bounds. */
static void
check_counts(struct writer *writer, const struct sts_report_policy *policy)
{
	int64_t sum = 0;
	bool good = policy->successes >= 0 && policy->failures >= 0 &&
	    policy->successes <= STS_REPORT_COUNT_MAX &&
	    policy->failures <= STS_REPORT_COUNT_MAX;

	for (size_t i = 0; good && i < policy->failure_count; i++) {
		sum += policy->failure[i].sessions;
		good = policy->failure[i].sessions > 0 &&
		    policy->failure[i].sessions <= STS_REPORT_COUNT_MAX &&
		    sum <= policy->failures;
	}
	if (writer->wrong == NULL && (!good || sum != policy->failures))
		writer->wrong = "has failures that do not add up";
}

static json_t *
policy(struct writer *writer, const struct sts_report_policy *from)
{
	json_t *object = json_object(), *about = json_object();
	json_t *counts = json_object(), *failures = json_array();

	check_counts(writer, from);
	set(writer, about, "policy-type",
	    required(writer, sts_policy_type_name(from->type),
		"has a policy without a type"));
	set(writer, about, "policy-string", list(writer, &from->strings));
	set(writer, about, "policy-domain",
	    required(writer, from->domain, "has a policy without a domain"));
	set(writer, about, "mx-host", list(writer, &from->mx_hosts));
	set(writer, counts, "total-successful-session-count",
	    json_integer(from->successes));
	set(writer, counts, "total-failure-session-count",
	    json_integer(from->failures));
	for (size_t i = 0; i < from->failure_count; i++)
		append(writer, failures, failure(writer, &from->failure[i]));
	set(writer, object, "policy", about);
	set(writer, object, "summary", counts);
	set(writer, object, "failure-details", failures);
	return object;
}

static json_t *
range(struct writer *writer, const struct sts_report *report)
{
	json_t *object = json_object();
	char when[STS_TIME_TEXT];

	if (writer->wrong == NULL &&
	    (report->begin <= 0 || report->end < report->begin))
		writer->wrong = "has no range of dates";
	set(writer, object, "start-datetime",
	    json_string(sts_time_text(when, report->begin)));
	set(writer, object, "end-datetime",
	    json_string(sts_time_text(when, report->end)));
	return object;
}

static bool
has_sessions(const struct sts_report *report)
{
	for (size_t i = 0; i < report->policy_count; i++)
		if (report->policy[i].successes > 0 ||
		    report->policy[i].failures > 0)
			return true;
	return false;
}

static json_t *
whole(struct writer *writer, const struct sts_report *report)
{
	json_t *root = json_object(), *policies = json_array();

	set(writer, root, "organization-name",
	    required(writer, report->organization, "has no organization"));
	set(writer, root, "date-range", range(writer, report));
	set(writer, root, "contact-info",
	    required(writer, report->contact, "has no contact"));
	set(writer, root, "report-id",
	    required(writer, report->id, "has no id"));
	for (size_t i = 0; i < report->policy_count; i++)
		append(writer, policies, policy(writer, &report->policy[i]));
	set(writer, root, "policies", policies);
	return root;
}

const char *
sts_report_write(const struct sts_report *report, char **json, size_t *len)
{
	struct writer writer = {NULL};
	json_t *root = whole(&writer, report);

	*json = NULL;
	*len = 0;
	if (writer.wrong == NULL && !has_sessions(report))
		writer.wrong = "has no session";
	if (writer.wrong == NULL &&
	    (*json = json_dumps(root, JSON_COMPACT)) == NULL)
		writer.wrong = "no memory";
	if (*json != NULL)
		*len = strlen(*json);
	json_decref(root);
	return writer.wrong;
}
