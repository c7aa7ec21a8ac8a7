/* SPDX-License-Identifier: ISC */
/*
 * Converts JSON to a report.  The struct borrows the strings of jansson's tree,
 * so that no string is copied; it owns lists and arrays.  Each function below
 * reads one member, at a place that its caller names.
 */
#include "report/report.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cursor.h"
#include "report/datetime.h"
#include "report/json_bounds.h"

enum { REASON_MAX = 160, NO_INDEX = -1 };

struct reader {
	sts_report_fault *fault;
	void *arg;
	unsigned faults;
};

/* A member, or an element of an array, and its parent. */
struct place {
	const struct place *in; /* NULL: the report itself */
	const char *key;        /* a constant, never from the report */
	json_t *value;          /* borrowed; NULL: not there, or null */
	long index;             /* NO_INDEX: a member */
};

/* "policies[0].policy", innermost last. */
static size_t
write_place(const struct place *place, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	if (place == NULL || place->in == NULL)
		return 0;
	used = write_place(place->in, buf, size);
	if (used < size && place->index != NO_INDEX)
		used += (size_t)snprintf(
		    buf + used, size - used, "[%ld]", place->index);
	else if (used < size)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
		    used > 0 ? "." : "", place->key);
	return used;
}

static void fault(struct reader *reader, const struct place *place,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
fault(struct reader *reader, const struct place *place, const char *format, ...)
{
	char where[STS_REPORT_PLACE_MAX], reason[REASON_MAX];
	va_list args;

	if (reader->faults++ >= STS_REPORT_FAULTS_MAX)
		return;
	(void)write_place(place, where, sizeof(where));
	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	reader->fault(reader->arg, where, reason);
}

static struct place
member(const struct place *in, const char *key)
{
	struct place place = {
	    in, key, json_object_get(in->value, key), NO_INDEX};

	if (json_is_null(place.value))
		place.value = NULL;
	return place;
}

static struct place
element(const struct place *in, size_t index)
{
	struct place place = {
	    in, "", json_array_get(in->value, index), (long)index};

	return place;
}

static bool
want_object(struct reader *reader, const struct place *place)
{
	if (json_is_object(place->value))
		return true;
	fault(reader, place,
	    place->value == NULL ? "is missing" : "is not an object");
	return false;
}

/* The string at a place; "" if it is missing or not an acceptable string. */
static const char *
text_at(struct reader *reader, const struct place *place, bool required)
{
	const char *text = json_string_value(place->value);

	if (place->value == NULL) {
		if (required)
			fault(reader, place, "is missing");
	} else if (text == NULL) {
		fault(reader, place, "is not a string");
	} else if (json_string_length(place->value) > STS_REPORT_TEXT_MAX) {
		fault(reader, place, "has more than %d bytes",
		    STS_REPORT_TEXT_MAX);
	} else if (required && text[0] == '\0') {
		fault(reader, place, "is empty");
	} else {
		return text;
	}
	return "";
}

static const char *
text(struct reader *reader, const struct place *in, const char *key)
{
	struct place place = member(in, key);

	return text_at(reader, &place, false);
}

static const char *
required_text(struct reader *reader, const struct place *in, const char *key)
{
	struct place place = member(in, key);

	return text_at(reader, &place, true);
}

/* RFC 8460 4.4: an IPv4 or IPv6 address; "" occurs in practice. */
static const char *
address(struct reader *reader, const struct place *in, const char *key)
{
	struct place place = member(in, key);
	const char *value = text_at(reader, &place, false);
	unsigned char bytes[sizeof(struct in6_addr)];

	if (value[0] != '\0' && inet_pton(AF_INET, value, bytes) != 1 &&
	    inet_pton(AF_INET6, value, bytes) != 1)
		fault(reader, &place, "\"%.100s\" is not an address", value);
	return value;
}

static int64_t
count(struct reader *reader, const struct place *in, const char *key,
    bool required)
{
	struct place place = member(in, key);
	int64_t value = json_integer_value(place.value);

	if (place.value == NULL) {
		if (required)
			fault(reader, &place, "is missing");
	} else if (!json_is_integer(place.value)) {
		fault(reader, &place, "is not an integer");
	} else if (value < 0) {
		fault(reader, &place, "is negative");
	} else if (value > STS_REPORT_COUNT_MAX) {
		fault(reader, &place, "is more than %lld",
		    (long long)STS_REPORT_COUNT_MAX);
	} else {
		return value;
	}
	return 0;
}

/* RFC 3339, or the same without an offset, which is UTC then (Microsoft). */
static bool
parse_date_time(const char *value, int64_t *seconds)
{
	char utc[40];
	int len;

	if (sts_datetime_parse(value, seconds))
		return true;
	len = snprintf(utc, sizeof(utc), "%sZ", value);
	return len > 0 && (size_t)len < sizeof(utc) &&
	    sts_datetime_parse(utc, seconds);
}

static int64_t
date_time(struct reader *reader, const struct place *in, const char *key)
{
	struct place place = member(in, key);
	const char *value = text_at(reader, &place, true);
	int64_t seconds = 0;

	if (value[0] != '\0' && !parse_date_time(value, &seconds))
		fault(reader, &place,
		    "\"%.100s\" is not a date-time of RFC 3339", value);
	return seconds;
}

/* An array of that many elements; 0, with a fault, without memory. */
static size_t
make_array(
    struct reader *reader, const struct place *place, size_t size, void **array)
{
	size_t n = json_array_size(place->value);

	*array = NULL;
	if (n > 0 && (*array = calloc(n, size)) == NULL) {
		fault(reader, place, "no memory");
		return 0;
	}
	return n;
}

/* An array of strings, or one string. */
static void
read_list(struct reader *reader, const struct place *in, const char *key,
    struct sts_report_list *list)
{
	struct place place = member(in, key);
	bool alone = json_is_string(place.value);
	void *array;

	if (place.value == NULL)
		return;
	if (!alone && !json_is_array(place.value)) {
		fault(reader, &place, "is not an array");
		return;
	}
	if (alone) {
		const char *value = text_at(reader, &place, false);

		if (value[0] == '\0')
			return;
		if ((list->text = calloc(1, sizeof(*list->text))) == NULL) {
			fault(reader, &place, "no memory");
			return;
		}
		list->text[list->count++] = value;
		return;
	}
	list->count = make_array(reader, &place, sizeof(*list->text), &array);
	list->text = array;
	for (size_t i = 0; i < list->count; i++) {
		struct place each = element(&place, i);

		list->text[i] = text_at(reader, &each, false);
	}
}

static void
read_failure(struct reader *reader, const struct place *place,
    struct sts_report_failure *failure)
{
	struct place type = member(place, "result-type");
	const char *name;

	if (!want_object(reader, place))
		return;
	name = text_at(reader, &type, true);
	if (name[0] != '\0' && !sts_result_parse(name, &failure->result))
		fault(reader, &type, "\"%.100s\" is not a result type", name);
	failure->sending_ip = address(reader, place, "sending-mta-ip");
	failure->receiving_mx = text(reader, place, "receiving-mx-hostname");
	failure->receiving_helo = text(reader, place, "receiving-mx-helo");
	failure->receiving_ip = address(reader, place, "receiving-ip");
	failure->additional = text(reader, place, "additional-information");
	failure->reason = text(reader, place, "failure-reason-code");
	failure->sessions = count(reader, place, "failed-session-count", true);
}

static void
read_failures(struct reader *reader, const struct place *in,
    struct sts_report_policy *policy)
{
	struct place place = member(in, "failure-details");
	void *array;

	if (place.value == NULL)
		return;
	if (!json_is_array(place.value)) {
		fault(reader, &place, "is not an array");
		return;
	}
	policy->failure_count =
	    make_array(reader, &place, sizeof(*policy->failure), &array);
	policy->failure = array;
	for (size_t i = 0; i < policy->failure_count; i++) {
		struct place each = element(&place, i);

		read_failure(reader, &each, &policy->failure[i]);
	}
}

static void
read_summary(struct reader *reader, const struct place *in,
    struct sts_report_policy *policy)
{
	static const char good[] = "total-successful-session-count";
	static const char bad[] = "total-failure-session-count";
	struct place place = member(in, "summary");
	bool has_other;

	if (!want_object(reader, &place))
		return;
	has_other = member(&place, bad).value != NULL;
	policy->successes = count(reader, &place, good, !has_other);
	policy->failures = count(reader, &place, bad, false);
}

static void
read_policy(struct reader *reader, const struct place *in,
    struct sts_report_policy *policy)
{
	struct place place = member(in, "policy");
	struct place type, domain;
	const char *name;

	if (!want_object(reader, &place))
		return;
	type = member(&place, "policy-type");
	name = text_at(reader, &type, true);
	if (name[0] != '\0' && !sts_policy_type_parse(name, &policy->type))
		fault(reader, &type, "\"%.100s\" is not a policy type", name);
	domain = member(&place, "policy-domain");
	policy->domain = text_at(
	    reader, &domain, policy->type != STS_POLICY_TYPE_NO_POLICY_FOUND);
	read_list(reader, &place, "policy-string", &policy->strings);
	read_list(reader, &place, "mx-host", &policy->mx_hosts);
}

static void
read_policies(
    struct reader *reader, const struct place *root, struct sts_report *report)
{
	struct place place = member(root, "policies");
	void *array;

	if (!json_is_array(place.value)) {
		fault(reader, &place,
		    place.value == NULL ? "is missing" : "is not an array");
		return;
	}
	report->policy_count =
	    make_array(reader, &place, sizeof(*report->policy), &array);
	report->policy = array;
	for (size_t i = 0; i < report->policy_count; i++) {
		struct place each = element(&place, i);

		if (!want_object(reader, &each))
			continue;
		read_policy(reader, &each, &report->policy[i]);
		read_summary(reader, &each, &report->policy[i]);
		read_failures(reader, &each, &report->policy[i]);
	}
}

static void
read_range(
    struct reader *reader, const struct place *root, struct sts_report *report)
{
	struct place place = member(root, "date-range");

	if (!want_object(reader, &place))
		return;
	report->begin = date_time(reader, &place, "start-datetime");
	report->end = date_time(reader, &place, "end-datetime");
	if (reader->faults == 0 && report->end < report->begin)
		fault(reader, &place, "ends before it begins");
}

/* jansson's tree, or NULL with a fault. */
static json_t *
load(struct reader *reader, const char *json, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct sts_cursor c = sts_cursor_make(json, len);
	const char *exceeds = sts_json_exceeds(json, len);
	json_error_t error;
	json_t *value;
	char where[STS_REPORT_PLACE_MAX];

	if (exceeds != NULL) {
		fault(reader, NULL, "%s", exceeds);
		return NULL;
	}
	(void)sts_cursor_literal(&c, mark);
	value = json_loadb(
	    c.p, sts_cursor_left(&c), JSON_REJECT_DUPLICATES, &error);
	if (value == NULL && error.text[0] == '\0') {
		fault(
		    reader, NULL, "no memory"); /* jansson has no word for it */
	} else if (value == NULL) {
		(void)snprintf(where, sizeof(where), "line %d, column %d",
		    error.line, error.column);
		reader->faults++;
		reader->fault(reader->arg, where, error.text);
	}
	return value;
}

bool
sts_report_parse(struct sts_report *report, const char *json, size_t len,
    sts_report_fault *fault_function, void *arg)
{
	struct reader reader = {fault_function, arg, 0};
	struct place root = {NULL, "", NULL, NO_INDEX};

	memset(report, 0, sizeof(*report));
	root.value = load(&reader, json, len);
	report->source = root.value;
	if (root.value != NULL && want_object(&reader, &root)) {
		report->organization =
		    required_text(&reader, &root, "organization-name");
		read_range(&reader, &root, report);
		report->contact = text(&reader, &root, "contact-info");
		report->id = required_text(&reader, &root, "report-id");
		read_policies(&reader, &root, report);
	}
	if (reader.faults == 0)
		return true;
	sts_report_free(report);
	return false;
}

void
sts_report_free(struct sts_report *report)
{
	for (size_t i = 0; i < report->policy_count; i++) {
		free(report->policy[i].strings.text);
		free(report->policy[i].mx_hosts.text);
		free(report->policy[i].failure);
	}
	free(report->policy);
	json_decref(report->source);
	memset(report, 0, sizeof(*report));
}

int64_t
sts_report_day(const struct sts_report *report)
{
	return (report->begin + (report->end - report->begin) / 2) /
	    STS_DAY_SECONDS;
}
