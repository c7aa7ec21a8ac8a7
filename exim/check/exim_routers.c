/* SPDX-License-Identifier: ISC */
/*
 * The routers, their order, and what is before them; exim_rules.c has the
 * rules for their options.
 */
#include <string.h>

#include "exim/check/exim.h"

#define IGNORE_ITEM "${if def:r_mta_sts_ign{$r_mta_sts_ign}{*}}"

/* The routers by role; their names are the operator's. */
struct roles {
	const struct sts_exim_driver *query;
	const struct sts_exim_driver *enforce;
	const struct sts_exim_driver *no_mx;
	const struct sts_exim_driver *report;       /* NULL: an older setup */
	const struct sts_exim_driver *not_required; /* likewise */
	const struct sts_exim_driver *plain; /* for all other remote mail */
};

/* For values that are partly the operator's own. */
static bool
contains(const struct sts_exim_driver *d, const char *option, const char *what)
{
	const char *value = sts_exim_value(d, option);

	return value != NULL && strstr(value, what) != NULL;
}

/*
 * By its function: a router that has lost an option is still recognised, so
 * that the loss is reported.
 */
static bool
is_enforcer(const struct sts_exim_driver *d)
{
	return sts_exim_is(d, "driver", "dnslookup") &&
	    (contains(d, "ignore_target_hosts", "r_mta_sts_ign") ||
		(contains(d, "condition", "$address_data") &&
		    contains(d, "condition", "{enforce}")) ||
		strcmp(d->name, "mta_sts_enforce") == 0);
}

/* By the text of its reason, or by its usual name. */
static bool
is_no_mx(const struct sts_exim_driver *d)
{
	return sts_exim_is(d, "driver", "redirect") &&
	    (contains(d, "data", ":defer: MTA-STS:") ||
		strcmp(d->name, "mta_sts_no_mx") == 0);
}

/* True if the router may give remote mail to an SMTP transport. */
static bool
sends_away(const struct sts_exim *e, const struct sts_exim_driver *d)
{
	static const char *const drivers[] = {
	    "dnslookup", "manualroute", "ipliteral", "queryprogram"};
	const struct sts_exim_driver *transport =
	    sts_exim_find(&e->transports, sts_exim_value(d, "transport"));

	if (sts_exim_is(d, "verify_only", "true"))
		return false;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (sts_exim_is(d, "driver", drivers[i]))
			return true;
	}
	return sts_exim_is(d, "driver", "accept") &&
	    sts_exim_is(transport, "driver", "smtp") &&
	    sts_exim_is_set(transport, "hosts") &&
	    !sts_exim_is(transport, "protocol", "lmtp");
}

/*
 * A manualroute also selects by the pattern at the beginning of each rule of
 * its route_list; semicolons separate rules.
 */
static bool
route_list_is_open(const struct sts_exim_driver *d)
{
	const char *list = sts_exim_value(d, "route_list");
	const char *data = sts_exim_value(d, "route_data");

	if (data != NULL && data[0] != '\0')
		return strstr(data, "$domain") == NULL &&
		    strstr(data, "lookup") == NULL;
	for (; list != NULL; list = strchr(list, ';')) {
		list += strspn(list, "; \t");
		if (*list == '!' || (*list == '*' && list[1] == ' '))
			return true;
	}
	return false;
}

/* True if the router excludes no remote domain. */
static bool
takes_every_domain(const struct sts_exim_driver *d)
{
	static const char *const limits[] = {"senders", "local_parts",
	    "condition", "require_files", "check_local_user",
	    "local_part_prefix", "local_part_suffix"};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (sts_exim_is_set(d, limits[i]))
			return false;
	}
	return sts_exim_list_is_open(sts_exim_value(d, "domains")) &&
	    (!sts_exim_is(d, "driver", "manualroute") || route_list_is_open(d));
}

/*
 * Found by function, since names may differ.  The plain router is the first one
 * after ours that takes every remote domain: it shows how mail was sent before
 * a domain enforced.
 */
static void
find_roles(const struct sts_exim *e, struct roles *r)
{
	const struct sts_exim_driver *end =
	    e->routers.driver + e->routers.count;
	const struct sts_exim_driver *last;

	memset(r, 0, sizeof(*r));
	r->query = sts_exim_query_router(e);
	for (const struct sts_exim_driver *d = e->routers.driver; d < end;
	     d++) {
		if (d == r->query)
			continue;
		if (r->enforce == NULL && is_enforcer(d))
			r->enforce = d;
		else if (r->no_mx == NULL && is_no_mx(d))
			r->no_mx = d;
	}
	last = r->no_mx != NULL ? r->no_mx : r->query;
	for (const struct sts_exim_driver *d = last + 1; d < end; d++) {
		if (r->report == NULL && sts_exim_is_report(d))
			r->report = d;
		else if (r->not_required == NULL && sts_exim_is_not_required(d))
			r->not_required = d;
		else if (r->plain == NULL && d != r->enforce &&
		    sends_away(e, d) &&
		    sts_exim_list_is_open(sts_exim_value(d, "domains")))
			r->plain = d;
	}
}

/* The three must apply to the same mail. */
static void
check_domains(struct sts_findings *f, const struct roles *r,
    const struct sts_exim_driver *d)
{
	const char *domains = sts_exim_value(r->query, "domains");

	if (!sts_exim_is(d, "domains", domains != NULL ? domains : ""))
		sts_report_problem(f, STS_FIND_ERROR,
		    "give the three the same domains",
		    "router %s has other domains than %s", d->name,
		    r->query->name);
}

/*
 * All that makes it query once and defer without an answer.  If it can skip a
 * message, that message is unprotected.
 */
static void
check_query(struct sts_findings *f, const struct sts_exim_driver *d)
{
	const char *domains = sts_exim_value(d, "domains");
	char argument[64];

	sts_exim_check_rules(f, STS_EXIM_QUERY, d);
	if (!sts_exim_call_argument(sts_exim_value(d, "address_data"), 2,
		argument, sizeof(argument)) ||
	    !sts_exim_same(argument, "$domain"))
		sts_report_problem(f, STS_FIND_ERROR,
		    "address_data = ${dlfunc{MTA_STS_SO}{mta_sts_query}"
		    "{$domain}}",
		    "router %s does not ask about $domain", d->name);
	if (contains(d, "address_data", "eqi{$h_TLS-Required:}{no}"))
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "router %s: mail with \"TLS-Required: No\" (RFC 8689) is "
		    "an "
		    "exception, unless MTA_STS_IGNORE_TLS_REQUIRED is defined",
		    d->name);
	if (!sts_exim_list_is_open(domains))
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "router %s: only these domains are asked about: %s",
		    d->name, domains);
}

/* Whether the plain router excludes private addresses. */
static void
check_addresses(struct sts_findings *f, const struct roles *r)
{
	const char *ours = sts_exim_value(r->enforce, "ignore_target_hosts");
	const char *plain = sts_exim_value(r->plain, "ignore_target_hosts");

	if (plain == NULL || plain[0] == '\0' || ours == NULL)
		return;
	if (strchr(ours, '+') == NULL && strstr(ours, "127.") == NULL)
		sts_report_problem(f, STS_FIND_WARNING,
		    "name the addresses in a hostlist and add it to "
		    "ignore_target_hosts",
		    "router %s lacks the ignored addresses of router %s",
		    r->enforce->name, r->plain->name);
}

/* The rest of the list after our item, or NULL if that is not first. */
static const char *
rest_of_list(const char *list)
{
	static const char item[] = IGNORE_ITEM;

	list += strspn(list, " \t");
	if (strncmp(list, item, sizeof(item) - 1) != 0)
		return NULL;
	list += sizeof(item) - 1;
	list += strspn(list, " \t");
	return *list == '\0' || *list == ':' ? list : NULL;
}

/*
 * RFC 8461 4.1: hosts outside the policy are ignored.  Exim expands the list as
 * a whole, then reads it until an item matches or fails.  So an item before
 * ours may let a host through, and a failing expansion lets all hosts through.
 */
static void
check_ignored(struct sts_findings *f, const struct sts_exim_driver *d)
{
	const char *list = sts_exim_value(d, "ignore_target_hosts");
	const char *rest = list != NULL ? rest_of_list(list) : NULL;

	if (rest == NULL)
		sts_report_problem(f, STS_FIND_ERROR,
		    "ignore_target_hosts = " IGNORE_ITEM " : 0.0.0.0 : ...",
		    "router %s does not compare MX hosts with the policy "
		    "first of all",
		    d->name);
	else if (strchr(rest, '$') != NULL)
		sts_report_problem(f, STS_FIND_ERROR,
		    "move it to a hostlist, and name that",
		    "router %s: an expansion in ignore_target_hosts that "
		    "fails lets every MX host through:%s",
		    d->name, rest + 1);
}

static void
check_enforce(struct sts_findings *f, const struct roles *r)
{
	sts_exim_check_rules(f, STS_EXIM_ENFORCE, r->enforce);
	check_domains(f, r, r->enforce);
	check_ignored(f, r->enforce);
	check_addresses(f, r);
}

/* A router that takes remote mail before the policy is queried. */
static void
check_before(struct sts_findings *f, const struct sts_exim_driver *d,
    const struct roles *r)
{
	const char *domains = sts_exim_value(d, "domains");
	bool limited = domains != NULL && domains[0] != '\0';

	if (sts_exim_is(d, "driver", "ipliteral"))
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "router %s delivers to address literals, which have no "
		    "policy",
		    d->name);
	else if (takes_every_domain(d))
		sts_report_problem(f, STS_FIND_ERROR,
		    "move it below the MTA-STS routers, or limit its domains",
		    "router %s (%s) comes before %s and takes mail for every "
		    "remote domain: no policy is asked for",
		    d->name, sts_exim_value(d, "driver"), r->query->name);
	else
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "router %s (%s) is an exception: what it takes is sent "
		    "without asking for a policy%s%s",
		    d->name, sts_exim_value(d, "driver"),
		    limited ? "; its domains: " : "", limited ? domains : "");
}

/*
 * Exim uses routers in the order of the file: one too early bypasses all of it.
 */
static void
check_order(
    struct sts_findings *f, const struct sts_exim *e, const struct roles *r)
{
	const struct sts_exim_driver *last =
	    r->no_mx > r->enforce ? r->no_mx : r->enforce;

	if (r->enforce < r->query ||
	    (r->no_mx != NULL && r->no_mx < r->enforce))
		sts_report_problem(f, STS_FIND_ERROR,
		    "order: the query, the enforcing router, the one that "
		    "defers",
		    "the MTA-STS routers are in a wrong order");
	for (const struct sts_exim_driver *d = e->routers.driver; d < last;
	     d++) {
		if (d != r->query && d != r->enforce && d != r->no_mx &&
		    sends_away(e, d))
			check_before(f, d, r);
	}
	if (sts_exim_is(r->plain, "driver", "manualroute"))
		sts_report_problem(f, STS_FIND_WARNING,
		    "remove the MTA-STS routers, and require verified TLS of "
		    "the smart host: hosts_require_tls = *, tls_verify_hosts = "
		    "* in its transport",
		    "router %s sends to a smart host, but mail for domains "
		    "with an enforce policy goes to their MX hosts directly",
		    r->plain->name);
}

/*
 * The report router takes mail that one of the operator's took before.  What
 * looks up MX hosts sends it to the same ones.
 */
static void
check_between(
    struct sts_findings *f, const struct sts_exim *e, const struct roles *r)
{
	if (r->report == NULL || r->plain == NULL)
		return;
	for (const struct sts_exim_driver *d = r->report + 1; d < r->plain;
	     d++) {
		if (sends_away(e, d) && !sts_exim_is(d, "driver", "dnslookup"))
			sts_report_problem(f, STS_FIND_WARNING,
			    "move it before the MTA-STS routers",
			    "router %s (%s) comes after %s, which takes the "
			    "mail for domains that want TLS reports",
			    d->name, sts_exim_value(d, "driver"),
			    r->report->name);
	}
}

void
sts_exim_check_routers(struct sts_findings *f, const struct sts_exim *e)
{
	struct roles r;

	find_roles(e, &r);
	check_query(f, r.query);
	if (r.enforce == NULL) {
		sts_report_problem(f, STS_FIND_ERROR,
		    "take mta_sts_enforce from " STS_EXAMPLE_DIR "/exim",
		    "no router enforces the result of %s", r.query->name);
		return;
	}
	check_enforce(f, &r);
	if (r.no_mx != NULL) {
		sts_exim_check_rules(f, STS_EXIM_NO_MX, r.no_mx);
		check_domains(f, &r, r.no_mx);
	} else {
		sts_report_problem(f, STS_FIND_ERROR,
		    "take mta_sts_no_mx from " STS_EXAMPLE_DIR "/exim",
		    "no router defers mail that has no permitted MX host; the "
		    "next one delivers it");
	}
	check_order(f, e, &r);
	sts_exim_check_transports(f, e, r.enforce, r.plain);
	check_between(f, e, &r);
	sts_exim_check_reports(f, e, r.report, r.no_mx, r.enforce, r.plain);
	sts_exim_check_not_required(f, e, r.not_required, r.query, r.plain);
}
