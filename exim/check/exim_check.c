/* SPDX-License-Identifier: ISC */
/* Checks outside routers and transports. */
#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "base/readfile.h"
#include "exim/check/exim.h"

enum { RESOLV_CONF_MAX = 65536 };

/* The value of a main option as -bP printed it: "name = value". */
static bool
main_value(const struct sts_exim *e, const char *name, char *buf, size_t size)
{
	struct sts_cursor c = sts_cursor_make(e->main, strlen(e->main));
	struct sts_span line;

	while (sts_cursor_line(&c, &line)) {
		struct sts_cursor l = sts_cursor_make(line.p, line.len);

		if (sts_cursor_literal(&l, name) &&
		    sts_cursor_literal(&l, " = "))
			return sts_span_copy(
			    (struct sts_span){l.p, sts_cursor_left(&l)}, buf,
			    size);
	}
	return false;
}

/*
 * Builds report it in different places: -bV does not always list it, and macros
 * are hidden from some users.
 */
static bool
has_dlfunc(const struct sts_exim *e)
{
	return strncmp(e->dlfunc, "y", 1) == 0 ||
	    strstr(e->version, " Expand_dlfunc") != NULL ||
	    (e->call_result != NULL &&
		strstr(e->call_result, "not included in this binary") == NULL);
}

/* First, since without it nothing else works. */
static void
check_dlfunc(struct sts_findings *f, const struct sts_exim *e)
{
	if (!has_dlfunc(e))
		sts_report_problem(f, STS_FIND_ERROR,
		    "install an Exim with dlfunc; on Debian: apt install "
		    "exim4-daemon-heavy",
		    "this Exim has no dlfunc (EXPAND_DLFUNC)");
}

/* Calls the plugin by this very Exim. */
static void
check_call(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *router)
{
	const char *data = sts_exim_value(router, "address_data");
	char object[512], config[512];
	struct stat st;

	if (!sts_exim_call_argument(data, 0, object, sizeof(object)))
		return;
	if (stat(object, &st) != 0)
		sts_report_problem(f, STS_FIND_ERROR,
		    "install it, or set MTA_STS_SO to where it is",
		    "router %s: %s does not exist", router->name, object);
	else if (e->call_result == NULL ||
	    strncmp(e->call_result, "mode=", 5) != 0)
		sts_report_problem(f, STS_FIND_ERROR, NULL,
		    "router %s: Exim cannot call mta_sts_query in %s: %s",
		    router->name, object,
		    e->call_result != NULL ? e->call_result : "no answer");
	if (!sts_exim_call_argument(data, 3, config, sizeof(config)))
		(void)snprintf(
		    config, sizeof(config), "%s", sts_config_default_file());
	if (strcmp(config,
		e->config_file != NULL ? e->config_file
				       : sts_config_default_file()) != 0)
		sts_report_problem(f, STS_FIND_WARNING,
		    "check the configuration that Exim uses, with -f",
		    "router %s uses the configuration %s, not the one checked "
		    "here",
		    router->name, config);
}

/* The uid of a user that Exim prints as a name or a number. */
static bool
user_number(const char *user, uid_t *uid)
{
	const struct passwd *pw = getpwnam(user);
	char *end;
	unsigned long number;

	if (pw != NULL) {
		*uid = pw->pw_uid;
		return true;
	}
	number = strtoul(user, &end, 10);
	*uid = (uid_t)number;
	return end != user && *end == '\0';
}

/*
 * The resolver runs as the owner of the state directory, which Exim reads as
 * root or as its own user: the two must be the same.
 */
static void
check_owner(struct sts_findings *f, const struct sts_exim *e)
{
	char user[64], fix[128];
	struct stat st;
	uid_t uid;

	if (!main_value(e, "exim_user", user, sizeof(user)) ||
	    !user_number(user, &uid)) {
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "the user that Exim runs as cannot be determined");
		return;
	}
	(void)snprintf(fix, sizeof(fix), "mta-sts setup --user %s", user);
	if (stat(e->state_dir, &st) != 0)
		sts_report_problem(f, STS_FIND_ERROR, fix,
		    "state-dir %s: Exim runs as %s and cannot use it",
		    e->state_dir, user);
	else if (st.st_uid != uid)
		sts_report_problem(f, STS_FIND_ERROR, fix,
		    "state-dir %s does not belong to %s, as whom Exim runs",
		    e->state_dir, user);
}

/* All of 127/8: systemd-resolved listens on 127.0.0.53. */
static bool
is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&v6);
}

struct resolv_conf {
	bool trust_ad;
	char foreign[64]; /* a name server outside loopback, or "" */
};

/* resolv.conf(5): words separated by blanks, the key at the beginning. */
static void
parse_resolv_line(struct resolv_conf *r, char *line)
{
	char *key = strsep(&line, " \t");
	char *word;

	while ((word = strsep(&line, " \t")) != NULL) {
		if (strcmp(key, "options") == 0 &&
		    strcmp(word, "trust-ad") == 0)
			r->trust_ad = true;
		if (strcmp(key, "nameserver") == 0 && word[0] != '\0' &&
		    !is_loopback(word) && r->foreign[0] == '\0')
			(void)snprintf(
			    r->foreign, sizeof(r->foreign), "%s", word);
	}
}

/*
 * Exim relies on the AD bit for DANE; glibc passes it on only with trust-ad.
 * Then an on-path attacker who forges answers can forge a TLSA record, which
 * takes precedence over any policy (RFC 8461 2).
 */
static void
check_trust_ad(struct sts_findings *f, const struct sts_exim *e)
{
	struct resolv_conf r = {0};
	char *bytes, *rest, *line;
	size_t len;

	if (sts_readfile(e->resolv_conf, true, RESOLV_CONF_MAX, &bytes, &len) !=
	    STS_OK)
		return;
	for (rest = bytes; (line = strsep(&rest, "\n")) != NULL;)
		parse_resolv_line(&r, line);
	free(bytes);
	if (r.trust_ad && r.foreign[0] != '\0')
		sts_report_problem(f, STS_FIND_WARNING,
		    "run a validating resolver on loopback, or remove "
		    "\"options trust-ad\"",
		    "%s trusts the AD bit of nameserver %s: an attacker who "
		    "can forge its answers can forge TLSA records, which go "
		    "before MTA-STS",
		    e->resolv_conf, r.foreign);
}

/*
 * RFC 8461 2 gives DANE precedence; Exim tries it only for answers to queries
 * with DNSSEC.
 */
static void
check_dnssec_ok(struct sts_findings *f, const struct sts_exim *e)
{
	char value[32];

	if (main_value(e, "dns_dnssec_ok", value, sizeof(value)) &&
	    strcmp(value, "1") != 0)
		sts_report_problem(f, STS_FIND_WARNING, "dns_dnssec_ok = 1",
		    "dns_dnssec_ok is %s: DANE, which goes before MTA-STS, is "
		    "not used",
		    value);
}

/*
 * In cutthrough delivery the next recipient uses an open connection to the same
 * address, whatever its MX host's name: the certificate was checked for
 * another.  Only the whole configuration shows ACLs.
 */
static void
check_cutthrough(struct sts_findings *f, const struct sts_exim *e)
{
	if (e->all != NULL && strstr(e->all, "cutthrough_delivery") != NULL)
		sts_report_problem(f, STS_FIND_WARNING,
		    "remove \"control = cutthrough_delivery\" from the ACL, or "
		    "limit it to domains that are not asked about",
		    "an ACL asks for cutthrough delivery, which checks a "
		    "certificate for the first recipient only");
}

/*
 * A retry record has the host's name after CNAME: any domain whose MX host is a
 * CNAME to another domain's host creates one there.
 */
static void
check_retry(struct sts_findings *f, const struct sts_exim *e)
{
	if (e->retry != NULL && e->retry_tls != NULL &&
	    strcmp(e->retry, e->retry_tls) == 0)
		sts_report_problem(f, STS_FIND_WARNING,
		    "take the two rules for tls_required from " STS_EXAMPLE_DIR
		    "/exim, before the other retry rules",
		    "a host whose certificate fails for one domain makes the "
		    "mail of its other domains wait");
}

/*
 * A value that Exim shows only to administrators cannot be checked.  Reports
 * one for each driver.
 */
static void
check_hidden(struct sts_findings *f, const struct sts_exim_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct sts_exim_driver *d = &list->driver[i];
		size_t k = 0;

		while (k < d->count && !sts_exim_is_hidden(d->option[k].value))
			k++;
		if (k < d->count)
			sts_report_problem(f, STS_FIND_WARNING,
			    "run this as root",
			    "%s: Exim does not show %s to this user", d->name,
			    d->option[k].name);
	}
}

void
sts_exim_check(struct sts_findings *f, struct sts_exim *e)
{
	const struct sts_exim_driver *router = sts_exim_query_router(e);

	check_dlfunc(f, e);
	check_hidden(f, &e->routers);
	check_hidden(f, &e->transports);
	if (router != NULL) {
		check_call(f, e, router);
		check_retry(f, e);
		sts_exim_check_routers(f, e);
	} else {
		sts_exim_check_no_router(f, e);
	}
	check_cutthrough(f, e);
	check_dnssec_ok(f, e);
	check_trust_ad(f, e);
	check_owner(f, e);
}
