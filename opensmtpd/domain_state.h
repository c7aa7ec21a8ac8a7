/* SPDX-License-Identifier: ISC */
/*
 * A recipient's domain in the store, however old: the table answers smtpd from
 * this alone.
 *
 * An outdated answer loses no mail, a missing one may: the target of an alias
 * passes no filter that could wait for a lookup.  So an expired policy still
 * counts by its mode, and "no policy" for 30 days; outdated data are marked,
 * for the caller to have them looked up again.
 */
#ifndef STS_OPENSMTPD_DOMAIN_STATE_H
#define STS_OPENSMTPD_DOMAIN_STATE_H

#include "client/ask.h"
#include "client/worker.h"
#include "store/routes.h"

enum {
	STS_NONE_STALE_MAX = 30 * 86400, /* seconds after it was recorded */
	STS_ROUTES_FRESH = 900,          /* seconds after the lookup */
	STS_EMPTY_TTL = 60,              /* the same, without a usable host */
	STS_STALE_MAX = 30 * 86400
};

struct sts_domain_state {
	char domain[STS_NAME_MAX + 1]; /* normalised, or "" */
	/*
	 * STS_VERDICT_DEFER: undetermined; `why` is STS_NOT_FOUND (never looked
	 * up), STS_BAD_IDN, a local fault, or of class DNS: the domain's DNS
	 * fails, and on-dns-error is defer.  STS_VERDICT_NONE with a local
	 * fault as `why`: a fault, and on-local-error is deliver; with one of
	 * class DNS: the DNS fails, and on-dns-error is deliver.
	 */
	enum sts_verdict verdict;
	enum sts_status why;
	bool fresh;         /* needs no lookup before it is answered */
	bool lapsed;        /* a temporary "no policy" that has ended */
	bool due;           /* a live policy: to be fetched again afterwards */
	bool has_policy;    /* `entry` is filled, whatever its mode or age */
	bool from_file;     /* from the operator's file, not fetched */
	bool wants_reports; /* it has a usable _smtp._tls record */
	struct sts_entry entry;
	/* STS_OK: `routes` is filled; STS_NOT_FOUND; or a local fault. */
	enum sts_status routes_status;
	struct sts_routes routes;
	bool routes_fresh; /* no new lookup is needed now */
};

/*
 * Reads a domain, as it came from smtpd, from the store, and its routes if
 * requested.  Never waits.  Always fills *known, which the caller frees with
 * sts_domain_state_free.
 */
void sts_domain_state_read(const struct sts_config *config, const char *name,
    bool want_routes, struct sts_domain_state *known);
void sts_domain_state_free(struct sts_domain_state *known);

/* Events after which a domain may need a lookup or a probe. */
enum sts_moment {
	STS_POLICY_ANSWERED, /* the table has said whether it enforces */
	STS_HOST_ANSWERED,   /* the table has given a host, or none */
	STS_MAIL_COMES,      /* smtpd will ask the table for all of it */
	STS_MAIL_LOOKED_UP,  /* the same, after that lookup */
	STS_MAIL_PASSED,     /* the filter has passed a recipient */
	STS_MAIL_GATED,      /* or refused it because of a probe */
	STS_QUEUE_LOOKED_UP, /* a lookup without waiting mail has ended */
	STS_QUEUE_REFRESHED, /* a policy that was due has been fetched */
	STS_HOST_PROBED      /* a probe of an MX host has ended */
};

/*
 * What the domain needs next, into *what: STS_WORKER_LOOKUP, or
 * STS_WORKER_ROUTES, after a lookup if known->fresh is false.  False if
 * nothing, as always for what is not a domain name.  A policy that is `due` is
 * fetched again independently of this.
 */
bool sts_domain_state_needs(const struct sts_domain_state *known,
    enum sts_moment moment, enum sts_worker_what *what);

/*
 * The policy that hosts of this domain must match: NULL if any MX host may have
 * the mail, still over verified TLS.
 */
static inline const struct sts_policy *
sts_domain_state_policy(const struct sts_domain_state *known)
{
	return known->has_policy && known->verdict == STS_VERDICT_ENFORCE
	    ? &known->entry.policy
	    : NULL;
}

#endif
