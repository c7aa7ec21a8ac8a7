/* SPDX-License-Identifier: ISC */
/*
 * The rules for the options of the five routers and four transports.  What
 * does not fit a row (an order, a list of items, a difference between two
 * drivers) is in exim_routers.c and exim_transports.c.  docs/exim.md gives the
 * reasons.
 */
#include <string.h>

#include "exim/check/exim.h"

#define IS_ENFORCE "${if eq{${extract{mode}{$address_data}}}{enforce}}"
#define ANSWER_UNLESS_NO \
	"${if eqi{$h_TLS-Required:}{no}{mode=none required=no}{${dlfunc{"
#define IS_NOT_REQUIRED "${if eq{$address_data}{mode=none required=no}}"
#define IS_NOT_FREE \
	"${if inlist{${extract{mode}{$address_data}}}{none:testing}{no}{yes}}"
#define IGNORE_SET                                              \
	"r_mta_sts_ign = "                                      \
	"${if match{$address_data}{\\N ign=!\\^(\\S+):\\*$\\N}" \
	"{^(?!$1)}{*}}"
#define DEFER_UNANSWERED                                         \
	"data = ${if !inlist{${extract{mode}{$address_data}}}"   \
	"{none:testing:enforce}{:defer: MTA-STS: ${extract{why}" \
	"{$address_data}{$value}{no usable answer}}}}"
#define DEFER_NO_MX                \
	"data = :defer: MTA-STS: " \
	"${dlfunc{MTA_STS_SO}{mta_sts_no_mx}{$domain}}"

enum {
	QUERY = STS_EXIM_QUERY,
	ENFORCE = STS_EXIM_ENFORCE,
	NO_MX = STS_EXIM_NO_MX,
	ROUTERS = QUERY | ENFORCE | NO_MX,
	DEFERRING = QUERY | NO_MX,
	TRANSPORT = STS_EXIM_TRANSPORT,
	PLAIN = STS_EXIM_PLAIN_TRANSPORT,
	REPORT = STS_EXIM_REPORT,
	REPORT_TRANSPORT = STS_EXIM_REPORT_TRANSPORT,
	NOT_REQUIRED = STS_EXIM_NOT_REQUIRED,
	NOT_REQUIRED_TRANSPORT = STS_EXIM_NOT_REQUIRED_TRANSPORT,

	VALUES_MAX = 4
};

/* How the option is compared.  It may be missing only with IS. */
enum test {
	IS,       /* one of the values, blanks not counted */
	MUST_BE,  /* likewise */
	CONTAINS, /* the rest of the option is the operator's */
	BEGINS
};

/* The message after the driver's name. */
enum form {
	WHY,       /* : WHY */
	DOES,      /* WHY */
	SETS,      /* : OPTION = VALUE WHY */
	IS_BECAUSE /* : OPTION is "VALUE": WHY */
};

static const struct rule {
	unsigned roles; /* the drivers that it binds */
	const char *option;
	enum test test;
	const char *value[VALUES_MAX]; /* the first is the advice */
	enum sts_severity severity;
	const char *fix; /* NULL: sets the first value */
	enum form form;
	const char *why;
} rules[] = {
#define WANT(roles, option, value, fix, why)                              \
	{                                                                 \
		roles, option, IS, {value}, STS_FIND_ERROR, fix, WHY, why \
	}
#define LIMIT(option)                                               \
	{                                                           \
		ROUTERS, option, IS, {"", "false"}, STS_FIND_ERROR, \
		    "remove that option", WHY,                      \
		    option " exempts mail from its policy"          \
	}
#define SAFE(option, value, why)                                      \
	{                                                             \
		TRANSPORT, option, IS, {value}, STS_FIND_ERROR, NULL, \
		    IS_BECAUSE, why                                   \
	}
    WANT(ROUTERS, "verify_sender", "false", "no_verify_sender",
	"a local fault would refuse inbound mail, and any MAIL FROM would "
	"make this host fetch a policy"),
    WANT(ROUTERS, "verify_recipient", "true", "verify_recipient",
	"a delivery that was verified without it may go out in clear text"),
    LIMIT("senders"),
    LIMIT("local_parts"),
    LIMIT("require_files"),
    LIMIT("check_local_user"),
    LIMIT("local_part_prefix"),
    LIMIT("local_part_suffix"),
    LIMIT("verify_only"),
    LIMIT("unseen"),
    WANT(QUERY, "driver", "redirect", NULL,
	"only a redirect router can defer with a reason"),
    WANT(DEFERRING, "allow_defer", "true", "allow_defer",
	"without it the reason is not shown"),
    WANT(QUERY, "more", "true", "more",
	"with no_more mail for domains without a policy bounces"),
    WANT(ENFORCE, "more", "true", "more",
	"with no_more mail bounces where no MX host is permitted"),
    WANT(QUERY, "condition", "", "remove its condition",
	"a condition exempts mail from its policy"),
    WANT(ENFORCE, "condition", IS_ENFORCE, NULL,
	"it is not limited to domains with an enforce policy"),
    {NO_MX, "condition", MUST_BE, {IS_NOT_FREE, IS_ENFORCE}, STS_FIND_ERROR,
	NULL, DOES,
	"does not stop exactly the mail that has no permitted MX host"},
    {QUERY, "data", CONTAINS, {"{none:testing:enforce}{:defer:"},
	STS_FIND_ERROR, DEFER_UNANSWERED, DOES,
	"does not defer where there is no answer"},
    {NO_MX, "data", BEGINS, {":defer:"}, STS_FIND_ERROR, DEFER_NO_MX, DOES,
	"does not defer"},
    {NO_MX, "data", CONTAINS, {"{mta_sts_no_mx}"}, STS_FIND_WARNING,
	DEFER_NO_MX, WHY,
	"a policy that was corrected without a new id is not fetched again"},
    {QUERY, "address_data", BEGINS, {"${dlfunc{", ANSWER_UNLESS_NO},
	STS_FIND_WARNING,
	"address_data = ${dlfunc{MTA_STS_SO}{mta_sts_query}{$domain}}", DOES,
	"asks under a condition of yours: what it exempts leaves without a "
	"policy"},
    WANT(ENFORCE, "set", IGNORE_SET, NULL,
	"r_mta_sts_ign is not the policy's list of MX hosts"),
    WANT(ENFORCE, "address_data", "", NULL,
	"address_data replaces the answer that the next router reads"),
    WANT(
	ENFORCE, "fallback_hosts", "", NULL, "fallback_hosts are in no policy"),
    WANT(ENFORCE, "check_srv", "", NULL,
	"a policy names MX hosts, not SRV targets"),
    WANT(ENFORCE, "pass_router", "", NULL,
	"pass_router leads around the router that defers"),
    WANT(ENFORCE, "pass_on_timeout", "false", "no_pass_on_timeout",
	"with pass_on_timeout a DNS failure hands mail to another router"),
    {ENFORCE, "self", IS, {"freeze", "defer", "fail", "send"}, STS_FIND_ERROR,
	NULL, SETS, "hands mail to another router"},
    {ENFORCE, "same_domain_copy_routing", IS, {"true"}, STS_FIND_WARNING,
	"same_domain_copy_routing", WHY,
	"without same_domain_copy_routing each recipient at a domain costs "
	"memory and time again"},
    WANT(ENFORCE, "dnssec_request_domains", "*", NULL,
	"DANE, which goes before MTA-STS, is not used"),

    SAFE("driver", "smtp", "only an SMTP transport knows TLS"),
    /* From 4.100 on it is empty by default. */
    {TRANSPORT, "protocol", IS, {"smtp", ""}, STS_FIND_ERROR, NULL, IS_BECAUSE,
	"STARTTLS belongs to plain SMTP"},
    SAFE("multi_domain", "false",
	"with several domains in a delivery $domain is empty"),
    SAFE("connection_max_messages", "1",
	"the certificate is not checked again on a reused connection"),
    SAFE("hosts_nopass_tls", "*",
	"the certificate is not checked again on a connection passed on"),
    SAFE("hosts_require_tls", "*", "mail may go out in clear text"),
    SAFE("tls_verify_hosts", "*", "any certificate is taken"),
    SAFE("tls_verify_cert_hostnames", "*",
	"a certificate for any name is taken"),
    SAFE("tls_tempfail_tryclear", "false",
	"after a 454 to STARTTLS mail goes out in clear text"),
    SAFE("delay_after_cutoff", "false",
	"a host that long failed for one domain bounces the mail of another"),
    SAFE("tls_sni", "$host", "a host with several certificates shows another"),
    SAFE("hosts_try_dane", "*",
	"a failing DANE validation would be overridden (RFC 8461 2)"),
    SAFE("tls_resumption_hosts", "",
	"the certificate is not checked on a resumed session"),
    SAFE("hosts_avoid_tls", "", "mail to these hosts goes out in clear text"),
    SAFE("hosts_verify_avoid_tls", "",
	"verification of these hosts speaks in clear text"),
    SAFE("hosts_pipe_connect", "",
	"commands are sent before it is known whether the host has TLS"),
    SAFE("fallback_hosts", "", "fallback hosts are in no policy"),
    SAFE("hosts", "", "these hosts are in no policy"),
    SAFE("hosts_override", "false", "it replaces the permitted MX hosts"),
    /* RFC 8461 2: DANE takes precedence over a testing policy, too. */
    {PLAIN, "hosts_try_dane", IS, {"*"}, STS_FIND_WARNING, NULL, IS_BECAUSE,
	"DANE is not used"},
    {REPORT, "condition", CONTAINS, {"{none:testing}"}, STS_FIND_ERROR,
	"take its condition from " STS_EXAMPLE_DIR "/exim/example.conf", WHY,
	"it is not limited to mail that is free to leave"},
    WANT(NOT_REQUIRED, "condition", IS_NOT_REQUIRED, NULL,
	"it is not limited to mail with \"TLS-Required: No\""),
    {REPORT | NOT_REQUIRED, "more", IS, {"true"}, STS_FIND_WARNING, "more", WHY,
	"with no_more the next router is not asked"},
    {REPORT | NOT_REQUIRED, "unseen", IS, {"false"}, STS_FIND_ERROR,
	"no_unseen", WHY, "with unseen mail is sent twice"},
    {REPORT_TRANSPORT, "driver", IS, {"smtp"}, STS_FIND_ERROR, NULL, IS_BECAUSE,
	"only an SMTP transport has these events"},
    {REPORT_TRANSPORT, "multi_domain", IS, {"false"}, STS_FIND_WARNING, NULL,
	IS_BECAUSE,
	"with several domains in a delivery its session is not recorded"},
    {REPORT_TRANSPORT, "hosts_try_dane", IS, {"*"}, STS_FIND_ERROR, NULL,
	IS_BECAUSE, "DANE is not used"},
    {REPORT_TRANSPORT, "event_action", CONTAINS, {"{mta_sts_event}"},
	STS_FIND_WARNING, "event_action = MTA_STS_EVENT", WHY,
	"its sessions are not recorded"},
    {REPORT_TRANSPORT, "hosts_avoid_tls", IS, {""}, STS_FIND_WARNING, NULL, WHY,
	"a report blames hosts in hosts_avoid_tls for refusing TLS"},
    WANT(NOT_REQUIRED_TRANSPORT, "connection_max_messages", "1", NULL,
	"other mail for the host follows over the connection, which DANE does "
	"not protect"),
    {NOT_REQUIRED_TRANSPORT, "hosts_try_dane", IS, {""}, STS_FIND_WARNING, NULL,
	WHY, "DANE stops mail with \"TLS-Required: No\""},
#undef WANT
#undef LIMIT
#undef SAFE
};

enum { RULE_COUNT = sizeof(rules) / sizeof(rules[0]) };

/* True if the driver has one of the rule's values. */
static bool
fits(const struct rule *rule, const char *has)
{
	for (size_t i = 0; i < VALUES_MAX && rule->value[i] != NULL; i++) {
		const char *value = rule->value[i];

		if (rule->test == CONTAINS && strstr(has, value) != NULL)
			return true;
		if (rule->test == BEGINS &&
		    strncmp(has, value, strlen(value)) == 0)
			return true;
		if ((rule->test == IS || rule->test == MUST_BE) &&
		    sts_exim_same(has, value))
			return true;
	}
	return false;
}

void
sts_exim_option_line(
    char *buf, size_t size, const char *option, const char *value)
{
	if (value[0] == '\0')
		(void)snprintf(buf, size, "remove %s", option);
	else
		(void)snprintf(buf, size, "%s = %s", option, value);
}

/* Reports that a router or transport violates the rule. */
static void
report(struct sts_findings *f, const char *kind,
    const struct sts_exim_driver *d, const struct rule *rule, const char *has)
{
	const char *fix = rule->fix;
	char line[512];

	if (fix == NULL) {
		sts_exim_option_line(
		    line, sizeof(line), rule->option, rule->value[0]);
		fix = line;
	}
	if (rule->form == WHY)
		sts_report_problem(f, rule->severity, fix, "%s %s: %s", kind,
		    d->name, rule->why);
	else if (rule->form == DOES)
		sts_report_problem(f, rule->severity, fix, "%s %s %s", kind,
		    d->name, rule->why);
	else if (rule->form == SETS)
		sts_report_problem(f, rule->severity, fix, "%s %s: %s = %s %s",
		    kind, d->name, rule->option, has, rule->why);
	else
		sts_report_problem(f, rule->severity, fix,
		    "%s %s: %s is \"%s\": %s", kind, d->name, rule->option, has,
		    rule->why);
}

/* An Exim without the option cannot do what a transport must not do. */
static void
note_missing(struct sts_findings *f, const struct sts_exim_driver *d,
    const struct rule *rule)
{
	const char *value = rule->value[0];

	if (value[0] != '\0' && strcmp(value, "false") != 0 &&
	    !sts_exim_hides(d, rule->option))
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "transport %s: this Exim does not have %s", d->name,
		    rule->option);
}

/* True if the driver obeys; else reports it. */
static bool
check_rule(struct sts_findings *f, enum sts_exim_role role,
    const struct sts_exim_driver *d, const struct rule *rule)
{
	const char *has = sts_exim_value(d, rule->option);

	if (has == NULL && role == STS_EXIM_TRANSPORT)
		note_missing(f, d, rule);
	if (has != NULL ? fits(rule, has) : rule->test == IS)
		return true;
	report(f,
	    (role & (ROUTERS | REPORT | NOT_REQUIRED)) != 0 ? "router"
							    : "transport",
	    d, rule, has != NULL ? has : "");
	return false;
}

void
sts_exim_check_rules(struct sts_findings *f, enum sts_exim_role role,
    const struct sts_exim_driver *d)
{
	const char *reported = "";

	/* Of two rows for one option, the second applies to the rest. */
	for (size_t i = 0; i < RULE_COUNT; i++) {
		if ((rules[i].roles & role) != 0 &&
		    strcmp(rules[i].option, reported) != 0 &&
		    !check_rule(f, role, d, &rules[i]))
			reported = rules[i].option;
	}
}

bool
sts_exim_has_rule(enum sts_exim_role role, const char *option)
{
	for (size_t i = 0; i < RULE_COUNT; i++) {
		if ((rules[i].roles & role) != 0 &&
		    strcmp(rules[i].option, option) == 0)
			return true;
	}
	return false;
}
