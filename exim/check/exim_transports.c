/* SPDX-License-Identifier: ISC */
/*
 * The enforcing transport: what does not fit a row of exim_rules.c, and what it
 * lacks of the plain transport.
 */
#include <string.h>

#include "exim/check/exim.h"

#define SANS "${certextract{subj_altname,dns}{$tls_out_peercert}{$value}{}}"
#define STRICT_NAMES                                               \
	"${if and{{eq{$event_name}{tls:cert}}{eq{$event_data}{0}}" \
	"{eq{$tls_out_tlsa_usage}{0}}{!forany{<\\n " SANS          \
	"}{or{{eqi{$item}{$host}}{eqi{$item}"                      \
	"{${sg{$host}{\\N^[^.]+\\.\\N}{*.}}}}}}}{or{{eq{" SANS     \
	"}{}}{forany{<\\n " SANS "}{!match{$item}"                 \
	"{\\N^(\\*\\.)?[^*]+$\\N}}}}}}"                            \
	"{certificate has no DNS subjectAltName for $host}"
#define GNUTLS_CIPHERS  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define OPENSSL_CIPHERS "TLSv1.2:!aNULL:!eNULL"

/* TLS 1.2 or later; the syntax depends on the TLS library. */
static void
check_ciphers(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *d)
{
	const char *has = sts_exim_value(d, "tls_require_ciphers");
	bool gnutls = strstr(e->version, " GnuTLS") != NULL;
	const char *wanted = gnutls ? GNUTLS_CIPHERS : OPENSSL_CIPHERS;
	char line[160];

	if (has == NULL || sts_exim_same(has, wanted))
		return;
	sts_exim_option_line(line, sizeof(line), "tls_require_ciphers", wanted);
	if (has[0] == '\0' || (gnutls && strstr(has, "-VERS-ALL") == NULL) ||
	    strstr(has, "+VERS-TLS1.0") != NULL ||
	    strstr(has, "+VERS-TLS1.1") != NULL ||
	    strstr(has, "+VERS-SSL") != NULL)
		sts_report_problem(f, STS_FIND_ERROR, line,
		    "transport %s: tls_require_ciphers is \"%s\": TLS before "
		    "1.2 is taken",
		    d->name, has);
	else
		sts_report_problem(f, STS_FIND_WARNING, line,
		    "transport %s: tls_require_ciphers is \"%s\": make sure "
		    "that it takes TLS 1.2 and 1.3 and nothing older",
		    d->name, has);
}

/* Ignoring blanks. */
static bool
begins(const char *has, const char *wanted)
{
	for (;; has++, wanted++) {
		has += strspn(has, " \t");
		wanted += strspn(wanted, " \t");
		if (*wanted == '\0')
			return true;
		if (*has != *wanted)
			return false;
	}
}

/*
 * GnuTLS accepts a certificate with only a common name or with a partial
 * wildcard, contrary to RFC 8461 4.2.  What the expression does with other
 * events is the operator's, and MTA_STS_EVENT.
 */
static void
check_event(struct sts_findings *f, const struct sts_exim_driver *d)
{
	const char *has = sts_exim_value(d, "event_action");

	if (has == NULL || begins(has, STRICT_NAMES))
		return;
	if (strstr(has, "{tls:cert}") != NULL &&
	    strstr(has, "{subj_altname,dns}") != NULL &&
	    strstr(has, "eqi{$item}{$host}") != NULL)
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "transport %s: event_action is your own; it must refuse a "
		    "certificate without a DNS subjectAltName for the host",
		    d->name);
	else
		sts_report_problem(f, STS_FIND_ERROR,
		    "event_action = " STRICT_NAMES "}",
		    "transport %s: event_action does not refuse a certificate "
		    "that has only a common name or a partial wildcard",
		    d->name);
}

/*
 * Retry records have the host's name after CNAME: a rule for the transport
 * makes Exim try a host that failed for an untrusted domain.
 */
static void
check_retry_rule(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *d)
{
	char part[160];

	(void)snprintf(
	    part, sizeof(part), "{eq{$transport_name}{%s}}", d->name);
	if (e->all != NULL && strstr(e->all, part) == NULL)
		sts_report_problem(f, STS_FIND_WARNING,
		    "take the two rules for tls_required from " STS_EXAMPLE_DIR
		    "/exim, before the other retry rules",
		    "transport %s: no retry rule names it: a host whose "
		    "certificate fails for one domain makes the mail of its "
		    "other domains wait",
		    d->name);
}

/* Retry records depend on host and interface. */
static void
check_interface(struct sts_findings *f, const struct sts_exim_driver *d,
    const struct sts_exim_driver *plain)
{
	const char *has = sts_exim_value(d, "interface");
	const char *theirs = sts_exim_value(plain, "interface");
	char line[256];

	if (has == NULL)
		return;
	if (theirs != NULL && theirs[0] != '\0' &&
	    !sts_exim_same(has, theirs)) {
		sts_exim_option_line(line, sizeof(line), "interface", theirs);
		sts_report_problem(f, STS_FIND_WARNING, line,
		    "transport %s: interface is \"%s\", but transport %s has "
		    "\"%s\"",
		    d->name, has, plain->name, theirs);
	} else if (has[0] == '\0') {
		sts_report_problem(f, STS_FIND_WARNING,
		    "interface = <; 0.0.0.0 ; ::0",
		    "transport %s: interface is not set: a host that fails "
		    "here makes other domains' mail wait",
		    d->name);
	} else if (theirs != NULL && theirs[0] != '\0') {
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "transports %s and %s have the same interface: a host "
		    "that fails one makes the other's mail wait",
		    d->name, plain->name);
	}
}

static bool
is_listed(const char *option, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], option) == 0)
			return true;
	}
	return false;
}

/* Options that differ between the two transports by design or by rule. */
static bool
is_of_enforcing(const char *option)
{
	static const char *const names[] = {"debug_print", "event_action",
	    "interface", "tls_require_ciphers", "tls_try_verify_hosts",
	    "hosts_require_dane", "dane_require_tls_ciphers"};

	return sts_exim_has_rule(STS_EXIM_TRANSPORT, option) ||
	    is_listed(option, names, sizeof(names) / sizeof(names[0]));
}

/*
 * Visible to the receiver or a filter: if it vanished on the day a domain
 * begins to enforce, MTA-STS would be blamed.
 */
static bool
is_visible(const char *option)
{
	static const char *const names[] = {"helo_data", "headers_rewrite",
	    "headers_add", "headers_remove", "return_path", "return_path_add",
	    "tls_certificate", "tls_privatekey", "tls_verify_certificates",
	    "tls_crl", "tls_dh_min_bits", "message_linelength_limit",
	    "message_size_limit", "authenticated_sender",
	    "authenticated_sender_force", "hosts_try_auth",
	    "hosts_require_auth", "transport_filter", "shadow_transport",
	    "shadow_condition", "socks_proxy", "dscp", "utf8_downconvert",
	    "port"};

	return strncmp(option, "dkim_", 5) == 0 ||
	    is_listed(option, names, sizeof(names) / sizeof(names[0]));
}

/*
 * When a domain begins to enforce, its mail moves to the other transport
 * without a change on this machine.  So the two may differ only where they
 * must.
 */
void
sts_exim_check_difference(struct sts_findings *f,
    const struct sts_exim_driver *d, const struct sts_exim_driver *plain,
    bool (*is_ours)(const char *option))
{
	char line[1024];

	for (size_t i = 0; i < plain->count; i++) {
		const struct sts_exim_option *o = &plain->option[i];
		const char *has = sts_exim_value(d, o->name);

		if (is_ours(o->name) || sts_exim_is_hidden(o->value) ||
		    sts_exim_hides(d, o->name) ||
		    (has != NULL && sts_exim_same(has, o->value)))
			continue;
		sts_exim_option_line(line, sizeof(line), o->name, o->value);
		if (is_visible(o->name))
			sts_report_problem(f, STS_FIND_WARNING, line,
			    "transport %s: %s differs from transport %s, whose "
			    "mail this is",
			    d->name, o->name, plain->name);
		else
			sts_report_problem(f, STS_FIND_NOTE, NULL,
			    "transport %s: %s is \"%s\", transport %s has "
			    "\"%s\"",
			    d->name, o->name, has != NULL ? has : "",
			    plain->name, o->value);
	}
}

void
sts_exim_check_transports(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *enforce,
    const struct sts_exim_driver *plain_router)
{
	const struct sts_exim_driver *d =
	    sts_exim_find(&e->transports, sts_exim_value(enforce, "transport"));
	const struct sts_exim_driver *plain = sts_exim_find(
	    &e->transports, sts_exim_value(plain_router, "transport"));

	if (d == NULL || d == plain) {
		sts_report_problem(f, STS_FIND_ERROR,
		    "take remote_smtp_mta_sts from " STS_EXAMPLE_DIR "/exim",
		    "router %s has no transport of its own", enforce->name);
		return;
	}
	sts_exim_check_rules(f, STS_EXIM_TRANSPORT, d);
	check_ciphers(f, e, d);
	check_event(f, d);
	check_interface(f, d, plain);
	check_retry_rule(f, e, d);
	if (sts_exim_is(plain, "driver", "smtp")) {
		sts_exim_check_difference(f, d, plain, is_of_enforcing);
		sts_exim_check_rules(f, STS_EXIM_PLAIN_TRANSPORT, plain);
	}
}
