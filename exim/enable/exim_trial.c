/* SPDX-License-Identifier: ISC */
/* What must be right before anything is switched over. */
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/findings.h"
#include "base/status.h"
#include "exim/check/exim.h"
#include "exim/enable/exim_command.h"
#include "exim/enable/exim_work.h"

/* `exim -C TRIAL`, or without a trial `exim`, and one argument or two. */
static bool
run_exim(const struct sts_work *w, const char *trial, const char *argument,
    const char *second, char **said)
{
	if (trial == NULL)
		return STS_COMMAND(said, w->binary, argument, second);
	return STS_COMMAND(said, w->binary, "-C", trial, argument, second);
}

static enum sts_enable_result
try_syntax(const struct sts_work *w, const char *trial)
{
	char *said;
	enum sts_enable_result result = STS_ENABLE_DONE;

	if (!run_exim(w, trial, "-bV", NULL, &said))
		result = sts_work_refuse(w, NULL,
		    "Exim does not take the new configuration: %s",
		    said != NULL ? said : "");
	free(said);
	return result;
}

/* The findings of config check; those about a state directory to come are not.
 */
struct notes {
	const struct sts_work *w;
	bool has_state;
	unsigned errors;
};

static void
take_finding(void *arg, const struct sts_finding *finding)
{
	struct notes *n = arg;

	if (finding->severity == STS_FIND_NOTE ||
	    (!n->has_state && strncmp(finding->text, "state-dir ", 10) == 0))
		return;
	if (finding->severity == STS_FIND_ERROR)
		n->errors++;
	sts_finding_print(n->w->e->out, finding);
}

static enum sts_enable_result
try_check(const struct sts_work *w, const char *trial, bool has_state)
{
	const struct sts_enable *e = w->e;
	struct notes notes = {.w = w, .has_state = has_state};
	struct sts_findings findings = {.take = take_finding, .arg = &notes};
	struct sts_exim exim = {.binary = w->binary,
	    .config = trial,
	    .state_dir = e->state_dir,
	    .config_file = e->config_file,
	    .reports = e->reports};

	sts_exim_check_installed(&findings, &exim);
	if (notes.errors == 0)
		return STS_ENABLE_DONE;
	return sts_work_refuse(w, NULL,
	    "the new configuration has the errors above (mta-sts config check "
	    "--exim)");
}

/* The line about the delivery, at the end of what -bt says. */
static void
print_route(const struct sts_work *w, const char *said)
{
	const char *line = strstr(said, "  router = ");

	if (line == NULL)
		return;
	line += 2;
	(void)fprintf(w->e->out, "mail for %s would go by: ", w->e->domain);
	sts_escape_write(w->e->out, line, strcspn(line, "\n"));
	(void)putc('\n', w->e->out);
}

/*
 * True for a reason of this machine, or one that is no token of ours: other
 * mail would wait for it as well.  What a domain's own DNS or hosts do says
 * nothing about the configuration.
 */
static bool
is_local(const char *why)
{
	char token[64];
	enum sts_status status;

	if (strncmp(why, "no MX ", 6) == 0 ||
	    strncmp(why, "no permitted ", 13) == 0)
		return false;
	(void)snprintf(
	    token, sizeof(token), "%.*s", (int)strcspn(why, " \n"), why);
	return !sts_status_parse(token, &status) ||
	    sts_status_class(status) == STS_CLASS_LOCAL;
}

/*
 * Routes you@DOMAIN, as a delivery does; the resolver may query the network.
 * The caller frees *said, which may be NULL.  True if a router took it.
 */
static bool
route(const struct sts_work *w, const char *trial, char **said)
{
	char address[320];

	(void)snprintf(address, sizeof(address), "you@%s", w->e->domain);
	(void)run_exim(w, trial, "-bt", address, said);
	return *said != NULL && strstr(*said, "  router = ") != NULL;
}

void
sts_work_route_before(struct sts_work *w)
{
	char *said;

	w->routed = route(w, NULL, &said);
	free(said);
}

static enum sts_enable_result
refuse_unrouted(const struct sts_work *w, const char *said)
{
	return sts_work_refuse(w, NULL,
	    "today mail for %s has a route, and with the new configuration it "
	    "would have none: %.*s",
	    w->e->domain, said != NULL ? (int)strcspn(said, "\n") : 0,
	    said != NULL ? said : "");
}

static enum sts_enable_result
try_route(const struct sts_work *w, const char *trial)
{
	static const char mark[] = "MTA-STS: ";
	enum sts_enable_result result = STS_ENABLE_DONE;
	char fix[320], *said, *why;
	bool routed = route(w, trial, &said);

	(void)snprintf(fix, sizeof(fix), "see what is wrong: mta-sts query %s",
	    w->e->domain);
	why = said != NULL ? strstr(said, mark) : NULL;
	if (why != NULL && is_local(why + sizeof(mark) - 1))
		result = sts_work_refuse(w, fix, "mail for %s would wait: %.*s",
		    w->e->domain, (int)strcspn(why, "\n"), why);
	else if (why != NULL)
		(void)fprintf(w->e->out,
		    "mail for %s would wait (mta-sts query %s), for a reason "
		    "that is not this machine's\n",
		    w->e->domain, w->e->domain);
	else if (w->routed && !routed)
		result = refuse_unrouted(w, said);
	else if (routed)
		print_route(w, said);
	free(said);
	return result;
}

enum sts_enable_result
sts_work_try(const struct sts_work *w, const char *trial, bool has_state)
{
	enum sts_enable_result result = try_syntax(w, trial);

	if (result == STS_ENABLE_DONE)
		result = try_check(w, trial, has_state);
	if (result == STS_ENABLE_DONE && has_state)
		result = try_route(w, trial);
	return result;
}
