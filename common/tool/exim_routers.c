/* SPDX-License-Identifier: ISC */
/*
 * The three routers, their order, and what comes before them.  The reason for
 * each demand stands in docs/exim.md.
 */
#include <string.h>

#include "tool/exim.h"

#define IS_ENFORCE "${if eq{${extract{mode}{$address_data}}}{enforce}}"
#define IS_NOT_FREE \
	"${if inlist{${extract{mode}{$address_data}}}{none:testing}{no}{yes}}"
#define IGNORE_ITEM "${extract{ign}{$address_data}{$value}{*}}"
#define NO_ANSWER   "{none:testing:enforce}{:defer:"

/* The routers by what they do; names are the operator's. */
struct roles {
	const struct sts_exim_driver *query;
	const struct sts_exim_driver *enforce;
	const struct sts_exim_driver *no_mx;
	const struct sts_exim_driver *plain; /* for all other remote mail */
};

/* Part of a value, where the rest is the operator's own. */
static bool
contains(const struct sts_exim_driver *d, const char *option, const char *what)
{
	const char *value = sts_exim_value(d, option);

	return value != NULL && strstr(value, what) != NULL;
}

/*
 * By what it does or would do: a router that has lost one of its options is
 * still recognised, and the loss reported.
 */
static bool
is_enforcer(const struct sts_exim_driver *d)
{
	return sts_exim_is(d, "driver", "dnslookup") &&
	    (contains(d, "ignore_target_hosts", "{ign}{$address_data}") ||
		(contains(d, "condition", "$address_data") &&
		    contains(d, "condition", "{enforce}")) ||
		strcmp(d->name, "mta_sts_enforce") == 0);
}

/* By the words of its reason, or by its usual name. */
static bool
is_no_mx(const struct sts_exim_driver *d)
{
	return sts_exim_is(d, "driver", "redirect") &&
	    (contains(d, "data", ":defer: MTA-STS:") ||
		strcmp(d->name, "mta_sts_no_mx") == 0);
}

/* True where the router may give remote mail to an SMTP transport. */
static bool
sends_away(const struct sts_exim *e, const struct sts_exim_driver *d)
{
	static const char *const drivers[] = {
	    "dnslookup", "manualroute", "ipliteral", "queryprogram"};
	const char *name = sts_exim_value(d, "transport");
	const struct sts_exim_driver *transport;

	if (sts_exim_is(d, "verify_only", "true"))
		return false;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (sts_exim_is(d, "driver", drivers[i]))
			return true;
	}
	transport = name != NULL && sts_exim_is(d, "driver", "accept")
	    ? sts_exim_find(&e->transports, name)
	    : NULL;
	return transport != NULL && sts_exim_is(transport, "driver", "smtp") &&
	    sts_exim_is_set(transport, "hosts") &&
	    !sts_exim_is(transport, "protocol", "lmtp");
}

/*
 * A manualroute also chooses by the pattern that begins each rule of its
 * route_list; rules are separated by semicolons.
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

/* True where nothing in the router leaves any remote domain out. */
static bool
takes_every_domain(const struct sts_exim_driver *d)
{
	static const char *const limits[] = {"senders", "local_parts",
	    "condition", "require_files", "check_local_user",
	    "local_part_prefix", "local_part_suffix"};
	const char *domains = sts_exim_value(d, "domains");

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (sts_exim_is_set(d, limits[i]))
			return false;
	}
	if (!sts_exim_list_is_open(domains != NULL ? domains : ""))
		return false;
	return !sts_exim_is(d, "driver", "manualroute") ||
	    route_list_is_open(d);
}

/*
 * Names may have been changed, so each is known by its work.  The plain
 * router is the first behind ours that takes every remote domain: what it is
 * like tells how mail looked before a domain enforced.
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
		const char *domains = sts_exim_value(d, "domains");

		if (r->plain == NULL && d != r->enforce && sends_away(e, d) &&
		    sts_exim_list_is_open(domains != NULL ? domains : ""))
			r->plain = d;
	}
}

/* An option of a router that must have one value. */
static void
want(struct sts_findings *f, const struct sts_exim_driver *d,
    const char *option, const char *value, const char *line, const char *why)
{
	const char *has = sts_exim_value(d, option);

	if (has == NULL || sts_exim_same(has, value))
		return;
	sts_find(f, STS_FIND_ERROR, line, "router %s: %s", d->name, why);
}

/* What all three have in common. */
static void
judge_common(struct sts_findings *f, const struct roles *r,
    const struct sts_exim_driver *d)
{
	static const char *const limits[] = {"senders", "local_parts",
	    "require_files", "check_local_user", "local_part_prefix",
	    "local_part_suffix", "verify_only", "unseen"};
	const char *domains = sts_exim_value(r->query, "domains");

	want(f, d, "verify_sender", "false", "no_verify_sender",
	    "a local fault would refuse inbound mail, and any MAIL FROM would "
	    "make this host fetch a policy");
	want(f, d, "verify_recipient", "true", "verify_recipient",
	    "a delivery that was verified without it may go out in clear text");
	if (!sts_exim_is(d, "domains", domains != NULL ? domains : ""))
		sts_find(f, STS_FIND_ERROR, "give the three the same domains",
		    "router %s has other domains than %s", d->name,
		    r->query->name);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (sts_exim_is_set(d, limits[i]))
			sts_find(f, STS_FIND_ERROR, "remove that option",
			    "router %s: %s exempts mail from its policy",
			    d->name, limits[i]);
	}
}

/*
 * All that makes it ask once and defer where there is no answer.  Anything
 * that lets it pass over a message lets that message out unprotected.
 */
static void
judge_query(struct sts_findings *f, const struct sts_exim_driver *d)
{
	const char *data = sts_exim_value(d, "data");
	const char *domains = sts_exim_value(d, "domains");
	char argument[64];

	want(f, d, "driver", "redirect", "driver = redirect",
	    "only a redirect router can defer with a reason");
	want(f, d, "allow_defer", "true", "allow_defer",
	    "without it the reason is not shown");
	want(f, d, "more", "true", "more",
	    "with no_more mail for domains without a policy bounces");
	want(f, d, "condition", "", "remove its condition",
	    "a condition exempts mail from its policy");
	if (data == NULL || strstr(data, NO_ANSWER) == NULL)
		sts_find(f, STS_FIND_ERROR,
		    "data = ${if !inlist{${extract{mode}{$address_data}}}"
		    "{none:testing:enforce}{:defer: MTA-STS: ${extract{why}"
		    "{$address_data}{$value}{no usable answer}}}}",
		    "router %s does not defer where there is no answer",
		    d->name);
	if (!sts_exim_call_argument(sts_exim_value(d, "address_data"), 2,
		argument, sizeof(argument)) ||
	    !sts_exim_same(argument, "$domain"))
		sts_find(f, STS_FIND_ERROR,
		    "address_data = ${dlfunc{MTA_STS_SO}{mta_sts_query}"
		    "{$domain}}",
		    "router %s does not ask about $domain", d->name);
	if (domains != NULL && !sts_exim_list_is_open(domains))
		sts_find(f, STS_FIND_NOTE, NULL,
		    "router %s: only these domains are asked about: %s",
		    d->name, domains);
}

/* Whether the plain router keeps strangers off private addresses. */
static void
judge_addresses(struct sts_findings *f, const struct roles *r)
{
	const char *ours = sts_exim_value(r->enforce, "ignore_target_hosts");
	const char *plain = r->plain != NULL
	    ? sts_exim_value(r->plain, "ignore_target_hosts")
	    : NULL;

	if (plain == NULL || plain[0] == '\0' || ours == NULL)
		return;
	if (strchr(ours, '+') == NULL && strstr(ours, "127.") == NULL)
		sts_find(f, STS_FIND_WARNING,
		    "name the addresses in a hostlist and add it to "
		    "ignore_target_hosts",
		    "router %s lacks the ignored addresses of router %s",
		    r->enforce->name, r->plain->name);
}

/*
 * RFC 8461 4.1: hosts outside the policy are ignored.  Exim ignores by a
 * list, and without an answer the list has to be "*".
 */
static void
judge_enforce(struct sts_findings *f, const struct roles *r)
{
	const struct sts_exim_driver *d = r->enforce;

	judge_common(f, r, d);
	want(f, d, "more", "true", "more",
	    "with no_more mail bounces where no MX host is permitted");
	want(f, d, "condition", IS_ENFORCE, "condition = " IS_ENFORCE,
	    "it is not limited to domains with an enforce policy");
	want(f, d, "fallback_hosts", "", "remove fallback_hosts",
	    "fallback_hosts are in no policy");
	want(f, d, "check_srv", "", "remove check_srv",
	    "a policy names MX hosts, not SRV targets");
	want(f, d, "dnssec_request_domains", "*", "dnssec_request_domains = *",
	    "DANE, which goes before MTA-STS, is not used");
	if (!contains(d, "ignore_target_hosts", IGNORE_ITEM))
		sts_find(f, STS_FIND_ERROR,
		    "ignore_target_hosts = 0.0.0.0 : " IGNORE_ITEM,
		    "router %s does not hold MX hosts against the policy",
		    d->name);
	judge_addresses(f, r);
}

/*
 * With all hosts ignored the router before declines, and whatever comes next
 * would deliver.
 */
static void
judge_no_mx(struct sts_findings *f, const struct roles *r)
{
	const struct sts_exim_driver *d = r->no_mx;
	const char *condition = sts_exim_value(d, "condition");
	const char *data = sts_exim_value(d, "data");

	judge_common(f, r, d);
	want(f, d, "allow_defer", "true", "allow_defer",
	    "without it the reason is not shown");
	if (condition == NULL ||
	    (!sts_exim_same(condition, IS_NOT_FREE) &&
		!sts_exim_same(condition, IS_ENFORCE)))
		sts_find(f, STS_FIND_ERROR, "condition = " IS_NOT_FREE,
		    "router %s does not stop exactly the mail that has no "
		    "permitted MX host",
		    d->name);
	if (data == NULL || strncmp(data, ":defer:", 7) != 0)
		sts_find(f, STS_FIND_ERROR,
		    "data = :defer: MTA-STS: no MX host of $domain is "
		    "permitted by its policy",
		    "router %s does not defer", d->name);
}

/* A router that takes remote mail before the policy is looked at. */
static void
judge_before(struct sts_findings *f, const struct sts_exim_driver *d,
    const struct roles *r)
{
	const char *domains = sts_exim_value(d, "domains");
	bool limited = domains != NULL && domains[0] != '\0';

	if (sts_exim_is(d, "driver", "ipliteral"))
		sts_find(f, STS_FIND_NOTE, NULL,
		    "router %s delivers to address literals, which have no "
		    "policy",
		    d->name);
	else if (takes_every_domain(d))
		sts_find(f, STS_FIND_ERROR,
		    "move it below the MTA-STS routers, or limit its domains",
		    "router %s (%s) comes before %s and takes mail for every "
		    "remote domain: no policy is asked for",
		    d->name, sts_exim_value(d, "driver"), r->query->name);
	else
		sts_find(f, STS_FIND_NOTE, NULL,
		    "router %s (%s) is an exception: what it takes is sent "
		    "without asking for a policy%s%s",
		    d->name, sts_exim_value(d, "driver"),
		    limited ? "; its domains: " : "", limited ? domains : "");
}

/*
 * Exim takes routers in the order of the file: one too early is a way around
 * all of it.
 */
static void
judge_order(
    struct sts_findings *f, const struct sts_exim *e, const struct roles *r)
{
	const struct sts_exim_driver *last =
	    r->no_mx > r->enforce ? r->no_mx : r->enforce;

	if (r->enforce < r->query ||
	    (r->no_mx != NULL && r->no_mx < r->enforce))
		sts_find(f, STS_FIND_ERROR,
		    "order: the query, the enforcing router, the one that "
		    "defers",
		    "the MTA-STS routers are in a wrong order");
	for (const struct sts_exim_driver *d = e->routers.driver; d < last;
	     d++) {
		if (d != r->query && d != r->enforce && d != r->no_mx &&
		    sends_away(e, d))
			judge_before(f, d, r);
	}
	if (r->plain != NULL && sts_exim_is(r->plain, "driver", "manualroute"))
		sts_find(f, STS_FIND_WARNING,
		    "remove the MTA-STS routers, and require verified TLS of "
		    "the smart host: hosts_require_tls = *, tls_verify_hosts = "
		    "* in its transport",
		    "router %s sends to a smart host, but mail for domains "
		    "with an enforce policy goes to their MX hosts directly",
		    r->plain->name);
}

void
sts_exim_judge_routers(struct sts_findings *f, const struct sts_exim *e)
{
	struct roles r;

	find_roles(e, &r);
	judge_common(f, &r, r.query);
	judge_query(f, r.query);
	if (r.enforce == NULL) {
		sts_find(f, STS_FIND_ERROR,
		    "take mta_sts_enforce from " STS_EXAMPLE_DIR "/exim",
		    "no router enforces what %s is told", r.query->name);
		return;
	}
	judge_enforce(f, &r);
	if (r.no_mx != NULL)
		judge_no_mx(f, &r);
	else
		sts_find(f, STS_FIND_ERROR,
		    "take mta_sts_no_mx from " STS_EXAMPLE_DIR "/exim",
		    "no router defers mail that has no permitted MX host; the "
		    "next one delivers it");
	judge_order(f, e, &r);
	sts_exim_judge_transports(f, e, r.enforce, r.plain);
}
