/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check --exim`: checks Exim's own report of its configuration
 * (exim -bV, -bP, -be) for what enforcing policies requires.
 *
 * Queries and checks are separate, so that recorded reports can be checked.
 */
#ifndef STS_EXIM_CHECK_EXIM_H
#define STS_EXIM_CHECK_EXIM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/findings.h"
#include "base/signing.h"

/* A flag is "true" or "false"; other values are as Exim prints them. */
struct sts_exim_option {
	const char *name;
	const char *value;
};

/* One router or transport, in the order of the configuration. */
struct sts_exim_driver {
	const char *name;
	struct sts_exim_option *option;
	size_t count;
};

struct sts_exim_list {
	struct sts_exim_driver *driver;
	size_t count;
	struct sts_exim_option *options; /* of all drivers */
};

/* The report of one Exim; it owns the strings unless const. */
struct sts_exim {
	const char *binary;      /* NULL: the first in the usual places */
	const char *config;      /* for -C; NULL: Exim's default */
	const char *debian_dir;  /* /etc/exim4 */
	const char *resolv_conf; /* /etc/resolv.conf */
	const char *state_dir;
	const char *config_file; /* of this suite, as by -f; NULL: default */
	bool reports;            /* TLS reports are on */
	char *version;           /* exim -bV */
	char *main;              /* exim -bP exim_user ... */
	char *router_text;       /* exim -bP routers; cut up by parsing */
	char *transport_text;
	char *all;         /* exim -bP config; NULL: hidden from this user */
	char *retry;       /* exim -brt, the rule for most errors */
	char *retry_tls;   /* the rule for failures of TLS */
	char *dlfunc;      /* "y" if dlfunc is built in */
	char *call_result; /* the result of a call of the plugin, or NULL */
	struct sts_exim_list routers;
	struct sts_exim_list transports;
};

/*
 * Splits the output of `exim -bP routers` (or transports) into drivers; `kind`
 * is "router" or "transport".  The list borrows `text` and changes it.  STS_OK
 * or STS_NO_MEMORY.
 */
enum sts_status sts_exim_parse(
    struct sts_exim_list *list, char *text, const char *kind);
void sts_exim_list_free(struct sts_exim_list *list);

/* True for what Exim prints instead of a hidden value. */
bool sts_exim_is_hidden(const char *value);

/* True if the option has a hidden value. */
bool sts_exim_hides(const struct sts_exim_driver *driver, const char *name);

/* The option's value; NULL if this Exim lacks or hides it, or driver is NULL.
 */
const char *sts_exim_value(
    const struct sts_exim_driver *driver, const char *name);

/* True if it has that value, ignoring blanks; false if missing. */
bool sts_exim_is(
    const struct sts_exim_driver *driver, const char *name, const char *value);

/* True if the option has a value: not missing, "" or "false". */
bool sts_exim_is_set(const struct sts_exim_driver *driver, const char *name);

/* The driver of that name, or NULL; name may be NULL. */
const struct sts_exim_driver *sts_exim_find(
    const struct sts_exim_list *list, const char *name);

/* Compares two values, ignoring blanks. */
bool sts_exim_same(const char *a, const char *b);

/*
 * Copies argument `index` of the dlfunc call in an address_data, from 0 (the
 * object), into buf; false if there is none or it does not fit.
 */
bool sts_exim_call_argument(
    const char *address_data, unsigned index, char *buf, size_t size);

/* The first router that calls mta_sts_query, or NULL. */
const struct sts_exim_driver *sts_exim_query_router(const struct sts_exim *e);

/*
 * True if a domain list (NULL or "": none) matches every remote domain: empty,
 * "*", or ending with a "!" item.
 */
bool sts_exim_list_is_open(const char *domains);

/* The role of a driver in the setup; bits, so that a rule can bind several. */
enum sts_exim_role {
	STS_EXIM_QUERY = 1,     /* the router that calls mta_sts_query */
	STS_EXIM_ENFORCE = 2,   /* the router to the permitted MX hosts */
	STS_EXIM_NO_MX = 4,     /* the router that defers the rest */
	STS_EXIM_TRANSPORT = 8, /* of the enforcing router */
	STS_EXIM_PLAIN_TRANSPORT = 16, /* for all other remote mail */
	STS_EXIM_REPORT = 32, /* the router for domains that want reports */
	STS_EXIM_REPORT_TRANSPORT = 64,
	STS_EXIM_NOT_REQUIRED = 128, /* the router of "TLS-Required: No" */
	STS_EXIM_NOT_REQUIRED_TRANSPORT = 256
};

/* Checks each option that has a rule for this role. */
void sts_exim_check_rules(struct sts_findings *f, enum sts_exim_role role,
    const struct sts_exim_driver *driver);

/* True if there is a rule for this role and option. */
bool sts_exim_has_rule(enum sts_exim_role role, const char *option);

/* "OPTION = VALUE", or "remove OPTION" for "", cut at the buffer's end. */
void sts_exim_option_line(
    char *buf, size_t size, const char *option, const char *value);

/* Checks: each prints its findings. */
void sts_exim_check(struct sts_findings *f, struct sts_exim *e);
void sts_exim_check_routers(struct sts_findings *f, const struct sts_exim *e);
void sts_exim_check_transports(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *enforce,
    const struct sts_exim_driver *plain_router);
/*
 * Reports each option in which a transport differs from `plain`, whose mail it
 * has, except those that `is_ours`.
 */
void sts_exim_check_difference(struct sts_findings *f,
    const struct sts_exim_driver *d, const struct sts_exim_driver *plain,
    bool (*is_ours)(const char *option));

/* True for the router of domains that want TLS reports, by its function. */
bool sts_exim_is_report(const struct sts_exim_driver *d);

/* True for the router of mail with "TLS-Required: No", by its function. */
bool sts_exim_is_not_required(const struct sts_exim_driver *d);

/*
 * That no other mail follows mail with "TLS-Required: No" (RFC 8689), which
 * leaves without DANE; `d` is its router, or NULL.
 */
void sts_exim_check_not_required(struct sts_findings *f,
    const struct sts_exim *e, const struct sts_exim_driver *d,
    const struct sts_exim_driver *query,
    const struct sts_exim_driver *plain_router);

/*
 * What is recorded for TLS reports (RFC 8460), and that nothing else changes
 * for that mail: exim_reports.c.  `report` and `no_mx` may be NULL.
 */
void sts_exim_check_reports(struct sts_findings *f, const struct sts_exim *e,
    const struct sts_exim_driver *report, const struct sts_exim_driver *no_mx,
    const struct sts_exim_driver *enforce,
    const struct sts_exim_driver *plain_router);
void sts_exim_check_no_router(struct sts_findings *f, const struct sts_exim *e);

/* The installed Exim in the usual places, or NULL. */
const char *sts_exim_binary(void);

/*
 * Finds and queries an Exim, then checks its report.  Uses state_dir of *e, and
 * binary, config and config_file unless NULL.
 */
void sts_exim_check_installed(
    struct sts_findings *findings, struct sts_exim *e);

/*
 * `mta-sts report check`: whether what Exim sends is signed, by the keys of
 * from and submitter of *signing, whose other members are filled in; and
 * whether a report leaves in spite of a policy.
 */
void sts_exim_check_signing(struct sts_findings *f, const struct sts_exim *e,
    struct sts_signing *signing);
void sts_exim_check_tls_required(
    struct sts_findings *f, const struct sts_exim *e);

/* Both, of an Exim that is found and queried as above. */
void sts_exim_check_reporter(struct sts_findings *findings, struct sts_exim *e,
    struct sts_signing *signing);

/*
 * The four fragments for Debian's Exim, and whether the file that Exim reads
 * still contains them: exim_debian.c.
 */

/*
 * A setting of update-exim4.conf.conf in `etc`, KEY='VALUE', as in the shell
 * script that reads the file: the last one, or "".  False if the file cannot be
 * read.
 */
bool sts_exim_setting(const char *etc, const char *key, char *buf, size_t size);

/* True if at least one of the fragments, or a link for it, is there. */
bool sts_exim_has_fragments(const char *etc);

/*
 * Checks `etc` (/etc/exim4) and the file generated from it, and reports what
 * has changed since the setup: a missing fragment, a dangling link (the example
 * files were removed or moved), a template or generated file without a
 * fragment's content (a package upgrade replaced the template), a generated
 * file whose fragments are all gone, and an exim4.conf beside conf.d, which
 * Exim reads instead.  Silent if there never were fragments.
 */
void sts_exim_check_fragments(
    struct sts_findings *f, const char *etc, const char *generated);

#endif
