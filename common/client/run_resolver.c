/* SPDX-License-Identifier: ISC */
#include "client/run_resolver.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cursor.h"
#include "base/minmax.h"

enum {
	GRACE_MS = 5000,   /* beyond the configured limits of a lookup */
	EXIT_MS = 1000,    /* from the answer, or end of file, to the exit */
	FREE_MS = 1000,    /* of each lookup, not charged to the budget */
	BUDGET_MS = 60000, /* for all lookups of a process */
	BRIEF_MS = 2000,   /* for each lookup after that */
	ARGUMENTS_MAX = 8, /* besides the configuration's */
	/* "done lookup DOMAIN fault REASON\n" */
	LINE_BYTES = STS_NAME_MAX + 100
};

/* As root, runs it as the owner of the state directory. */
static enum sts_status
give_to_owner(const struct sts_store *store, struct sts_child_spec *spec)
{
	spec->drop = true;
	spec->uid = sts_store_uid(store);
	spec->gid = sts_store_gid(store);
	/* Nor root's group, which may read what others may not. */
	return spec->uid == 0 || spec->gid == 0 ? STS_STATE_OWNER : STS_OK;
}

enum sts_status
sts_client_describe_resolver(const struct sts_config *config,
    const struct sts_store *store, const char *const *arguments,
    struct sts_child_spec *spec)
{
	struct sts_store *opened = NULL;
	enum sts_status status = STS_OK;
	size_t argc = 0;

	if (config->resolver == NULL || config->state_dir == NULL)
		return STS_NO_MEMORY;
	*spec = (struct sts_child_spec){
	    .path = config->resolver, .want_stdout = true};
	spec->argv[argc++] = "mta-sts-resolver";
	if (config->file != NULL) {
		spec->argv[argc++] = "-f";
		spec->argv[argc++] = config->file;
	}
	for (size_t i = 0; arguments[i] != NULL; i++) {
		if (i == ARGUMENTS_MAX)
			return STS_INTERNAL;
		spec->argv[argc++] = arguments[i];
	}
	if (geteuid() != 0)
		return STS_OK;
	if (store == NULL) {
		status = sts_store_open(&opened, config->state_dir, false);
		store = opened;
	}
	if (status == STS_OK)
		status = give_to_owner(store, spec);
	sts_store_close(opened);
	return status;
}

/* Parses "done lookup DOMAIN ok" or "... fault REASON". */
static enum sts_status
parse_answer(const char *line, size_t len, const char *what, const char *domain)
{
	struct sts_cursor c = sts_cursor_make(line, len);
	enum sts_status status;
	struct sts_span rest;
	char reason[64];

	if (!sts_cursor_literal(&c, "done ") || !sts_cursor_literal(&c, what) ||
	    !sts_cursor_byte(&c, ' ') || !sts_cursor_literal(&c, domain) ||
	    !sts_cursor_byte(&c, ' '))
		return STS_RESOLVER_DIED;
	/* A line that end of file cut off says nothing. */
	rest = (struct sts_span){c.p, sts_cursor_left(&c)};
	if (rest.len == 0 || rest.p[--rest.len] != '\n')
		return STS_RESOLVER_DIED;
	if (sts_span_is(rest, "ok"))
		return STS_OK;
	if (!sts_cursor_literal(&c, "fault "))
		return STS_RESOLVER_DIED;
	rest = (struct sts_span){c.p, sts_cursor_left(&c) - 1};
	if (!sts_span_copy(rest, reason, sizeof(reason)) ||
	    !sts_status_parse(reason, &status))
		return STS_RESOLVER_DIED;
	return sts_status_is_local(status) ? status : STS_INTERNAL;
}

/* Waits for the answer and the end of the process. */
static enum sts_status
await_answer(struct sts_child *child, const char *what, const char *domain,
    int64_t deadline_ms)
{
	char line[LINE_BYTES];
	ssize_t n =
	    sts_child_read(child, line, sizeof(line), true, deadline_ms);
	enum sts_status status;
	int64_t now_ms = sts_monotonic_ms();
	int wait_status;

	/* 5 s beyond its own deadlines, it will not answer any more. */
	if (n < 0) {
		(void)sts_child_finish(child, now_ms);
		return now_ms >= deadline_ms ? STS_RESOLVER_TIMEOUT
					     : STS_RESOLVER_DIED;
	}
	status = parse_answer(line, (size_t)n, what, domain);
	wait_status =
	    sts_child_finish(child, sts_min(deadline_ms, now_ms + EXIT_MS));
	/* -1: killed here or reaped by the mail server; the line must do. */
	if (status == STS_OK && wait_status != -1 && wait_status != 0)
		return STS_RESOLVER_DIED;
	return status;
}

/* How long the caller waits, and whether the lookup continues after that. */
struct wait_limits {
	int64_t full_ms; /* after which the resolver exceeds its own limits */
	int64_t ms;
	bool detach;
};

/*
 * A message may have many recipients in domains that do not answer, and all
 * other mail waits behind it.  Without budget the caller continues without an
 * answer; the detached resolver stores it for the next attempt.
 */
static struct wait_limits
wait_limits_of(const struct sts_config *config, const struct sts_budget *budget)
{
	struct wait_limits p = {0};
	int64_t left;

	p.full_ms = sts_config_lookup_ms(config) + GRACE_MS;
	p.ms = p.full_ms;
	if (budget == NULL)
		return p;
	left = BUDGET_MS - budget->slow_ms;
	if (left <= 0)
		p.ms = BRIEF_MS;
	else if (left < p.full_ms)
		p.ms = sts_max(left, BRIEF_MS);
	p.detach = p.ms < p.full_ms;
	return p;
}

/* A lookup that reached its limit ends the budget, whatever is left. */
static void
charge(struct sts_budget *budget, int64_t took_ms, bool exhausted)
{
	if (budget == NULL)
		return;
	if (took_ms > FREE_MS)
		budget->slow_ms += took_ms - FREE_MS;
	if (exhausted && budget->slow_ms < BUDGET_MS)
		budget->slow_ms = BUDGET_MS;
}

/*
 * Lifetime in seconds of a resolver for one domain, for when it is detached or
 * this process dies.  Longer than a caller waits, since the caller reports the
 * better reason.
 */
static unsigned
lifetime_of(int64_t full_ms)
{
	return (unsigned)(full_ms + GRACE_MS) / 1000;
}

/* Runs a resolver that answers "done `what` DOMAIN". */
static enum sts_status
run_once(const struct sts_config *config, const struct sts_store *store,
    const char *const *arguments, const char *what, const char *domain,
    struct sts_budget *budget, bool *started)
{
	struct wait_limits limits = wait_limits_of(config, budget);
	int64_t start_ms = sts_monotonic_ms();
	struct sts_child_spec spec;
	struct sts_child child;
	enum sts_status status;

	*started = false;
	status = sts_client_describe_resolver(config, store, arguments, &spec);
	if (status != STS_OK)
		return status;
	spec.detach = limits.detach;
	spec.lifetime = lifetime_of(limits.full_ms);
	if ((status = sts_child_start(&child, &spec)) == STS_OK) {
		*started = true;
		status =
		    await_answer(&child, what, domain, start_ms + limits.ms);
	}
	if (*started && limits.detach && status == STS_RESOLVER_TIMEOUT)
		status = STS_BUDGET;
	charge(budget, sts_monotonic_ms() - start_ms, status == STS_BUDGET);
	return status;
}

enum sts_status
sts_client_lookup(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget, bool *started)
{
	const char *const arguments[] = {"--once", domain, NULL};

	return run_once(
	    config, store, arguments, "lookup", domain, budget, started);
}

enum sts_status
sts_client_find_routes(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget)
{
	const char *const arguments[] = {"--once", "--routes", domain, NULL};
	bool started;

	return run_once(
	    config, store, arguments, "routes", domain, budget, &started);
}

enum sts_status
sts_client_detach(const struct sts_config *config,
    const struct sts_store *store, const char *option, const char *domain)
{
	const char *const arguments[] = {option, domain, NULL};
	struct sts_child_spec spec;
	struct sts_child child;
	enum sts_status status;

	status = sts_client_describe_resolver(config, store, arguments, &spec);
	if (status != STS_OK)
		return status;
	spec.want_stdout = false;
	spec.detach = true;
	spec.lifetime = lifetime_of(wait_limits_of(config, NULL).full_ms);
	if ((status = sts_child_start(&child, &spec)) == STS_OK)
		sts_child_close(&child);
	return status;
}

/* For mta-sts(1), whose standard error it has. */
static enum sts_status
start(const struct sts_config *config, const char *const *arguments,
    bool want_stdin, struct sts_child *child)
{
	struct sts_child_spec spec;
	enum sts_status status;

	*child = (struct sts_child){-1, -1, -1};
	status = sts_client_describe_resolver(config, NULL, arguments, &spec);
	if (status != STS_OK)
		return status;
	spec.inherit_stderr = true;
	spec.want_stdin = want_stdin;
	return sts_child_start(child, &spec);
}

enum sts_status
sts_client_start_resolver(const struct sts_config *config,
    const char *const *arguments, struct sts_child *child)
{
	return start(config, arguments, false, child);
}

enum sts_status
sts_client_start_post(const struct sts_config *config, const char *url,
    size_t len, struct sts_child *child)
{
	char number[24];
	const char *const arguments[] = {"--post", url, number, NULL};

	(void)snprintf(number, sizeof(number), "%zu", len);
	return start(config, arguments, true, child);
}

enum sts_status
sts_client_serve(
    const struct sts_config *config, unsigned lifetime, struct sts_child *child)
{
	const char *const none[] = {NULL};
	struct sts_child_spec spec;
	enum sts_status status;

	*child = (struct sts_child){-1, -1, -1};
	status = sts_client_describe_resolver(config, NULL, none, &spec);
	if (status != STS_OK)
		return status;
	spec.want_stdin = true;
	spec.lifetime = lifetime;
	return sts_child_start(child, &spec);
}
