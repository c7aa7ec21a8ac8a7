/* SPDX-License-Identifier: ISC */
/* The MX hosts, RFC 8461 4.1 and 4.2, beside the policy, and DANE. */
#include <stdio.h>
#include <string.h>

#include "publish/checks.h"

enum { LIST_MAX = 400, PATTERNS_MAX = 20 /* that are named */ };

#define RULE(...) STS_CHECKS_RULE(STS_PART_MX, __VA_ARGS__)

RULE(no_dns, STS_PUBLISH_PROBLEM, "mx_dns_failed",
    "see that every name server of DOMAIN answers MX queries for DOMAIN");
RULE(no_domain, STS_PUBLISH_PROBLEM, "domain_missing",
    "see that DOMAIN is spelt right and delegated to your name servers");
RULE(null, STS_PUBLISH_REMARK, "null_mx",
    "a domain that takes no mail needs no policy: remove the record, or "
    "replace the null MX");
RULE(bad_name, STS_PUBLISH_PROBLEM, "mx_bad_name",
    "have the MX record name a host, such as mail.DOMAIN, and that name have "
    "the address");
RULE(not_listed, STS_PUBLISH_PROBLEM, "mx_not_in_policy",
    "add \"mx: HOST\" to the policy file, and change the id");
RULE(matches_none, STS_PUBLISH_PROBLEM, "mx_pattern_unused",
    "remove \"mx: HOST\" from the policy file, or publish the MX host it is "
    "for; then change the id");
RULE(dane, STS_PUBLISH_REMARK, "dane",
    "keep both right: renew the certificate with the same key, or publish the "
    "new TLSA record a day before");
RULE(not_probed, STS_PUBLISH_REMARK, "mx_more",
    "run mta-sts query --probe for the others");

/* Probes: rows are tried in their order. */
static const struct probe_row {
	enum sts_status status;
	const char *words; /* in the detail; NULL: any */
	const char *token, *cause, *fix;
} probe_rows[] = {
    {STS_MX_DNS, NULL, "mx_dns", "its address could not be looked up",
	"see that the name servers of HOST answer A and AAAA queries"},
    {STS_MX_NO_ADDRESS, NULL, "mx_no_address", "it has no address",
	"publish an A or AAAA record for HOST, or remove it from the MX "
	"records"},
    {STS_MX_PRIVATE, NULL, "mx_private_address",
	"it has only private or local addresses",
	"publish an address that can be reached from everywhere"},
    {STS_MX_CONNECT, NULL, "mx_connect", "there is no connection to port 25",
	"start the mail server on HOST, and let port 25 through; where this "
	"machine's provider blocks port 25 going out, run the check elsewhere"},
    {STS_MX_TIMEOUT, NULL, "mx_timeout", "it did not answer in time",
	"let port 25 of HOST through; where this machine's provider blocks "
	"port 25 going out, run the check elsewhere"},
    {STS_MX_GREETING, NULL, "mx_greeting", "it refuses this machine",
	"see the mail server's log; run the check from a machine that HOST "
	"does not block"},
    {STS_MX_NO_STARTTLS, NULL, "mx_no_starttls", "it does not offer STARTTLS",
	"give the mail server on HOST a certificate and switch TLS on "
	"(Postfix: smtpd_tls_security_level = may)"},
    {STS_MX_STARTTLS_REFUSED, NULL, "mx_starttls_refused",
	"it offers STARTTLS and refuses it",
	"see the mail server's log: often it cannot read its key or "
	"certificate"},
    {STS_MX_STARTTLS_PLAINTEXT, NULL, "mx_starttls_plaintext",
	"something in the clear came after its answer to STARTTLS",
	"update the mail server, and what stands before it (a proxy, a "
	"firewall that rewrites SMTP)"},
    {STS_MX_TLS, "protocol version", "mx_tls_old", "it has no TLS 1.2 or later",
	"switch TLS 1.2 and 1.3 on in the mail server on HOST"},
    {STS_MX_TLS, "unsupported protocol", "mx_tls_old",
	"it has no TLS 1.2 or later",
	"switch TLS 1.2 and 1.3 on in the mail server on HOST"},
    {STS_MX_TLS, NULL, "mx_tls", "the TLS handshake fails",
	"try: openssl s_client -starttls smtp -connect HOST:25 -servername "
	"HOST"},
    {STS_MX_CERT_EXPIRED, "not yet valid", "mx_cert_not_yet_valid",
	"its certificate is not valid yet",
	"see the clock of the machine that made it, or wait"},
    {STS_MX_CERT_EXPIRED, NULL, "mx_cert_expired",
	"its certificate has expired",
	"renew it, and have the mail server load the new one, both by a "
	"timer"},
    {STS_MX_CERT_NAME, NULL, "mx_cert_name",
	"its certificate does not have its name as a dNSName",
	"get a certificate with HOST as a subject alternative name "
	"(dNSName), the name of the MX record"},
    {STS_MX_CERT_UNTRUSTED, "in certificate chain", "mx_cert_untrusted",
	"its certificate leads to a root that is not among the public ones",
	"get a certificate of a public CA, such as Let's Encrypt, for HOST"},
    {STS_MX_CERT_UNTRUSTED, "signed certificate", "mx_cert_self_signed",
	"its certificate is self-signed",
	"get a certificate of a public CA, such as Let's Encrypt, for HOST"},
    {STS_MX_CERT_UNTRUSTED, NULL, "mx_cert_chain",
	"its certificate cannot be followed to a root that is trusted: the "
	"chain is incomplete, or the CA is not a public one",
	"have the mail server send the intermediate certificate, too "
	"(fullchain.pem)"},
    {STS_MX_CERT_INVALID, NULL, "mx_cert_invalid",
	"its certificate is not valid", "get a new certificate for HOST"},
    {STS_NETWORK, NULL, "mx_not_reached_here",
	"this machine may not connect to port 25, or has no route",
	"run the check on a machine that may"},
    {STS_MX_SMTP, NULL, "mx_smtp", "the SMTP dialogue ends before STARTTLS",
	"see the mail server's log"},
};

static const struct probe_row *
find_row(const struct sts_published_mx *mx)
{
	for (size_t i = 0; i < sizeof(probe_rows) / sizeof(probe_rows[0]); i++)
		if (probe_rows[i].status == mx->probe &&
		    (probe_rows[i].words == NULL ||
			strstr(mx->detail, probe_rows[i].words) != NULL))
			return &probe_rows[i];
	return NULL;
}

/* What it means for mail that a host does not take it. */
static const char *
consequence(const struct sts_checks *c)
{
	return c->has_policy && c->policy.mode == STS_MODE_ENFORCE
	    ? "mail from senders that honor the policy does not reach it"
	    : "with mode enforce mail would not reach it";
}

static void
check_probe(const struct sts_checks *c, const struct sts_published_mx *mx)
{
	const struct probe_row *row = find_row(mx);
	struct sts_checks_rule rule = {
	    STS_PUBLISH_PROBLEM, STS_PART_MX, "", ""};

	if (!mx->probed || row == NULL)
		return;
	if (sts_status_is_local(row->status))
		rule.severity = STS_PUBLISH_REMARK;
	rule.token = row->token;
	rule.fix = row->fix;
	sts_checks_found(c, &rule, mx->host, "%s: %s%s%s%s%s; %s", mx->host,
	    row->cause, mx->address[0] != '\0' ? " at " : "", mx->address,
	    mx->detail[0] != '\0' ? ": " : "", mx->detail,
	    mx->works ? "another of its addresses works" : consequence(c));
}

/* A policy of mode none permits all. */
static void
check_permitted(const struct sts_checks *c, const struct sts_published_mx *mx)
{
	if (!c->has_policy || c->policy.mode == STS_MODE_NONE ||
	    sts_policy_permits(&c->policy, mx->host))
		return;
	sts_checks_found(c, &not_listed, mx->host,
	    "%s is an MX host of %s and is not in the policy; %s", mx->host,
	    c->p->domain, consequence(c));
}

/* The MX hosts beyond the bound are not known. */
static void
check_patterns(const struct sts_checks *c)
{
	const struct sts_published *p = c->p;
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	unsigned named = 0;

	if (!c->has_policy || c->policy.mode == STS_MODE_NONE ||
	    p->mx_more > 0 || p->mx_count == 0)
		return;
	while (named < PATTERNS_MAX &&
	    sts_policy_mx_next(&c->policy, &walk, pattern)) {
		bool used = false;

		for (size_t i = 0; i < p->mx_count && !used; i++)
			used = sts_mx_match(pattern, p->mx[i].host);
		if (used || sts_pattern_check(pattern) != STS_OK)
			continue;
		named++;
		sts_checks_found(c, &matches_none, pattern,
		    "the policy permits %s, which no MX host of %s "
		    "matches",
		    pattern, p->domain);
	}
}

static void
check_dane(const struct sts_checks *c)
{
	char hosts[LIST_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; i < c->p->mx_count; i++) {
		const struct sts_published_mx *mx = &c->p->mx[i];
		int len;

		if (mx->tlsa == 0)
			continue;
		len = snprintf(hosts + used, sizeof(hosts) - used, "%s%s",
		    used > 0 ? ", " : "", mx->host);
		if (len < 0 || (size_t)len >= sizeof(hosts) - used)
			break;
		used += (size_t)len;
	}
	if (used > 0)
		sts_checks_found(c, &dane, "",
		    "DANE is published beside it (TLSA of %s): senders that "
		    "do DANE go by it and never by MTA-STS (RFC 8461, 2), all "
		    "others by MTA-STS",
		    hosts);
}

void
sts_checks_domain(const struct sts_checks *c)
{
	const struct sts_published *p = c->p;

	if (!p->mx_asked)
		return;
	if (p->mx_status == STS_NULL_MX)
		sts_checks_found(c, &null, "",
		    "%s says that it takes no mail (null MX)", p->domain);
	else if (p->mx_status == STS_DNS_NXDOMAIN)
		sts_checks_found(
		    c, &no_domain, "", "%s does not exist", p->domain);
	else if (!sts_checks_is_answer(p->mx_status) &&
	    !sts_status_is_local(p->mx_status))
		sts_checks_found(c, &no_dns, "", "the MX records of %s: %s",
		    p->domain, sts_status_text(p->mx_status));
}

void
sts_checks_mx(const struct sts_checks *c)
{
	const struct sts_published *p = c->p;

	if (!p->mx_asked)
		return;
	if (p->mx_bad[0] != '\0')
		sts_checks_found(c, &bad_name, p->mx_bad,
		    "an MX record of %s has \"%s\", which is not a host name",
		    p->domain, p->mx_bad);
	for (size_t i = 0; i < p->mx_count; i++) {
		check_permitted(c, &p->mx[i]);
		check_probe(c, &p->mx[i]);
	}
	check_patterns(c);
	check_dane(c);
	if (p->mx_more > 0)
		sts_checks_found(c, &not_probed, "",
		    "only the first %d MX hosts were probed, %lld were not",
		    STS_PUBLISHED_MX, (long long)p->mx_more);
}
