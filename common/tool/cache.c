/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts cache list`, show and drop.  Everything is read through the store,
 * as by a delivery.
 */
#include "tool/cache.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/names.h"
#include "core/due.h"
#include "tool/out.h"
#include "tool/query_command.h"
#include "tool/tool.h"

static bool
collect(void *arg, const char *domain)
{
	struct sts_names *names = arg;

	return sts_names_add(names, domain);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * Sorted, so that lists can be compared, and the two kinds merged with only the
 * names in memory.
 */
static enum sts_status
collect_sorted(
    struct sts_store *store, enum sts_kind kind, struct sts_names *names)
{
	enum sts_status status = sts_store_walk(store, kind, collect, names);

	if (names->failed)
		return STS_NO_MEMORY;
	if (status == STS_OK && names->count > 0)
		qsort(names->name, names->count, sizeof(*names->name), by_name);
	return status;
}

struct listing {
	struct sts_tool *tool;
	struct sts_store *store;
	bool json;
	size_t lines;
	bool failed;
};

/* JSON objects are written one by one: a store may have 100,000 checks. */
static void
emit(struct listing *listing, const struct sts_cache_line *line)
{
	FILE *out = listing->tool->out;

	if (!listing->json) {
		sts_cache_print_line(out, line, listing->tool->now);
	} else {
		(void)fputs(listing->lines > 0 ? ",\n" : "", out);
		if (!sts_cache_print_json(out, line))
			listing->failed = true;
	}
	listing->lines++;
}

/* Lists a damaged file, too, for which mail waits. */
static void
list_policy(struct listing *listing, const char *domain)
{
	struct sts_tool *tool = listing->tool;
	struct sts_cache_line line;
	struct sts_check check;
	struct sts_entry entry;
	enum sts_status status =
	    sts_store_read_policy(listing->store, domain, tool->now, &entry);

	/* Dropped since the names were collected. */
	if (status == STS_NOT_FOUND)
		return;
	if (status != STS_OK) {
		sts_cache_fault_line(&line, status);
		line.domain = domain;
		emit(listing, &line);
		return;
	}
	(void)sts_store_read_check(listing->store, domain, tool->now, &check);
	sts_cache_policy_line(&line, &entry, &check, &tool->config, tool->now);
	emit(listing, &line);
	sts_entry_free(&entry);
}

/* The check of a policy is part of the policy's line. */
static void
list_check(struct listing *listing, const char *domain)
{
	struct sts_cache_line line;
	struct sts_check check;

	if (sts_store_read_check(
		listing->store, domain, listing->tool->now, &check) != STS_OK ||
	    check.reason == STS_OK)
		return;
	sts_cache_none_line(&line, &check, listing->tool->now);
	emit(listing, &line);
}

/* Merges the two sorted lists; a domain may be in both. */
static void
list_all(struct listing *listing, const struct sts_names *policies,
    const struct sts_names *checks)
{
	size_t p = 0, a = 0;

	while (p < policies->count || a < checks->count) {
		bool policy_next = a == checks->count ||
		    (p < policies->count &&
			strcmp(policies->name[p], checks->name[a]) <= 0);

		if (policy_next)
			list_policy(listing, policies->name[p++]);
		else
			list_check(listing, checks->name[a++]);
	}
}

/* On a terminal only: scripts count lines. */
static void
print_head(struct sts_tool *tool)
{
	if (tool->out == stdout && isatty(STDOUT_FILENO))
		sts_cache_print_head(tool->out);
}

int
sts_tool_cache_list(struct sts_tool *tool)
{
	struct listing listing = {.tool = tool};
	struct sts_names policies = {0}, checks = {0};
	enum sts_status status;
	int code = sts_tool_open_store(tool, false, &listing.store);

	if (code != STS_EXIT_OK)
		return code;
	listing.json = (tool->args.given & STS_OPT_JSON) != 0;
	status = collect_sorted(listing.store, STS_KIND_POLICY, &policies);
	if (status == STS_OK)
		status = collect_sorted(listing.store, STS_KIND_CHECK, &checks);
	if (status != STS_OK) {
		code = sts_tool_outside(tool, "%s", sts_status_text(status));
		goto out;
	}
	if (listing.json)
		(void)fputs("[\n", tool->out);
	else
		print_head(tool);
	list_all(&listing, &policies, &checks);
	if (listing.json)
		(void)fputs(listing.lines > 0 ? "\n]\n" : "]\n", tool->out);
	if (listing.failed)
		code = sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
out:
	sts_names_free(&policies);
	sts_names_free(&checks);
	sts_store_close(listing.store);
	return code;
}

/* The policy in canonical form, escaped and indented. */
static void
print_body(FILE *out, const char *body, size_t len)
{
	struct sts_cursor c = sts_cursor_make(body, len);
	struct sts_span line;

	(void)fputs("body:\n", out);
	while (sts_cursor_line(&c, &line)) {
		(void)fputs("    ", out);
		sts_escape_write(out, line.p, line.len);
		(void)putc('\n', out);
	}
}

/* Everything, including the last use and the body. */
static void
show_policy(struct sts_tool *tool, const struct sts_answer *answer)
{
	const struct sts_entry *entry = &answer->entry;
	const struct sts_check *check = &answer->check;
	struct sts_cache_line line;

	sts_cache_policy_line(&line, entry, check, &tool->config, tool->now);
	sts_print_line(tool->out, "state", "%s", line.state);
	sts_query_print_fields(tool->out, answer, tool->now);
	sts_print_time_line(tool->out, "due",
	    sts_due_at(
		entry->fetched, entry->expires, tool->config.refresh_after),
	    tool->now);
	sts_print_time_line(
	    tool->out, "next check", check->next_check, tool->now);
	print_body(tool->out, entry->body, entry->body_len);
}

/* Shows all that is stored about the domain; counts what was found. */
static enum sts_status
show_entries(struct sts_tool *tool, struct sts_store *store, const char *domain)
{
	struct sts_answer answer = {0};
	struct sts_check *check = &answer.check;
	struct sts_routes routes;
	enum sts_status policy =
	    sts_store_read_policy(store, domain, tool->now, &answer.entry);
	bool checked =
	    sts_store_read_check(store, domain, tool->now, check) == STS_OK;
	bool routed =
	    sts_store_read_routes(store, domain, tool->now, &routes) == STS_OK;
	bool matched =
	    policy == STS_OK && answer.entry.policy.mode != STS_MODE_NONE;

	if (policy == STS_OK || checked || routed)
		sts_print_line(tool->out, "domain", "%s", domain);
	if (policy == STS_OK) {
		answer.has_entry = true;
		show_policy(tool, &answer);
		sts_entry_free(&answer.entry);
		answer.has_entry = false;
	}
	answer.has_check = check->reason != STS_OK;
	sts_query_print_fields(tool->out, &answer, tool->now);
	if (checked)
		sts_print_time_line(
		    tool->out, "last used", check->used, tool->now);
	if (routed)
		sts_query_print_routes(tool->out, &routes, matched, tool->now);
	if (policy == STS_NOT_FOUND && (checked || routed))
		return STS_OK;
	return policy;
}

/* No failure: the answer is no. */
static int
unknown_domain(struct sts_tool *tool, const char *domain)
{
	(void)sts_tool_outside(tool, "%s: not in the store", domain);
	return STS_EXIT_NO;
}

/*
 * Used by `cache show` and `cache drop`: gets the domain and opens the store.
 * If it returns 0, the caller closes the store.
 */
static int
open_for_domain(struct sts_tool *tool, bool writing,
    char domain[STS_NAME_MAX + 1], struct sts_store **store)
{
	int code = sts_tool_domain(tool, 0, domain);

	return code == STS_EXIT_OK ? sts_tool_open_store(tool, writing, store)
				   : code;
}

/* The exit status for a status of the store; prints a failure. */
static int
tell_status(struct sts_tool *tool, const char *domain, enum sts_status status)
{
	if (status == STS_OK)
		return STS_EXIT_OK;
	if (status == STS_NOT_FOUND)
		return unknown_domain(tool, domain);
	return sts_tool_outside(
	    tool, "%s: %s", domain, sts_status_text(status));
}

int
sts_tool_cache_show(struct sts_tool *tool)
{
	char domain[STS_NAME_MAX + 1];
	struct sts_store *store;
	enum sts_status status;
	int code = open_for_domain(tool, false, domain, &store);

	if (code != STS_EXIT_OK)
		return code;
	status = show_entries(tool, store, domain);
	sts_store_close(store);
	if (status == STS_ENTRY_CORRUPT)
		return sts_tool_outside(tool,
		    "%s: %s; its mail waits until a fetch succeeds, or until: "
		    "mta-sts cache drop %s",
		    domain, sts_status_text(status), domain);
	return tell_status(tool, domain, status);
}

int
sts_tool_cache_drop(struct sts_tool *tool)
{
	char domain[STS_NAME_MAX + 1];
	struct sts_store *store;
	enum sts_status status;
	int code = open_for_domain(tool, true, domain, &store);

	if (code != STS_EXIT_OK)
		return code;
	status = sts_store_drop(store, domain);
	sts_store_close(store);
	return tell_status(tool, domain, status);
}
