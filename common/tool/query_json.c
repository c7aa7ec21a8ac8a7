/* SPDX-License-Identifier: ISC */
/* An answer as JSON: what is not in query_fields.c. */
#include "tool/query_command.h"

/* null if no line of the configuration applied */
static json_t *
override_json(const struct sts_override *override)
{
	if (override == NULL)
		return json_null();
	return json_pack("{s:o, s:s, s:i}", "name",
	    sts_json_text(override->name), "kind",
	    sts_override_name(override->kind), "line", (int) override->line);
}

/*
 * One MX host, with the result of its last probe, if any; `permitted` is null
 * without a policy.
 */
static json_t *
route_json(const struct sts_route *route, bool policy)
{
	json_t *addresses = json_array();

	for (size_t i = 0; i < route->address_count; i++)
		addresses = sts_json_append(
		    addresses, sts_json_text(route->address[i]));
	return json_pack("{s:o, s:I, s:o, s:o, s:s?, s:o}", "host",
	    sts_json_text(route->host), "preference",
	    (json_int_t)route->preference, "permitted",
	    policy ? json_boolean(route->permitted) : json_null(), "addresses",
	    addresses, "probe",
	    route->probed != 0 ? sts_status_name(route->probe) : NULL, "probed",
	    sts_json_time(route->probed));
}

/* null if they could not be looked up, an empty array if there are none. */
static json_t *
routes_json(const struct sts_query *query)
{
	bool policy = sts_query_has_policy(query);
	json_t *array = query->has_routes ? json_array() : json_null();

	for (size_t i = 0; query->has_routes && i < query->routes.count; i++)
		array = sts_json_append(
		    array, route_json(&query->routes.route[i], policy));
	return array;
}

/* Stops at the first value without memory. */
static bool
fill(json_t *object, const struct sts_query *query)
{
	const struct sts_answer *answer = &query->answer;
	bool delivers = sts_query_delivers(query);
	enum sts_status reason = sts_query_reason(query);
	enum sts_verdict verdict =
	    delivers ? answer->verdict : STS_VERDICT_DEFER;

	return sts_json_set(object, "domain",
		   sts_json_text(answer->domain[0] != '\0' ? answer->domain
							   : query->asked)) &&
	    sts_json_set(
		object, "verdict", json_string(sts_verdict_name(verdict))) &&
	    sts_json_set(object, "deliver", json_boolean(delivers)) &&
	    sts_json_set(
		object, "reason", json_string(sts_status_name(reason))) &&
	    sts_json_set(
		object, "reason_text", json_string(sts_status_text(reason))) &&
	    sts_query_set_fields(object, answer) &&
	    sts_json_set(object, "override", override_json(answer->override)) &&
	    sts_json_set(object, "mx_hosts", routes_json(query)) &&
	    sts_json_set(object, "mx_hosts_not_listed",
		query->has_routes ? json_integer(query->routes.more)
				  : json_null()) &&
	    sts_json_set(object, "now", sts_json_time(query->now));
}

bool
sts_query_print_json(FILE *out, const struct sts_query *query)
{
	json_t *object = json_object();
	bool fine = object != NULL && fill(object, query) &&
	    sts_json_print(out, object);

	json_decref(object);
	return fine;
}
