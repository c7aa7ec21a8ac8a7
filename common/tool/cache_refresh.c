/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts cache refresh`: runs the resolver and prints its results; see
 * mta-sts-resolver(8).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "client/ask.h"
#include "tool/cache.h"
#include "tool/tool.h"

enum { REPORT_LINE = STS_NAME_MAX + 128 };

/* Splits "a b c d" in place; missing words are "". */
static void
split(char *line, const char *word[5])
{
	static const char empty[] = "";

	for (size_t i = 0; i < 5; i++) {
		char *part = strsep(&line, " ");

		word[i] = part != NULL ? part : empty;
	}
}

/*
 * The resolver talks to the network, so only well-formed names and tokens of
 * its output are printed.
 */
static void
parse_done(struct sts_refresh *r, const char *const word[5])
{
	enum sts_status reason = STS_INTERNAL;

	if (strcmp(word[3], "ok") == 0) {
		r->succeeded++;
		return;
	}
	(void)sts_status_parse(word[4], &reason);
	if (strcmp(word[3], "failed") == 0)
		r->failed++;
	else
		r->faults++;
	(void)sts_tool_outside(r->tool, "%s: %s (%s)", word[2],
	    sts_status_text(reason), sts_status_name(reason));
}

/* Only on a terminal, not in the log of a job. */
static void
show_progress(const struct sts_refresh *r)
{
	if (r->terminal)
		(void)fprintf(r->tool->err, "\r%zu of %zu ", r->done, r->total);
}

/* So that a message begins at the margin. */
static void
clear_progress(const struct sts_refresh *r)
{
	if (r->terminal && r->total > 0)
		(void)fprintf(r->tool->err, "\r%24s\r", "");
}

/* Parses "KEY=N" into *count; ignores other keys. */
static void
parse_count(const char *word, const char *key, size_t *count)
{
	size_t len = strlen(key);

	if (strncmp(word, key, len) == 0 && word[len] == '=')
		*count = strtoul(word + len + 1, NULL, 10);
}

/* After a refresh of all domains the resolver's own counts are exact. */
static void
parse_totals(struct sts_refresh *r, const char *const word[5])
{
	size_t failed = 0;

	for (size_t i = 1; i < 5; i++) {
		parse_count(word[i], "fetched", &r->succeeded);
		parse_count(word[i], "not_due", &r->not_due);
		parse_count(word[i], "failed", &failed);
		parse_count(word[i], "removed", &r->removed);
	}
	r->failed = failed > r->faults ? failed - r->faults : 0;
}

void
sts_refresh_parse(struct sts_refresh *r, char *line)
{
	const char *word[5];

	split(line, word);
	if (strcmp(word[0], "done") == 0 && strcmp(word[1], "refresh") == 0) {
		clear_progress(r);
		parse_done(r, word);
	} else if (strcmp(word[0], "progress") == 0) {
		r->done = strtoul(word[1], NULL, 10);
		r->total = strtoul(word[2], NULL, 10);
		show_progress(r);
	} else if (strcmp(word[0], "refreshed") == 0)
		parse_totals(r, word);
}

/* Reads lines until the resolver has ended; false: it did not go on. */
static bool
read_reports(struct sts_refresh *r, struct sts_child *child)
{
	const struct sts_config *config = &r->tool->config;
	/* Longer than any one lookup can take, with its lock and its pause. */
	int64_t limit_ms = 2 * sts_config_lookup_ms(config) + 60 * 1000;
	char line[REPORT_LINE];
	ssize_t len;

	for (;;) {
		len = sts_child_read(child, line, sizeof(line) - 1, true,
		    sts_monotonic_ms() + limit_ms);
		if (len <= 0)
			return len == 0;
		line[len] = '\0';
		line[strcspn(line, "\n")] = '\0';
		sts_refresh_parse(r, line);
	}
}

int
sts_refresh_summary(struct sts_refresh *r, bool died)
{
	(void)fprintf(r->tool->out, "fetched %zu, not due %zu, failed %zu\n",
	    r->succeeded, r->not_due, r->failed + r->faults);
	if (r->removed > 0)
		(void)fprintf(r->tool->out, "removed %zu, expired and unused\n",
		    r->removed);
	if (died)
		return sts_tool_outside(
		    r->tool, "%s", sts_status_text(STS_RESOLVER_DIED));
	if (r->faults > 0)
		return STS_EXIT_OUTSIDE;
	return r->failed > 0 ? STS_EXIT_NO : STS_EXIT_OK;
}

/*
 * Exit status 2 of the resolver can only mean that the two programs differ in
 * version; it counts as a resolver that died.
 */
static int
run_refresh(struct sts_tool *tool, const char *domain)
{
	const char *const arguments[] = {"--refresh", domain, NULL};
	struct sts_refresh r = {.tool = tool};
	struct sts_child child;
	enum sts_status status =
	    sts_client_start_resolver(&tool->config, arguments, &child);
	bool ended;
	int wait_status;

	if (status != STS_OK)
		return sts_tool_outside(tool, "%s: %s", tool->config.resolver,
		    sts_status_text(status));
	r.terminal = tool->err == stderr && isatty(STDERR_FILENO);
	ended = read_reports(&r, &child);
	clear_progress(&r);
	wait_status =
	    sts_child_finish(&child, sts_monotonic_ms() + (ended ? 5000 : 0));
	return sts_refresh_summary(&r,
	    !ended || wait_status == -1 || !WIFEXITED(wait_status) ||
		WEXITSTATUS(wait_status) == 2);
}

int
sts_tool_cache_refresh(struct sts_tool *tool)
{
	char domain[STS_NAME_MAX + 1];
	struct sts_store *store;
	bool one = tool->operand_count > 0;
	int code;

	if (one) {
		code = sts_tool_domain(tool, 0, domain);
		if (code != STS_EXIT_OK)
			return code;
	}
	/* A user who may not write gets the error before anything starts. */
	code = sts_tool_open_store(tool, true, &store);
	sts_store_close(store);
	if (code != STS_EXIT_OK)
		return code;
	return run_refresh(tool, one ? domain : NULL);
}
