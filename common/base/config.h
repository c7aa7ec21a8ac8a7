/* SPDX-License-Identifier: ISC */
/*
 * The configuration: "key value" lines, all keys optional.  A "#" at the
 * beginning of a line or after a blank begins a comment.  If a key that takes
 * one value is repeated, the last line counts, which is noted.
 *
 * A bad line is reported and skipped, and every other line stays in force, so
 * that a typing error does not stop all mail.  But it must not unprotect a
 * domain either: a bad "domain" line makes the domain that it names wait, or,
 * if the name itself is ill-formed, every domain that its readable parts may
 * stand for.  If no part can be read (as in "domain * off") the line is only
 * reported.  The environment is never read.  The keys are listed in
 * mta-sts.conf(5).
 */
#ifndef STS_BASE_CONFIG_H
#define STS_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/names.h"
#include "base/status.h"

enum {
	STS_NAME_MAX = 253,       /* bytes of a domain name, no trailing dot */
	STS_BODY_MAX = 64 * 1024, /* bytes of a policy body, RFC 8461 3.3 */
	STS_NAMESERVERS_MAX = 8,
	STS_CONFIG_FILE_MAX = 1024 * 1024 /* bytes of a configuration file */
};

enum sts_override_kind {
	STS_OVERRIDE_OFF,     /* as if the domain had no policy */
	STS_OVERRIDE_TESTING, /* an enforce policy counts as testing */
	STS_OVERRIDE_ENFORCE, /* a testing policy counts as enforce */
	STS_OVERRIDE_POLICY,  /* a policy file on this machine */
	STS_OVERRIDE_BAD      /* an ill-formed line: mail waits */
};

/* "off", "testing", "enforce", "policy" or "bad". */
const char *sts_override_name(enum sts_override_kind kind);

/* When MX hosts are probed, for OpenSMTPD. */
enum sts_probe {
	STS_PROBE_FAILED, /* after a delivery failed */
	STS_PROBE_ALWAYS, /* and before the first mail to a domain */
	STS_PROBE_OFF
};

/* One "domain NAME ..." line. */
struct sts_override {
	/*
	 * As written, ASCII in lower case; "*.NAME": all below NAME.  Of an
	 * ill-formed line the readable parts; there "*" stands for any bytes,
	 * except at the beginning.
	 */
	char *name;
	char *file; /* for STS_OVERRIDE_POLICY, else NULL */
	enum sts_override_kind kind;
	unsigned line;
};

struct sts_config {
	char
	    *file; /* the file that was read, absolute; NULL: built-in values */
	char *state_dir;
	char *resolver; /* absolute path of mta-sts-resolver */
	char *fetcher;  /* absolute path of mta-sts-fetcher */
	char *ca_file;  /* NULL: OpenSSL's default */
	char *ca_path;  /* NULL: OpenSSL's default */
	/* address[%zone][:port], an IPv6 address with a port in brackets */
	char *nameservers[STS_NAMESERVERS_MAX];
	size_t nameserver_count; /* 0: the system's */
	int64_t recheck;         /* seconds, 1 to 86400 */
	int64_t negative_ttl;    /* seconds, 1 to 86400 */
	int64_t refresh_after;   /* seconds, 60 to 2592000 */
	int64_t dns_timeout;     /* seconds, 1 to 30 */
	int64_t fetch_timeout;   /* seconds, 1 to 60 */
	int64_t policies_max;    /* files, 1 to 10000000 */
	int64_t checks_max;      /* files, 1 to 10000000 */
	bool deliver_on_local_error;
	bool on_dns_error_defer; /* else a failing DNS means no policy */
	bool allow_private;
	enum sts_log_level log_level;
	enum sts_probe probe;
	struct sts_override *overrides;
	size_t override_count;
	struct sts_names prefetch; /* domains looked up ahead */
	char *organization;        /* TLSRPT; NULL when unset */
	char *contact;
	char *tlsrpt_socket;   /* absolute path; NULL when unset */
	char *report_from;     /* mail address; NULL: that in `contact` */
	char *report_sendmail; /* absolute path */
	bool report_successes; /* also of days without a failure */
	bool report_elsewhere; /* another machine sends what is recorded here */
	unsigned bad_lines;    /* how many lines were skipped */
};

/*
 * Called for each bad line (`line` from 1; 0 for the file as a whole) with a
 * sentence that names the reason.
 */
typedef void sts_config_note(
    void *arg, const char *file, unsigned line, const char *reason);

/*
 * Reads `file`, or the compiled-in default path if it is NULL.  A missing
 * default file is no error, named or not.  Any other missing file, or one that
 * cannot be read, gives STS_CONFIG (or STS_NO_DESCRIPTORS), and one that
 * another user can change (base/safe_path.h) STS_UNSAFE_FILE.  *config then has
 * the built-in values, to log and report with; but the file may have named
 * another state directory, so a caller that answers an MTA must defer.
 * STS_NO_MEMORY leaves strings NULL.  `note` may be NULL.  The caller frees
 * with sts_config_free in every case.
 */
enum sts_status sts_config_load(struct sts_config *config, const char *file,
    sts_config_note *note, void *arg);

/* Frees what sts_config_load made; harmless on a zeroed struct. */
void sts_config_free(struct sts_config *config);

/* A note function that logs: event=config file=... line=... reason=... */
void sts_config_note_log(
    void *arg, const char *file, unsigned line, const char *reason);

/*
 * True if TLS reports (RFC 8460) are wanted: organization and contact are set.
 */
bool sts_config_reports(const struct sts_config *config);

/*
 * The milliseconds within which a lookup has ended: those for its record, for
 * the addresses of the policy host and for the fetch.
 */
int64_t sts_config_lookup_ms(const struct sts_config *config);

/*
 * The milliseconds within which all that a domain publishes has been examined
 * (resolver/examine.h): its MX records, then the addresses of its hosts, so
 * many at once, each for so long beyond the question for it; the policy host
 * has less.
 */
int64_t sts_config_examine_ms(const struct sts_config *config);
enum {
	STS_EXAMINE_HOSTS = 16,
	STS_EXAMINE_ADDRESSES = 2,
	STS_EXAMINE_AT_ONCE = 4,
	STS_EXAMINE_PROBE_MS = 20000
};

/* The compiled-in path of the configuration file. */
const char *sts_config_default_file(void);

#endif
