/* SPDX-License-Identifier: ISC */
/* `mta-sts check --json`; mta-sts(1) promises the names. */
#include <stdlib.h>

#include <jansson.h>

#include "base/escape.h"
#include "publish/publish.h"
#include "tool/check_command.h"
#include "tool/query_command.h"

struct result {
	unsigned count[STS_PUBLISH_PROBLEM + 1]; /* by severity */
	json_t *array;
};

static void
append_finding(void *arg, const struct sts_publish_finding *f)
{
	struct result *r = arg;

	r->count[f->severity]++;
	r->array = sts_json_append(r->array,
	    json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "severity",
		sts_publish_severity_name(f->severity), "part",
		sts_publish_part_name(f->part), "token", f->token, "subject",
		f->subject[0] != '\0' ? sts_json_text(f->subject) : json_null(),
		"cause", sts_json_text(f->cause), "fix",
		sts_json_text(f->fix)));
}

static json_t *
record_json(const struct sts_published *p)
{
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_published_id(p, id);

	return json_pack("{s:s, s:o}", "status", sts_status_name(status), "id",
	    status == STS_OK ? sts_json_text(id) : json_null());
}

static json_t *
host_json(const struct sts_published *p)
{
	const struct sts_published_page *page = &p->page[STS_URL_POLICY];
	bool answered = page->status == STS_OK;

	return json_pack("{s:s, s:o, s:o, s:o}", "status",
	    sts_status_name(page->status), "certificate",
	    answered ? json_string(sts_status_name(page->certificate))
		     : json_null(),
	    "http_status", answered ? json_integer(page->http) : json_null(),
	    "media_type",
	    page->type[0] != '\0' ? sts_json_text(page->type) : json_null());
}

static json_t *
policy_json(const struct sts_published *p)
{
	struct sts_policy policy;
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	json_t *array;

	if (!sts_published_policy(p, &policy))
		return json_null();
	array = json_array();
	while (sts_policy_mx_next(&policy, &walk, pattern))
		array = sts_json_append(array, sts_json_text(pattern));
	return json_pack("{s:s, s:I, s:o}", "mode", sts_mode_name(policy.mode),
	    "max_age", (json_int_t)policy.max_age, "mx", array);
}

static json_t *
mx_json(const struct sts_published *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->mx_count; i++) {
		const struct sts_published_mx *mx = &p->mx[i];

		array = sts_json_append(array,
		    json_pack("{s:o, s:I, s:o, s:o, s:I}", "host",
			sts_json_text(mx->host), "preference",
			(json_int_t)mx->preference, "address",
			mx->address[0] != '\0' ? sts_json_text(mx->address)
					       : json_null(),
			"probe",
			mx->probed ? json_string(sts_status_name(mx->probe))
				   : json_null(),
			"tlsa", (json_int_t)mx->tlsa));
	}
	return array;
}

static json_t *
reports_json(const struct sts_published *p)
{
	struct sts_rua_list list;
	json_t *array = json_array();

	if (sts_published_reports(p, &list) != STS_OK)
		return array;
	for (size_t i = 0; i < list.count; i++) {
		char *text = sts_escape(list.uri[i].p, list.uri[i].len);

		array = sts_json_append(
		    array, text != NULL ? json_string(text) : NULL);
		free(text);
	}
	return array;
}

bool
sts_check_print_json(FILE *out, const struct sts_published *p, bool *clean)
{
	struct result r = {.array = json_array()};
	json_t *object = json_object();
	bool fine;

	sts_publish_check(p, append_finding, &r);
	*clean =
	    r.count[STS_PUBLISH_PROBLEM] + r.count[STS_PUBLISH_REMARK] == 0;
	fine = object != NULL &&
	    sts_json_set(object, "domain", sts_json_text(p->domain)) &&
	    sts_json_set(object, "clean", json_boolean(*clean)) &&
	    sts_json_set(object, "problems",
		json_integer(r.count[STS_PUBLISH_PROBLEM])) &&
	    sts_json_set(
		object, "remarks", json_integer(r.count[STS_PUBLISH_REMARK])) &&
	    sts_json_set(object, "findings", r.array) &&
	    sts_json_set(object, "record", record_json(p)) &&
	    sts_json_set(object, "policy_host", host_json(p)) &&
	    sts_json_set(object, "policy", policy_json(p)) &&
	    sts_json_set(object, "mx_hosts", mx_json(p)) &&
	    sts_json_set(object, "reports", reports_json(p)) &&
	    sts_json_print(out, object);
	json_decref(object);
	return fine;
}
