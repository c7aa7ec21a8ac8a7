/* SPDX-License-Identifier: ISC */
/*
 * The router and the transport for domains that want TLS reports, and the
 * events that MTA_STS_EVENT records.  None of it can let mail out: where it is
 * wrong, reports are, or a mail looks different from before.
 */
#include <stdio.h>
#include <string.h>

#include "exim/check/exim.h"

#define EVENT      "{mta_sts_event}"
#define MACRO      "MTA_STS_EVENT"
#define FROM_SETUP " from " STS_EXAMPLE_DIR "/exim"

static bool
records(const struct sts_exim_driver *d, const char *option)
{
	const char *value = sts_exim_value(d, option);

	return value != NULL && strstr(value, EVENT) != NULL;
}

bool
sts_exim_is_report(const struct sts_exim_driver *d)
{
	const char *condition = sts_exim_value(d, "condition");

	return sts_exim_is(d, "driver", "dnslookup") &&
	    (strcmp(d->name, "mta_sts_report") == 0 ||
		(condition != NULL && strstr(condition, "{rpt}") != NULL));
}

/* Exim takes a macro without a definition for text, and text refuses. */
static void
check_macro(struct sts_findings *f, const char *kind,
    const struct sts_exim_driver *d, const char *option,
    enum sts_severity severity, const char *effect)
{
	static const char *const macros[] = {MACRO, "MTA_STS_FAILED"};
	const char *value = sts_exim_value(d, option);
	char fix[100];

	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (value == NULL || strstr(value, macros[i]) == NULL)
			continue;
		(void)snprintf(fix, sizeof(fix), "take the macro %s" FROM_SETUP,
		    macros[i]);
		sts_report_problem(f, severity, fix,
		    "%s %s: %s in %s is not defined, %s", kind, d->name,
		    macros[i], option, effect);
	}
}

/* Options of the report transport that differ from the plain one's. */
static bool
is_of_report(const char *option)
{
	return strcmp(option, "debug_print") == 0 ||
	    strcmp(option, "event_action") == 0 ||
	    strcmp(option, "multi_domain") == 0 ||
	    strcmp(option, "hosts_try_dane") == 0;
}

/*
 * An event_action of the operator's is called for the transport's own mail
 * only, so it belongs to each; ours is always empty, so it may stand behind.
 */
static void
check_own_event(struct sts_findings *f, enum sts_severity severity,
    const struct sts_exim_driver *d, const struct sts_exim_driver *plain)
{
	const char *own = sts_exim_value(plain, "event_action");
	const char *has = sts_exim_value(d, "event_action");
	char line[1024];

	if (own == NULL || own[0] == '\0' || has == NULL ||
	    sts_exim_is_hidden(own) || strstr(own, EVENT) != NULL ||
	    strstr(has, own) != NULL)
		return;
	(void)snprintf(line, sizeof(line),
	    "event_action = %s" MACRO " (both are called; " MACRO
	    " is always empty)",
	    own);
	sts_report_problem(f, severity, severity == STS_FIND_NOTE ? NULL : line,
	    "transport %s does not call the event_action of transport %s, "
	    "whose mail this is%s",
	    d->name, plain->name,
	    severity == STS_FIND_NOTE ? "; it may stand before " MACRO
					" in the last braces"
				      : "");
}

static void
check_transport(struct sts_findings *f, const struct sts_exim_driver *d,
    const struct sts_exim_driver *plain)
{
	sts_exim_check_rules(f, STS_EXIM_REPORT_TRANSPORT, d);
	if (!sts_exim_is(plain, "driver", "smtp") || d == plain)
		return;
	sts_exim_check_difference(f, d, plain, is_of_report);
	check_own_event(f, STS_FIND_WARNING, d, plain);
}

static void
check_router(struct sts_findings *f, const struct sts_exim_driver *report,
    const struct sts_exim_driver *plain_router)
{
	const char *ours = sts_exim_value(report, "ignore_target_hosts");
	const char *theirs =
	    sts_exim_value(plain_router, "ignore_target_hosts");

	sts_exim_check_rules(f, STS_EXIM_REPORT, report);
	if (theirs != NULL && theirs[0] != '\0' && ours != NULL &&
	    !sts_exim_same(ours, theirs))
		sts_report_problem(f, STS_FIND_WARNING,
		    "give both the same ignore_target_hosts",
		    "router %s ignores other addresses than router %s",
		    report->name, plain_router->name);
}

/* What is not recorded, where reports are on. */
static void
check_complete(struct sts_findings *f, const struct sts_exim_driver *report,
    const struct sts_exim_driver *no_mx,
    const struct sts_exim_driver *enforcing,
    const struct sts_exim_driver *plain)
{
	if (!records(enforcing, "event_action"))
		sts_report_problem(f, STS_FIND_WARNING,
		    "take event_action, and the macro " MACRO FROM_SETUP,
		    "transport %s: TLS reports are on, but its sessions are "
		    "not recorded",
		    enforcing->name);
	if (no_mx != NULL && !records(no_mx, "data"))
		sts_report_problem(f, STS_FIND_WARNING,
		    "take data, and the macro " MACRO FROM_SETUP,
		    "router %s: TLS reports are on, but mail without a "
		    "permitted MX host is not recorded",
		    no_mx->name);
	if (report == NULL && plain != NULL && !records(plain, "event_action"))
		sts_report_problem(f, STS_FIND_WARNING,
		    "take mta_sts_report and "
		    "remote_smtp_mta_sts_report" FROM_SETUP,
		    "TLS reports are on, but sessions with domains that do not "
		    "enforce are not recorded");
}

void
sts_exim_check_reports(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *report, const struct sts_exim_driver *no_mx,
    const struct sts_exim_driver *enforce,
    const struct sts_exim_driver *plain_router)
{
	const struct sts_exim_driver *enforcing =
	    sts_exim_find(&e->transports, sts_exim_value(enforce, "transport"));
	const struct sts_exim_driver *plain = sts_exim_find(
	    &e->transports, sts_exim_value(plain_router, "transport"));
	const struct sts_exim_driver *transport =
	    sts_exim_find(&e->transports, sts_exim_value(report, "transport"));

	check_macro(f, "transport", enforcing, "event_action", STS_FIND_ERROR,
	    "and refuses every connection");
	check_macro(f, "transport", transport, "event_action", STS_FIND_ERROR,
	    "and refuses every connection");
	check_macro(f, "router", no_mx, "data", STS_FIND_WARNING,
	    "and is in the reason");
	if (enforcing != NULL && enforcing != plain)
		check_own_event(f, STS_FIND_NOTE, enforcing, plain);
	if (report != NULL)
		check_router(f, report, plain_router);
	if (transport != NULL)
		check_transport(f, transport, plain);
	/* By one line in the plain transport, without a router. */
	else if (records(plain, "event_action"))
		sts_exim_check_rules(f, STS_EXIM_REPORT_TRANSPORT, plain);
	if (e->reports && enforcing != NULL)
		check_complete(f, report, no_mx, enforcing, plain);
}
