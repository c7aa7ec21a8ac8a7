/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts query`: shows an answer and the MX hosts as text and JSON.  Separate
 * from the lookup, so that any answer can be shown.
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
	const char *asked; /* as given */
	struct sts_answer answer;
	bool has_routes;
	struct sts_routes routes; /* matched by the policy of the answer */
	bool probed;              /* just now, by --probe */
	int64_t now;
};

/* True if there is a policy that applies to MX hosts. */
bool sts_query_has_policy(const struct sts_query *query);

/*
 * False if a delivery made now would be deferred, also because all permitted
 * hosts have just failed a probe by --probe.
 */
bool sts_query_delivers(const struct sts_query *query);

/*
 * The reason: the answer's, or for an enforced policy the fault of the MX
 * hosts.
 */
enum sts_status sts_query_reason(const struct sts_query *query);

/* Aligned "key: value" lines. */
void sts_query_print(FILE *out, const struct sts_query *query);

/* One JSON object, as mta-sts(1) describes it.  False: no memory. */
bool sts_query_print_json(FILE *out, const struct sts_query *query);

/*
 * Shows a policy, or why there is none, in both forms: record, policy, times,
 * failed fetch.  Uses has_entry, entry, has_check and check of the answer.
 */
void sts_query_print_fields(
    FILE *out, const struct sts_answer *answer, int64_t now);

/* Sets these keys, null if there is nothing.  False: no memory. */
bool sts_query_set_fields(json_t *object, const struct sts_answer *answer);

/* With `policy`, shows whether it permits each host. */
void sts_query_print_routes(
    FILE *out, const struct sts_routes *routes, bool policy, int64_t now);

/*
 * JSON values for `query`, `cache list` and `status`: a time as ISO 8601 or
 * null, an escaped string.  NULL: no memory.
 */
json_t *sts_json_time(int64_t when);
json_t *sts_json_text(const char *text);

/* Sets a key and takes ownership of `value`; false if either is NULL. */
bool sts_json_set(json_t *object, const char *key, json_t *value);

/* Writes it, indented, with a line feed; false: no memory. */
bool sts_json_print(FILE *out, const json_t *object);

/* Appends to an array, taking over `value`.  NULL, and frees both: no memory.
 */
json_t *sts_json_append(json_t *array, json_t *value);

/* The object under a key, created if missing; NULL: no memory. */
json_t *sts_json_section(json_t *object, const char *name);

#endif
