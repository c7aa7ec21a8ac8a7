/* SPDX-License-Identifier: ISC */
/*
 * Internal to the part of filter-mta-sts that counts sessions for TLS reports
 * (RFC 8460), where the configuration wants them.
 *
 *	filter_dialogue.c  how far TLS came in a connection
 *	filter_report.c    connections: which count, once, and for which domain
 *	filter_report_domain.c  the domain of a connection that named none
 *	filter_settle.c    what is recorded of a session
 *
 * None of it waits: what must be looked up first is, and the session settled
 * afterwards.
 */
#ifndef STS_OPENSMTPD_FILTER_FILTER_REPORT_H
#define STS_OPENSMTPD_FILTER_FILTER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "core/outcome.h"
#include "opensmtpd/filter/filter.h"
#include "opensmtpd/filter/filter_dialogue.h"
#include "opensmtpd/shared_file.h"

enum {
	STS_DIALOGUES_MAX = 16384, /* connections; then the oldest is dropped */
	STS_SETTLING_MAX = 256,    /* sessions; then they are settled at once */
	STS_SETTLE_MS = 60000,     /* how long one may wait to be settled */
	STS_RECENT_MAX = 256,      /* domains that mail came for */
	STS_RECENT_MS = 600000     /* and for how long that counts */
};

/* A domain that mail came for, or went to. */
struct sts_recent {
	int64_t when_ms; /* sts_delivery_log_now */
	char domain[STS_NAME_MAX + 1];
};

struct sts_connection; /* filter_report.c */
struct sts_settling;   /* filter_settle.c */

struct sts_reporter {
	struct sts_hashmap connections;         /* struct sts_connection */
	struct sts_connection *oldest, *newest; /* by last link-connect */
	struct sts_settling *settling;
	size_t settling_count;
	struct sts_shared_file hosts; /* the table's last answers */
	struct sts_recent recent[STS_RECENT_MAX];
};

/* Notes that there is mail for a domain, which is normalised. */
void sts_report_domain_note(struct sts_reporter *reporter, const char *domain);

/*
 * Finds the domain, and the host, of a connection to an address: of those whose
 * hosts have it, the one that the table was asked for, or that mail came for,
 * last before `connected_ms` (sts_delivery_log_now).  False if there is none.
 */
bool sts_report_domain_find(struct sts_filter *f, const char *address,
    int64_t connected_ms, char domain[STS_NAME_MAX + 1],
    char host[STS_NAME_MAX + 1]);

/*
 * Has a session recorded, now or within STS_SETTLE_MS, if its domain wants
 * reports.  The outcome has the domain, both addresses, HELO and time, and the
 * MX host if it is known.  Nothing is recorded of STS_SESSION_NONE.
 */
void sts_settle(struct sts_filter *f, const struct sts_outcome *outcome,
    enum sts_session_class class);

#endif
