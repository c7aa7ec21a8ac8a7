/* SPDX-License-Identifier: ISC */
/*
 * An answer as text, in the order of the questions: what is published, how old
 * is it, which hosts are there, and what follows.
 */
#include "tool/query_command.h"

#include <string.h>

#include "tool/out.h"

/* A probe by --probe counts as in a delivery; else it is only shown. */
static bool
failed_now(const struct sts_query *query, const struct sts_route *route)
{
	return query->probed && route->probed != 0 && route->probe != STS_OK &&
	    query->now - route->probed <= STS_PROBE_AGAIN;
}

/* Why the policy leaves no MX host; STS_OK if there may be one. */
static enum sts_status
no_host_because(const struct sts_query *query)
{
	const struct sts_routes *routes = &query->routes;
	enum sts_status why = STS_NO_MATCH;

	if (query->answer.verdict != STS_VERDICT_ENFORCE || !query->has_routes)
		return STS_OK;
	if (routes->unusable != STS_OK)
		why = routes->unusable;
	else if (routes->count == 0)
		why = routes->status;
	for (size_t i = routes->count; i > 0; i--) {
		const struct sts_route *r = &routes->route[i - 1];

		if (!r->permitted)
			continue;
		if (!failed_now(query, r))
			return STS_OK;
		why = r->probe;
	}
	return why;
}

bool
sts_query_has_policy(const struct sts_query *query)
{
	return query->answer.has_entry &&
	    query->answer.entry.policy.mode != STS_MODE_NONE;
}

bool
sts_query_delivers(const struct sts_query *query)
{
	return query->answer.verdict != STS_VERDICT_DEFER &&
	    no_host_because(query) == STS_OK;
}

enum sts_status
sts_query_reason(const struct sts_query *query)
{
	enum sts_status no_host = no_host_because(query);

	return no_host != STS_OK ? no_host : query->answer.why;
}

/* All addresses, since probes and block lists concern addresses. */
static void
print_route(FILE *out, const struct sts_route *route, bool policy, int64_t now)
{
	const char *permitted =
	    route->permitted ? ": permitted" : ": not in the policy";
	char addresses[STS_ROUTE_ADDRESSES_MAX * STS_ADDRESS_TEXT_MAX + 8];
	char span[STS_AGE_TEXT];
	size_t used = 0;

	addresses[0] = '\0';
	for (size_t i = 0; i < route->address_count; i++) {
		int got = snprintf(addresses + used, sizeof(addresses) - used,
		    " %s", route->address[i]);

		if (got > 0 && (size_t)got < sizeof(addresses) - used)
			used += (size_t)got;
	}
	sts_print_line(out, "MX host", "%lld %s%s%s",
	    (long long)route->preference, route->host, addresses,
	    policy ? permitted : "");
	if (route->probed == 0)
		return;
	sts_print_line(out, "last probe", "%s: %s (%s), %s ago", route->host,
	    route->probe == STS_OK ? "TLS with a valid certificate"
				   : sts_status_text(route->probe),
	    sts_status_name(route->probe),
	    sts_print_span(span, now - route->probed));
}

void
sts_query_print_routes(
    FILE *out, const struct sts_routes *routes, bool policy, int64_t now)
{
	for (size_t i = 0; i < routes->count; i++)
		print_route(out, &routes->route[i], policy, now);
	if (routes->count == 0)
		sts_print_line(out, "MX host", "none: %s (%s)",
		    sts_status_text(routes->status),
		    sts_status_name(routes->status));
	if (routes->more > 0)
		sts_print_line(out, "MX hosts",
		    "%lld more are not listed: they have no usable "
		    "address, or come after the first %d that do",
		    (long long)routes->more, (int)STS_ROUTES_MAX);
	if (policy && routes->unusable != STS_OK)
		sts_print_line(out, "MX hosts",
		    "the first permitted one that is not listed: %s (%s)",
		    sts_status_text(routes->unusable),
		    sts_status_name(routes->unusable));
	sts_print_time_line(out, "MX looked up", routes->recorded, now);
}

/* With its line, since the operator may have forgotten it. */
static void
print_override(FILE *out, const struct sts_override *override)
{
	if (override->kind == STS_OVERRIDE_BAD)
		sts_print_line(out, "override",
		    "line %u, which is ill-formed, may mean this domain (%s)",
		    override->line, override->name);
	else
		sts_print_line(out, "override", "domain %s %s%s%s (line %u)",
		    override->name, sts_override_name(override->kind),
		    override->file != NULL ? " " : "",
		    override->file != NULL ? override->file : "",
		    override->line);
}

/* What happens to the mail, without technical terms. */
static const char *
verdict_sentence(const struct sts_query *query)
{
	if (!sts_query_delivers(query))
		return "mail would wait in the queue";
	switch (query->answer.verdict) {
	case STS_VERDICT_ENFORCE:
		return "delivered only over TLS 1.2 or better, to an MX host "
		       "of the policy with a valid certificate";
	case STS_VERDICT_TESTING:
		return "delivered as without a policy; failures are reported "
		       "only";
	default:
		return "delivered as without MTA-STS";
	}
}

/* The verdict, then the reason. */
static void
print_verdict(FILE *out, const struct sts_query *query)
{
	enum sts_status reason = sts_query_reason(query);

	sts_print_line(out, "verdict", "%s: %s",
	    sts_query_delivers(query) ? sts_verdict_name(query->answer.verdict)
				      : sts_verdict_name(STS_VERDICT_DEFER),
	    verdict_sentence(query));
	/* With a policy in force, a local fault is only a remark. */
	if (reason != STS_OK)
		sts_print_line(out,
		    sts_query_delivers(query) && query->answer.has_entry
			? "fault"
			: "reason",
		    "%s (%s)", sts_status_text(reason),
		    sts_status_name(reason));
}

void
sts_query_print(FILE *out, const struct sts_query *query)
{
	const struct sts_answer *answer = &query->answer;

	sts_print_line(out, "domain", "%s",
	    answer->domain[0] != '\0' ? answer->domain : query->asked);
	if (answer->override != NULL)
		print_override(out, answer->override);
	sts_query_print_fields(out, answer, query->now);
	if (query->has_routes)
		sts_query_print_routes(out, &query->routes,
		    sts_query_has_policy(query), query->now);
	print_verdict(out, query);
}
