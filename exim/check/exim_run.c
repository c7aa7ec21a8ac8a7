/* SPDX-License-Identifier: ISC */
/* Queries an Exim about itself. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "exim/check/exim.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024, PATIENCE_MS = 30000, ARGUMENTS_MAX = 8 };

/*
 * Runs Exim with the arguments (NULL-ended, at most 8); returns its output,
 * which the caller frees, or NULL on failure.
 */
static char *
run_exim(const struct sts_exim *e, const char *const *arguments)
{
	struct sts_child_spec spec = {
	    .path = e->binary, .want_stdout = true, .inherit_stderr = true};
	struct sts_child child;
	size_t count = 0;
	ssize_t len;
	int wait_status;
	char *output;

	spec.argv[count++] = e->binary;
	if (e->config != NULL) {
		spec.argv[count++] = "-C";
		spec.argv[count++] = e->config;
	}
	for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
		spec.argv[count++] = arguments[i];
	output = malloc(OUTPUT_MAX + 1);
	if (output == NULL || sts_child_start(&child, &spec) != STS_OK) {
		free(output);
		return NULL;
	}
	len = sts_child_read(&child, output, OUTPUT_MAX, false,
	    sts_monotonic_ms() + PATIENCE_MS);
	wait_status =
	    sts_child_finish(&child, sts_monotonic_ms() + PATIENCE_MS);
	if (len < 0 || len == OUTPUT_MAX || wait_status == -1 ||
	    !WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
		free(output);
		return NULL;
	}
	output[len] = '\0';
	/* A NUL in it would end the text. */
	return output;
}

const char *
sts_exim_binary(void)
{
	static const char *const paths[] = {"/usr/sbin/exim4", "/usr/sbin/exim",
	    "/usr/exim/bin/exim", "/usr/local/sbin/exim",
	    "/usr/lib/exim/bin/exim", "/opt/exim/bin/exim", "/usr/bin/exim"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	}
	return NULL;
}

/*
 * Calls the plugin as a delivery does, for an address literal, which has no
 * policy (RFC 8461 3.4), so that nothing is queried.
 */
static char *
try_call(const struct sts_exim *e)
{
	const struct sts_exim_driver *router = sts_exim_query_router(e);
	char object[512], text[640];
	const char *const arguments[] = {"-be", text, NULL};

	if (router == NULL ||
	    !sts_exim_call_argument(sts_exim_value(router, "address_data"), 0,
		object, sizeof(object)))
		return NULL;
	(void)snprintf(text, sizeof(text),
	    "${dlfunc{%s}{mta_sts_query}{[192.0.2.1]}}", object);
	return run_exim(e, arguments);
}

/*
 * Each query is one run of Exim.  False if it does not start or refuses; its
 * message has gone to standard error.
 */
static bool
ask_all(struct sts_exim *e)
{
	static const char *const version[] = {"-bV", NULL};
	static const char *const main_options[] = {
	    "-bP", "exim_user", "dns_dnssec_ok", "config_file", NULL};
	static const char *const routers[] = {"-bP", "routers", NULL};
	static const char *const transports[] = {"-bP", "transports", NULL};
	static const char *const all[] = {"-bP", "config", NULL};
	static const char *const retry[] = {"-brt", "a.invalid", NULL};
	static const char *const retry_tls[] = {
	    "-brt", "a.invalid", "tls_required", NULL};
	static const char *const dlfunc[] = {"-be", "_HAVE_DLFUNC", NULL};

	e->version = run_exim(e, version);
	if (e->version == NULL)
		return false;
	e->main = run_exim(e, main_options);
	e->router_text = run_exim(e, routers);
	e->transport_text = run_exim(e, transports);
	e->all = run_exim(e, all);
	e->retry = run_exim(e, retry);
	e->retry_tls = run_exim(e, retry_tls);
	e->dlfunc = run_exim(e, dlfunc);
	if (e->main == NULL || e->router_text == NULL ||
	    e->transport_text == NULL || e->dlfunc == NULL)
		return false;
	if (sts_exim_parse(&e->routers, e->router_text, "router") != STS_OK ||
	    sts_exim_parse(&e->transports, e->transport_text, "transport") !=
		STS_OK)
		return false;
	e->call_result = try_call(e);
	return true;
}

/* The lists borrow the texts, so both are freed together. */
static void
free_answers(struct sts_exim *e)
{
	free(e->version);
	free(e->main);
	free(e->router_text);
	free(e->transport_text);
	free(e->all);
	free(e->retry);
	free(e->retry_tls);
	free(e->dlfunc);
	free(e->call_result);
	sts_exim_list_free(&e->routers);
	sts_exim_list_free(&e->transports);
}

/* False, with a finding, if it does not answer. */
static bool
ask_installed(struct sts_findings *findings, struct sts_exim *e)
{
	if (e->binary == NULL)
		e->binary = sts_exim_binary();
	if (e->binary == NULL)
		sts_report_problem(findings, STS_FIND_ERROR,
		    "--exim-binary PATH",
		    "no Exim was found in the usual places");
	else if (ask_all(e))
		return true;
	else if (e->version == NULL)
		sts_report_problem(findings, STS_FIND_ERROR,
		    "see what this says: exim -bV",
		    "%s cannot be run, or refuses its configuration",
		    e->binary);
	else
		sts_report_problem(findings, STS_FIND_ERROR, "run this as root",
		    "%s does not show its configuration to this user",
		    e->binary);
	return false;
}

void
sts_exim_check_installed(struct sts_findings *findings, struct sts_exim *e)
{
	e->debian_dir = "/etc/exim4";
	e->resolv_conf = "/etc/resolv.conf";
	if (ask_installed(findings, e))
		sts_exim_check(findings, e);
	/* With -C, Exim does not read Debian's files. */
	if (e->config == NULL)
		sts_exim_check_fragments(findings, e->debian_dir,
		    "/var/lib/exim4/config.autogenerated");
	free_answers(e);
}

void
sts_exim_check_reporter(struct sts_findings *findings, struct sts_exim *e,
    struct sts_signing *signing)
{
	if (ask_installed(findings, e)) {
		sts_exim_check_signing(findings, e, signing);
		sts_exim_check_tls_required(findings, e);
	}
	free_answers(e);
}
