/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts query`: an answer, and the MX hosts beside it, for people and as
 * JSON.  Apart from asking, so that any answer can be shown.
 */
#ifndef STS_TOOL_QUERY_COMMAND_H
#define STS_TOOL_QUERY_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "client/ask.h"
#include "store/routes.h"

struct sts_query {
	const char *asked; /* the domain as it was given */
	struct sts_answer answer;
	bool has_routes;
	struct sts_routes routes; /* matched by the policy of the answer */
	bool probed;              /* just now, as --probe has it */
	int64_t now;
};

/* True where there is a policy that says something of MX hosts. */
bool sts_query_has_policy(const struct sts_query *query);

/*
 * False where a delivery made now would be deferred; also where every
 * permitted host has just failed its probe, if that was asked for.
 */
bool sts_query_delivers(const struct sts_query *query);

/*
 * The reason as a status: the answer's, or for an enforced policy what is
 * wrong with the MX hosts.
 */
enum sts_status sts_query_reason(const struct sts_query *query);

/* Aligned "key: value" lines. */
void sts_query_print(FILE *out, const struct sts_query *query);

/* One JSON object, as mta-sts(1) describes it.  False: no memory. */
bool sts_query_print_json(FILE *out, const struct sts_query *query);

/*
 * What is known of the policy, or why there is none, as both of them have it:
 * record, policy, times, failed fetch.  Of the answer, has_entry, entry,
 * has_check and check count.
 */
void sts_query_print_fields(
    FILE *out, const struct sts_answer *answer, int64_t now);

/* Sets these keys, null where there is nothing to say.  False: no memory. */
bool sts_query_set_fields(json_t *object, const struct sts_answer *answer);

/* With `policy`, whether it permits each host is said; else nothing of one. */
void sts_query_print_routes(
    FILE *out, const struct sts_routes *routes, bool policy, int64_t now);

/*
 * JSON values for `query` and `cache list`: a time as ISO 8601 or null, a
 * string with foreign bytes escaped.  NULL: no memory.
 */
json_t *sts_json_time(int64_t when);
json_t *sts_json_text(const char *text);

/* Sets a key, taking `value` over; false where either is missing. */
bool sts_json_set(json_t *object, const char *key, json_t *value);

/* The object under a key, made if it is not there; NULL: no memory. */
json_t *sts_json_section(json_t *object, const char *name);

#endif
