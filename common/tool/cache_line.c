/* SPDX-License-Identifier: ISC */
/*
 * The state of an entry in one word.  These words are in mta-sts(1) and used by
 * scripts: they must not change.
 */
#include "tool/cache.h"

#include <string.h>

#include "tool/out.h"
#include "tool/query_command.h"

void
sts_cache_policy_line(struct sts_cache_line *line,
    const struct sts_entry *entry, const struct sts_check *check,
    const struct sts_config *config, int64_t now)
{
	memset(line, 0, sizeof(*line));
	line->domain = entry->domain;
	line->kind = "policy";
	line->mode = sts_mode_name(entry->policy.mode);
	(void)snprintf(line->id, sizeof(line->id), "%s", entry->id);
	line->since = entry->fetched;
	line->until = entry->expires;
	if (!sts_entry_is_live(entry, now)) {
		line->state = "expired";
	} else if (check->failed_reason != STS_OK) {
		line->state = "failed";
		line->marked = now - check->failed_since > STS_LONG_FAILURE;
	} else if (sts_entry_is_fresh(entry, check, now, config->recheck)) {
		line->state = "fresh";
	} else {
		line->state = "stale";
	}
	line->reason = check->failed_reason;
}

void
sts_cache_none_line(
    struct sts_cache_line *line, const struct sts_check *check, int64_t now)
{
	bool failed = check->failed_reason != STS_OK &&
	    check->failed_reason == check->reason;

	memset(line, 0, sizeof(*line));
	line->domain = check->domain;
	line->kind = "absent";
	line->mode = "-";
	if (failed)
		(void)snprintf(
		    line->id, sizeof(line->id), "%s", check->failed_id);
	line->since = check->checked;
	line->until = check->until;
	line->state = !sts_check_is_none(check, now) ? "expired"
	    : failed                                 ? "failed"
	    : sts_check_is_fresh(check, now)         ? "fresh"
						     : "stale";
	line->reason = check->reason;
}

void
sts_cache_fault_line(struct sts_cache_line *line, enum sts_status fault)
{
	memset(line, 0, sizeof(*line));
	line->kind = "policy";
	line->mode = "-";
	line->state = "corrupt";
	line->reason = fault;
	line->marked = true;
}

void
sts_cache_print_line(FILE *out, const struct sts_cache_line *line, int64_t now)
{
	char age[STS_AGE_TEXT] = "-", left[STS_AGE_TEXT] = "-";

	if (line->since != 0)
		(void)sts_print_short_span(age, now - line->since);
	if (line->until != 0)
		(void)sts_print_short_span(left, line->until - now);
	(void)fprintf(out, "%-32s %-6s %-7s %-20s %6s %6s %s%s%s%s\n",
	    line->domain, line->kind, line->mode,
	    line->id[0] != '\0' ? line->id : "-", age, left, line->state,
	    line->reason != STS_OK ? " " : "",
	    line->reason != STS_OK ? sts_status_name(line->reason) : "",
	    line->marked ? " !" : "");
}

bool
sts_cache_print_json(FILE *out, const struct sts_cache_line *line)
{
	json_t *object = json_object();
	bool policy = strcmp(line->mode, "-") != 0;
	bool fine = object != NULL &&
	    sts_json_set(object, "domain", sts_json_text(line->domain)) &&
	    sts_json_set(object, "kind", json_string(line->kind)) &&
	    sts_json_set(object, "mode",
		policy ? json_string(line->mode) : json_null()) &&
	    sts_json_set(object, "id",
		line->id[0] != '\0' ? sts_json_text(line->id) : json_null()) &&
	    sts_json_set(object, "since", sts_json_time(line->since)) &&
	    sts_json_set(object, "expires", sts_json_time(line->until)) &&
	    sts_json_set(object, "state", json_string(line->state)) &&
	    sts_json_set(object, "reason",
		line->reason != STS_OK
		    ? json_string(sts_status_name(line->reason))
		    : json_null()) &&
	    sts_json_set(object, "long", json_boolean(line->marked)) &&
	    json_dumpf(object, out, JSON_COMPACT) == 0;

	json_decref(object);
	return fine;
}
