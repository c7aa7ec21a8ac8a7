/* SPDX-License-Identifier: ISC */
/*
 * Mail that this Exim sends is signed by the transport, so each one that a
 * report may take is looked at.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "exim/check/exim.h"

enum { NAMES_BYTES = 512 };

static const char headers[] =
    "dkim_sign_headers = _DKIM_SIGN_HEADERS:=TLS-Report-Domain:"
    "=TLS-Report-Submitter";

/* True if a router sends remote mail to this transport. */
static bool
is_used(const struct sts_exim *e, const struct sts_exim_driver *transport)
{
	for (size_t i = 0; i < e->routers.count; i++) {
		const struct sts_exim_driver *r = &e->routers.driver[i];

		if ((sts_exim_is(r, "driver", "dnslookup") ||
			sts_exim_is(r, "driver", "manualroute")) &&
		    sts_exim_is(r, "transport", transport->name))
			return true;
	}
	return false;
}

/* A value that is hidden from this user may be there. */
static bool
has(const struct sts_exim_driver *d, const char *option)
{
	return sts_exim_hides(d, option) || sts_exim_is_set(d, option);
}

static bool
signs(const struct sts_exim_driver *d)
{
	return has(d, "dkim_domain") && has(d, "dkim_selector") &&
	    has(d, "dkim_private_key");
}

/* A value without expansions, of which the first item counts; else "". */
static void
constant(
    const struct sts_exim_driver *d, const char *option, char *buf, size_t size)
{
	const char *value = sts_exim_value(d, option);

	buf[0] = '\0';
	if (value == NULL || strchr(value, '$') != NULL)
		return;
	value += strspn(value, " \t");
	(void)snprintf(buf, size, "%.*s", (int)strcspn(value, " \t:"), value);
}

static void
check_domain(struct sts_findings *f, const struct sts_exim_driver *d,
    const struct sts_signing *signing)
{
	char fix[700];

	if (signing->domain[0] == '\0' || signing->submitter[0] == '\0' ||
	    strcasecmp(signing->domain, signing->submitter) == 0)
		return;
	(void)snprintf(fix, sizeof(fix),
	    "dkim_domain = ${domain:$h_from:}, with a key of %s; or a contact "
	    "and a report-from at %s",
	    signing->submitter, signing->domain);
	sts_report_problem(f, STS_FIND_WARNING, fix,
	    "transport %s signs as %s, but reports are submitted by %s: they "
	    "do not count as signed",
	    d->name, signing->domain, signing->submitter);
}

/* RFC 8460 5.3: both fields SHOULD be signed. */
static void
check_headers(struct sts_findings *f, const struct sts_exim_driver *d)
{
	const char *value = sts_exim_value(d, "dkim_sign_headers");

	if (sts_exim_hides(d, "dkim_sign_headers") ||
	    (value != NULL && strcasestr(value, "TLS-Report-Domain") != NULL &&
		strcasestr(value, "TLS-Report-Submitter") != NULL))
		return;
	sts_report_problem(f, STS_FIND_WARNING, headers,
	    "transport %s does not sign TLS-Report-Domain and "
	    "TLS-Report-Submitter",
	    d->name);
}

static void
add_name(char names[NAMES_BYTES], const char *name)
{
	size_t used = strlen(names);

	(void)snprintf(names + used, NAMES_BYTES - used, "%s%s",
	    used > 0 ? ", " : "", name);
}

static void
check_transport(struct sts_findings *f, const struct sts_exim_driver *d,
    struct sts_signing *signing)
{
	constant(d, "dkim_domain", signing->domain, sizeof(signing->domain));
	constant(
	    d, "dkim_selector", signing->selector, sizeof(signing->selector));
	check_domain(f, d, signing);
	check_headers(f, d);
	signing->is_signed = true;
}

void
sts_exim_check_signing(struct sts_findings *f, const struct sts_exim *e,
    struct sts_signing *signing)
{
	char unsigned_names[NAMES_BYTES] = "";

	for (size_t i = 0; i < e->transports.count; i++) {
		const struct sts_exim_driver *d = &e->transports.driver[i];

		if (!sts_exim_is(d, "driver", "smtp") || !is_used(e, d))
			continue;
		if (signs(d))
			check_transport(f, d, signing);
		else
			add_name(unsigned_names, d->name);
	}
	if (unsigned_names[0] != '\0')
		sts_report_problem(f, STS_FIND_WARNING,
		    "set dkim_domain, dkim_selector and dkim_private_key "
		    "(Debian: the macros DKIM_DOMAIN, DKIM_SELECTOR, "
		    "DKIM_PRIVATE_KEY); unless a smart host signs",
		    "no DKIM signature by transport %s: receivers drop TLS "
		    "reports that are not signed",
		    unsigned_names);
}

static bool
list_has(const struct sts_exim_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->driver[i].count; k++)
			if (strcasestr(list->driver[i].option[k].value, text) !=
			    NULL)
				return true;
	return false;
}

void
sts_exim_check_tls_required(struct sts_findings *f, const struct sts_exim *e)
{
	if (sts_exim_query_router(e) != NULL &&
	    !list_has(&e->routers, "TLS-Required"))
		sts_report_problem(f, STS_FIND_WARNING,
		    "take the routers from " STS_EXAMPLE_DIR
		    "/exim, without MTA_STS_IGNORE_TLS_REQUIRED",
		    "no router heeds \"TLS-Required: No\": a TLS report waits "
		    "for the very failure that it is about");
}
