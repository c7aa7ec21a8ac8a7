/* SPDX-License-Identifier: ISC */
#include "exim/query.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "client/ask.h"
#include "client/mx_hosts.h"
#include "client/record_deferral.h"
#include "exim/answered.h"
#include "exim/hostlist.h"
#include "exim/memory.h"
#include "exim/tls_failed.h"

/*
 * Any other result loses or bounces the mail in some version of Exim, so every
 * outcome is an answer.
 */
enum { EXIM_OK = 0 };

/*
 * Exim compiles the host list again for each address of each MX host and frees
 * nothing meanwhile.  With this length, 4,000 addresses cost about 110 MiB and
 * a second; no policy in use comes near it.
 */
enum { ANSWER_MAX = 3072 };

/* Behind the mode, for mta_sts_event: the domain wants TLS reports. */
#define REPORT " rpt=1"

static char answer_text[ANSWER_MAX + sizeof(REPORT)];

/* The time that this process has spent on slow lookups. */
static struct sts_budget budget;

struct sts_budget *
sts_exim_budget(void)
{
	return &budget;
}

/* Why the last answer was "defer"; STS_OK: it was not. */
static enum sts_status deferred;

static void
defer(enum sts_status why)
{
	deferred = why;
	snprintf(answer_text, sizeof(answer_text), "mode=defer why=%s",
	    sts_status_name(why));
}

/*
 * For a policy with more patterns than fit into an Exim list: lists only the
 * domain's current MX hosts.
 */
static enum sts_status
list_present(const struct sts_config *config, const char *domain,
    const struct sts_policy *policy, char *buf, size_t size)
{
	struct sts_routes routes;

	if (sts_ask_mx_hosts(config, domain, &budget, &routes) != STS_OK ||
	    (routes.status != STS_OK && routes.status != STS_NULL_MX &&
		routes.status != STS_NO_MX_HOST &&
		routes.status != STS_DNS_NXDOMAIN))
		return STS_POLICY_TOO_LARGE;
	return sts_hostlist_present(policy, &routes, buf, size);
}

/*
 * Answers which hosts are permitted, or why that is unknown.  The list has the
 * same room with REPORT as without.
 */
static void
enforce(const struct sts_config *config, const char *domain,
    const struct sts_policy *policy, const char *report)
{
	size_t start = (size_t)snprintf(
	    answer_text, sizeof(answer_text), "mode=enforce%s ign=", report);
	char *list = answer_text + start;
	size_t size = ANSWER_MAX + 1 + strlen(report) - start;
	enum sts_status status;

	status = sts_hostlist(policy, list, size);
	if (status == STS_POLICY_TOO_LARGE)
		status = list_present(config, domain, policy, list, size);
	if (status == STS_OK && !sts_memory_allows(strlen(answer_text)))
		status = STS_POLICY_TOO_LARGE;
	if (status != STS_OK)
		defer(status);
	else
		sts_tls_failed_prepare();
}

static bool
wants_reports(const struct sts_config *config, const struct sts_answer *answer)
{
	return answer->has_check && answer->check.tlsrpt[0] != '\0' &&
	    sts_config_reports(config);
}

static void
write_answer(const struct sts_config *config, const char *domain,
    const struct sts_answer *answer)
{
	const char *report = wants_reports(config, answer) ? REPORT : "";

	switch (answer->verdict) {
	case STS_VERDICT_NONE:
	case STS_VERDICT_TESTING:
		snprintf(answer_text, sizeof(answer_text), "mode=%s%s",
		    sts_verdict_name(answer->verdict), report);
		break;
	case STS_VERDICT_ENFORCE:
		enforce(config, domain, &answer->entry.policy, report);
		break;
	case STS_VERDICT_DEFER:
	default:
		defer(answer->why);
		break;
	}
}

/* For the sessions that follow; the answer is written. */
static void
note_answer(const struct sts_config *config, const char *config_file,
    struct sts_answer *answer)
{
	if (wants_reports(config, answer))
		sts_answered_note(config_file, config, answer);
	else
		sts_answered_forget(config_file, answer->domain);
}

static void
note_deferral(const struct sts_config *config, const struct sts_answer *answer)
{
	if (deferred != STS_OK && answer->domain[0] != '\0')
		sts_client_record_deferral(config, answer->domain, deferred);
}

/*
 * Reads the configuration at each call: it may change during the process's
 * life, and that costs little.
 */
static void
query(const char *domain, const char *config_file)
{
	struct sts_config config;
	struct sts_answer answer;
	enum sts_status status;

	deferred = STS_OK;
	status = sts_config_load(&config, config_file, NULL, NULL);
	if (status != STS_OK) {
		/* The file may have named another state directory. */
		defer(status);
	} else {
		sts_ask(&config, domain, &budget, &answer);
		write_answer(&config, domain, &answer);
		note_answer(&config, config_file, &answer);
		note_deferral(&config, &answer);
		sts_answer_free(&answer);
	}
	sts_config_free(&config);
}

int
mta_sts_query(unsigned char **yield, int argc, unsigned char *argv[])
{
	int saved_errno = errno;

	if (argc < 1 || argc > 2 || argv == NULL || argv[0] == NULL ||
	    (argc == 2 && argv[1] == NULL))
		defer(STS_USAGE);
	else
		query((const char *)argv[0],
		    argc == 2 ? (const char *)argv[1] : NULL);
	if (yield != NULL)
		*yield = (unsigned char *)answer_text;
	errno = saved_errno;
	return EXIM_OK;
}
