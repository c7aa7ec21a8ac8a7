/* SPDX-License-Identifier: ISC */
/*
 * Everything here is a warning at most: without reports mail flows as before,
 * and is as safe.
 */
#include "tool/reporting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/domain.h"
#include "core/uri.h"
#include "report/deliver.h"
#include "report/write.h"

enum sts_reporting
sts_reporting_state(const struct sts_config *config)
{
	if (sts_config_reports(config))
		return config->tlsrpt_socket != NULL ? STS_REPORTING_COLLECTOR
						     : STS_REPORTING_ON;
	return config->organization != NULL || config->contact != NULL
	    ? STS_REPORTING_INCOMPLETE
	    : STS_REPORTING_OFF;
}

void
sts_reporting_identity(
    const struct sts_config *config, struct sts_reporting_identity *identity)
{
	char submitter[STS_NAME_MAX + 1];
	struct sts_deliver d = {.config = config};
	bool known = sts_deliver_identity(&d, submitter);

	(void)snprintf(
	    identity->from, sizeof(identity->from), "%s", known ? d.from : "");
	(void)snprintf(identity->submitter, sizeof(identity->submitter), "%s",
	    known ? submitter : "");
}

/* A note: it is no fault to have no reports. */
static void
check_incomplete(struct sts_findings *f, const struct sts_config *config)
{
	if (config->contact == NULL)
		sts_report_problem(f, STS_FIND_NOTE,
		    "set contact to a mail address, or remove organization",
		    "organization is set, but contact is not: no TLS reports "
		    "are made");
	else
		sts_report_problem(f, STS_FIND_NOTE,
		    "set organization to your organization's name, or remove "
		    "contact",
		    "contact is set, but organization is not: no TLS reports "
		    "are made");
}

/* An address, or a URI of one (RFC 8460 4.4 leaves it open). */
static bool
is_contact(const char *contact)
{
	struct sts_span uri = {contact, strlen(contact)};

	return sts_report_is_address(contact) ||
	    (sts_uri_is_valid(uri) && sts_uri_is_destination(uri));
}

static void
check_contact(struct sts_findings *f, const struct sts_config *config)
{
	if (!is_contact(config->contact))
		sts_report_problem(f, STS_FIND_WARNING,
		    "contact tlsrpt@example.org, an address or a URL of yours",
		    "contact %s: neither a mail address nor a mailto: or "
		    "https: URI; it stands in each report",
		    config->contact);
}

/* The domain of an address in A-labels, or "". */
static void
domain_of(const char *address, char domain[STS_NAME_MAX + 1])
{
	const char *at = strrchr(address, '@');

	if (at == NULL || sts_domain_normalise(at + 1, domain) != STS_OK)
		domain[0] = '\0';
}

static void
check_identity(struct sts_findings *f, const struct sts_config *config)
{
	struct sts_reporting_identity who;
	char domain[STS_NAME_MAX + 1], fix[STS_NAME_MAX + 80];

	sts_reporting_identity(config, &who);
	if (who.from[0] == '\0') {
		sts_report_problem(f, STS_FIND_WARNING,
		    "report-from tlsrpt@example.org, an address of yours",
		    "there is no address to send TLS reports from: %s",
		    config->report_from != NULL
			? "report-from is not one that can be used"
			: "report-from is not set, and contact is no plain "
			  "mail address");
		return;
	}
	domain_of(who.from, domain);
	(void)snprintf(fix, sizeof(fix), "set report-from to an address at %s",
	    who.submitter);
	if (strcmp(domain, who.submitter) != 0)
		sts_report_problem(f, STS_FIND_WARNING, fix,
		    "report-from %s is not at %s, the domain of contact: "
		    "receivers expect one domain in both, and in the "
		    "signature",
		    who.from, who.submitter);
}

static void
check_sendmail(struct sts_findings *f, const struct sts_config *config)
{
	const char *path = config->report_sendmail;
	struct stat st;

	if (path == NULL)
		return;
	errno = 0;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & 0111) != 0)
		return;
	sts_report_problem(f, STS_FIND_WARNING,
	    "set report-sendmail to the mail server's sendmail",
	    "report-sendmail %s: %s; no TLS report can be sent by mail", path,
	    errno != 0 ? strerror(errno) : "is no program");
}

static void
check_socket(struct sts_findings *f, const struct sts_config *config)
{
	const char *path = config->tlsrpt_socket;
	struct stat st;

	errno = 0;
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return;
	sts_report_problem(f, STS_FIND_WARNING,
	    "start the collector, or remove tlsrpt-socket",
	    "tlsrpt-socket %s: %s; what sessions became of is lost", path,
	    errno != 0 ? strerror(errno) : "is no socket");
}

void
sts_reporting_check_config(
    struct sts_findings *f, const struct sts_config *config)
{
	switch (sts_reporting_state(config)) {
	case STS_REPORTING_OFF:
		break;
	case STS_REPORTING_INCOMPLETE:
		check_incomplete(f, config);
		break;
	case STS_REPORTING_COLLECTOR:
		check_socket(f, config);
		break;
	default:
		check_contact(f, config);
		check_identity(f, config);
		check_sendmail(f, config);
	}
}
