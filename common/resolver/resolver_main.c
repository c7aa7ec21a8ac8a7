/* SPDX-License-Identifier: ISC */
/*
 * mta-sts-resolver: queries the DNS and writes the store; mta-sts-fetcher does
 * the rest of the network.  See mta-sts-resolver(8).
 */
#include <sys/resource.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/privilege.h"
#include "core/domain.h"
#include "resolver/ask_txt.h"
#include "resolver/check_nameservers.h"
#include "resolver/examine.h"
#include "resolver/resolver.h"

enum { EXIT_USAGE = 2, EXIT_FAULT = 3 };

/* Policy hosts asked at once by a round of its own process: many may hang. */
enum { REFRESHES_AT_ONCE = 32 };

/* Seconds beyond what an examination takes: the command has given up. */
enum { EXAMINE_GRACE = 30 };

struct options {
	const char *config_file;
	const char *domain; /* of --once, --refresh, ...; else NULL */
	const char *post;   /* a URL; else NULL */
	int64_t post_len;
	const char *txt; /* a name; else NULL */
	bool examine;
	bool once;
	bool routes;
	bool refresh;
	bool due;
	bool refetch;
	bool nameservers;
	bool to_stderr;
};

static int
usage(FILE *to, int status)
{
	fprintf(to,
	    "usage: mta-sts-resolver [-e] [-f FILE]\n"
	    "       mta-sts-resolver [-e] [-f FILE] --once [--routes] DOMAIN\n"
	    "       mta-sts-resolver [-e] [-f FILE] --refresh [DOMAIN]\n"
	    "       mta-sts-resolver [-e] [-f FILE] --due|--refetch DOMAIN\n"
	    "       mta-sts-resolver [-e] [-f FILE] --check-nameservers\n"
	    "       mta-sts-resolver [-e] [-f FILE] --post URL LENGTH\n"
	    "       mta-sts-resolver [-e] [-f FILE] --txt NAME\n"
	    "       mta-sts-resolver [-e] [-f FILE] --examine DOMAIN\n"
	    "Looks up MTA-STS policies and stores them in the state "
	    "directory.\n"
	    "Without a domain or --refresh it serves requests on standard "
	    "input.\n"
	    "  -e       log to standard error, not to syslog\n"
	    "  -f FILE  configuration, default %s\n",
	    sts_config_default_file());
	return status;
}

/* 0: none. */
static int64_t
parse_length(const char *text)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	int64_t len = 0;

	return sts_cursor_number(&c, 7, &len) && sts_cursor_left(&c) == 0 &&
		len <= STS_WIRE_POST_MAX
	    ? len
	    : 0;
}

/* Whether there is one task, and a domain if it needs one. */
static bool
is_consistent(const struct options *o)
{
	int tasks = o->once + o->refresh + o->due + o->refetch + o->examine +
	    o->nameservers + (o->post != NULL) + (o->txt != NULL);

	if (tasks > 1 || (o->routes && !o->once) ||
	    (o->post != NULL && o->post_len == 0))
		return false;
	if (o->domain != NULL)
		return tasks == 1 && !o->nameservers && o->post == NULL &&
		    o->txt == NULL;
	return tasks ==
	    o->refresh + o->nameservers + (o->post != NULL) + (o->txt != NULL);
}

/* Returns -1 to continue, else the exit status. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (strcmp(arg, "--help") == 0)
			return usage(stdout, 0);
		if (strcmp(arg, "--version") == 0) {
			printf("mta-sts-resolver %s\n", STS_VERSION);
			return 0;
		}
		if (strcmp(arg, "-f") == 0 && i + 1 < argc)
			o->config_file = argv[++i];
		else if (strcmp(arg, "--txt") == 0 && i + 1 < argc)
			o->txt = argv[++i];
		else if (strcmp(arg, "--post") == 0 && i + 2 < argc) {
			o->post = argv[++i];
			o->post_len = parse_length(argv[++i]);
		} else if (strcmp(arg, "-e") == 0)
			o->to_stderr = true;
		else if (strcmp(arg, "--once") == 0)
			o->once = true;
		else if (strcmp(arg, "--routes") == 0)
			o->routes = true;
		else if (strcmp(arg, "--refresh") == 0)
			o->refresh = true;
		else if (strcmp(arg, "--due") == 0)
			o->due = true;
		else if (strcmp(arg, "--examine") == 0)
			o->examine = true;
		else if (strcmp(arg, "--refetch") == 0)
			o->refetch = true;
		else if (strcmp(arg, "--check-nameservers") == 0)
			o->nameservers = true;
		else if (arg[0] != '-' && o->domain == NULL)
			o->domain = arg;
		else
			return usage(stderr, EXIT_USAGE);
	}
	return is_consistent(o) ? -1 : usage(stderr, EXIT_USAGE);
}

/*
 * The client has dropped to the owner of the state directory and given up new
 * privileges before it executed this program; a user or a timer may not have.
 * No library may run before both are certain.
 */
static bool
is_unprivileged(void)
{
	return sts_privilege_root_is_lost(false) && sts_privilege_forgo_new();
}

/* Reports a fault that ends the program before it has begun. */
static int
fail(const struct options *o, const char *domain, enum sts_status status)
{
	if (domain != NULL && !sts_domain_is_normalised(domain))
		domain = NULL;
	sts_log(STS_LOG_ERROR, domain, "event=fault reason=%s",
	    sts_status_name(status));
	if (o->once)
		sts_answer_line(STDOUT_FILENO, o->routes ? "routes" : "lookup",
		    domain, status);
	else if (o->examine)
		printf("done examine %s\n", sts_status_name(status));
	else if (o->post != NULL)
		printf("done post %s \n", sts_status_name(status));
	else if (o->refresh || o->due || o->refetch)
		sts_answer_line(STDOUT_FILENO, "refresh",
		    domain != NULL ? domain : "*", status);
	return EXIT_FAULT;
}

/* The callback's result for one domain. */
struct outcome {
	bool done;
	enum sts_status status;
};

static void
on_outcome(void *arg, enum sts_status status)
{
	struct outcome *outcome = arg;

	outcome->done = true;
	outcome->status = status;
}

static int
finish_one(const char *what, const char *domain, enum sts_status status)
{
	sts_answer_line(STDOUT_FILENO, what, domain, status);
	if (status == STS_OK || status == STS_NOT_DUE)
		return 0;
	return sts_status_is_local(status) ? EXIT_FAULT : 1;
}

/* Runs the loop until the callback, or a failure of the loop itself. */
static void
await_outcome(struct sts_resolver *r, bool started, struct outcome *outcome)
{
	while (started && !outcome->done) {
		enum sts_status status = sts_loop_step(r->loop, 1000);

		/* The callback may have come in this very step. */
		if (!outcome->done && status != STS_OK) {
			outcome->status = status;
			return;
		}
	}
}

static enum sts_task
task_of(const struct options *o)
{
	if (o->refresh)
		return STS_TASK_FORCE;
	if (o->due)
		return STS_TASK_AFTER;
	return o->refetch ? STS_TASK_REFETCH : STS_TASK_LOOKUP;
}

/* Runs a lookup, then routes if requested, or one of the refreshes. */
static int
run_one(struct sts_resolver *r, const struct options *o, const char *domain)
{
	enum sts_task task = task_of(o);
	const char *what = task != STS_TASK_LOOKUP ? "refresh"
	    : o->routes                            ? "routes"
						   : "lookup";
	struct outcome outcome = {false, STS_NO_MEMORY};

	await_outcome(r,
	    sts_lookup_start(r, domain, task, on_outcome, &outcome), &outcome);
	if (o->routes && outcome.status == STS_OK) {
		outcome = (struct outcome){false, STS_NO_MEMORY};
		await_outcome(r,
		    sts_routes_start(r, domain, on_outcome, &outcome),
		    &outcome);
	}
	return finish_one(what, domain, outcome.status);
}

static void
on_refreshed(void *arg, const char *domain, enum sts_status status, size_t done,
    size_t total)
{
	char line[64];
	int len;

	(void)arg;
	if (status != STS_OK && status != STS_NOT_DUE)
		sts_answer_line(STDOUT_FILENO, "refresh", domain, status);
	len = snprintf(line, sizeof(line), "progress %zu %zu\n", done, total);
	if (len > 0 && write(STDOUT_FILENO, line, (size_t)len) < 0)
		return;
}

/* All domains: what the callback said. */
struct round {
	struct outcome outcome;
	struct sts_refresh_counts counts;
};

static void
on_round(
    void *arg, enum sts_status status, const struct sts_refresh_counts *counts)
{
	struct round *round = arg;

	round->counts = *counts;
	on_outcome(&round->outcome, status);
}

static int
run_refresh_all(struct sts_resolver *r)
{
	struct round round = {.outcome = {false, STS_NO_MEMORY}};
	const struct sts_refresh_counts *counts = &round.counts;

	await_outcome(r,
	    sts_refresh_start(
		r, REFRESHES_AT_ONCE, on_refreshed, on_round, &round),
	    &round.outcome);
	if (round.outcome.status != STS_OK) {
		sts_answer_line(
		    STDOUT_FILENO, "refresh", "*", round.outcome.status);
		return EXIT_FAULT;
	}
	printf("refreshed fetched=%zu not_due=%zu failed=%zu removed=%zu\n",
	    counts->fetched, counts->not_due, counts->failed, counts->removed);
	(void)fflush(stdout);
	return counts->failed > 0 ? 1 : 0;
}

static int
run_post(struct sts_resolver *r, const struct options *o)
{
	enum sts_status status = sts_post_run(
	    r, o->post, (size_t)o->post_len, STDIN_FILENO, STDOUT_FILENO);

	if (status == STS_OK)
		return 0;
	return sts_status_is_local(status) ? EXIT_FAULT : 1;
}

/* An earlier alarm that the caller has set stays. */
static void
limit_life(unsigned seconds)
{
	unsigned before = alarm(seconds);

	if (before > 0 && before < seconds)
		(void)alarm(before);
}

/* Nothing inherited may end the process in the middle of a write. */
static void
set_up_process(const struct options *o, const struct sts_config *config)
{
	const struct rlimit no_core = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(027);
	if (chdir("/") != 0)
		sts_log(STS_LOG_DEBUG, NULL, "event=chdir");
	/* A detached lookup has no parent that ends it. */
	if (o->once || o->due || o->refetch || o->post != NULL)
		limit_life((unsigned)(config->fetch_timeout +
		    4 * config->dns_timeout + 30));
	else if (o->examine)
		limit_life((unsigned)(sts_config_examine_ms(config) / 1000 +
		    EXAMINE_GRACE));
}

static int
run(const struct options *o, const struct sts_config *config)
{
	struct sts_resolver resolver;
	char domain[STS_NAME_MAX + 1] = "";
	enum sts_status status;
	int result;

	if (o->domain != NULL &&
	    (status = sts_domain_normalise(o->domain, domain)) != STS_OK) {
		fprintf(
		    stderr, "mta-sts-resolver: %s\n", sts_status_text(status));
		return EXIT_USAGE;
	}
	if (o->nameservers)
		return sts_print_nameservers(config);
	if (o->txt != NULL)
		return sts_print_txt(config, o->txt);
	if (o->examine)
		return sts_examine(config, domain);
	status = sts_resolver_open(&resolver, config);
	if (status != STS_OK)
		return fail(o, o->domain != NULL ? domain : NULL, status);
	if (o->domain != NULL)
		result = run_one(&resolver, o, domain);
	else if (o->refresh)
		result = run_refresh_all(&resolver);
	else if (o->post != NULL)
		result = run_post(&resolver, o);
	else
		result = sts_serve(&resolver, STDIN_FILENO, STDOUT_FILENO);
	sts_resolver_close(&resolver);
	return result;
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	struct sts_config config;
	enum sts_status status;
	int result = parse_options(argc, argv, &o);

	if (result >= 0)
		return result;
	sts_log_open("mta-sts-resolver",
	    o.to_stderr ? STS_LOG_STDERR : STS_LOG_SYSLOG, STS_LOG_INFO);
	if (!is_unprivileged())
		return fail(&o, o.domain, STS_RESOLVER_ROOT);
	status =
	    sts_config_load(&config, o.config_file, sts_config_note_log, NULL);
	sts_log_open("mta-sts-resolver",
	    o.to_stderr ? STS_LOG_STDERR : STS_LOG_SYSLOG, config.log_level);
	set_up_process(&o, &config);
	result =
	    status == STS_OK ? run(&o, &config) : fail(&o, o.domain, status);
	sts_config_free(&config);
	return result;
}
