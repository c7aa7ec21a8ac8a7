/* SPDX-License-Identifier: ISC */
/*
 * Internal to filter-mta-sts.
 *
 *	filter.c           the program: options, the loop
 *	filter_protocol.c  lines from smtpd
 *	filter_session.c   incoming sessions: clients that the filter acts for
 *	filter_hold.c      recipients that wait for their domain's answer
 *	filter_relay.c     outgoing sessions: what became of the mail
 *	filter_prefetch.c  domains that are looked up ahead of mail
 *	filter_networks.c  addresses and networks: who is local
 *	filter_unprotected.c  mail that left past the table
 *	filter_report.h    sessions that TLS reports count
 *
 * smtpd exits if a filter exits, answers twice, or writes an unknown line; and
 * it waits for an answer without limit.
 */
#ifndef STS_OPENSMTPD_FILTER_FILTER_H
#define STS_OPENSMTPD_FILTER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "client/worker.h"
#include "opensmtpd/domain_state.h"
#include "opensmtpd/lines.h"
#include "base/hashmap.h"
#include "opensmtpd/filter/filter_networks.h"
#include "opensmtpd/delivery_log.h"
#include "opensmtpd/output.h"

enum {
	STS_HOLD_GRACE_MS = 2000,        /* beyond the limits of a lookup */
	STS_HOLD_TRANSACTION_MS = 60000, /* in one transaction */
	STS_HOLDS_MAX = 20000,           /* recipients waiting at once */
	STS_SESSIONS_MAX = 50000,        /* of each direction */
	STS_SESSION_ID_MAX = 16,         /* hex digits, of tokens too */
	STS_REFRESH_AT_ONCE = 16,
	STS_UNPROTECTED_SLOTS = 256
};

/* An incoming session. */
struct sts_session {
	struct sts_hashmap_node node;
	bool ours;       /* local or authenticated: the filter acts */
	bool socket;     /* sendmail, bounces */
	int64_t held_ms; /* in this transaction */
};

/* A request of smtpd, for its answer. */
struct sts_request {
	char session[STS_SESSION_ID_MAX + 1];
	char token[STS_SESSION_ID_MAX + 1];
	uint64_t id; /* the session's */
};

struct sts_hold;     /* a waiting recipient */
struct sts_reporter; /* filter_report.h */

/* The answer to a request. */
enum sts_decision {
	STS_PROCEED,
	STS_REFUSE_NO_MX,      /* no MX host is permitted */
	STS_REFUSE_CERTIFICATE /* no permitted one has a valid certificate */
};

struct sts_holds {
	struct sts_hashmap domains;    /* struct wait, by domain */
	struct sts_hold *first, *last; /* all, by deadline */
	size_t count;
};

/* Lookups for which no session waits. */
struct sts_refresh {
	int64_t next_ms;     /* the next round */
	size_t prefetched;   /* of the prefetch list, in this one, */
	int64_t prefetch_ms; /* and when to continue */
	/* Policies that mail has found due; "": free. */
	char due[STS_REFRESH_AT_ONCE][STS_NAME_MAX + 1];
};

struct sts_filter {
	struct sts_config config;
	enum sts_status config_status;
	bool gate;
	struct sts_networks networks;
	struct sts_output output;
	struct sts_lines lines;
	bool registered;
	bool sees_out;               /* smtpd reports outgoing sessions */
	struct sts_worker *worker;   /* NULL: no memory */
	struct sts_hashmap sessions; /* struct sts_session */
	struct sts_holds holds;
	struct sts_hashmap out;             /* outgoing sessions */
	struct sts_hashmap addresses;       /* MX hosts by address */
	int64_t walked_ms;                  /* when all routes were last read */
	struct sts_delivery_log deliveries; /* for the table */
	struct sts_delivery_log asked;      /* the table's */
	int64_t unprotected_ms[STS_UNPROTECTED_SLOTS]; /* next line allowed */
	struct sts_reporter *reporter; /* NULL: no reports are wanted */
	struct sts_refresh refresh;
};

/* Handles one line of smtpd; an sts_line_take.  Ignores unknown ones. */
void sts_filter_handle_line(void *filter, struct sts_span line, bool cut);

/* Writes the one answer to a request. */
void sts_filter_answer(struct sts_filter *f, const struct sts_request *request,
    enum sts_decision decision);

/* Incoming sessions. */
void sts_session_connect(struct sts_filter *f, uint64_t id, const char *source,
    const char *destination);
void sts_session_authenticated(struct sts_filter *f, uint64_t id);
void sts_session_begin(struct sts_filter *f, uint64_t id); /* MAIL FROM */
void sts_session_end(struct sts_filter *f, uint64_t id);
struct sts_session *sts_session_find(const struct sts_filter *f, uint64_t id);

/*
 * A recipient.  The request is answered now, when the store has what the table
 * will need, or at the deadline.
 */
void sts_hold_recipient(struct sts_filter *f, const struct sts_request *request,
    const char *recipient);

/* The resolver's answer; false if no recipient has waited for it. */
bool sts_hold_done(struct sts_filter *f, enum sts_worker_what what,
    const char *domain, enum sts_status status);

/* Answers recipients at their deadline, or `all` of them now. */
void sts_hold_expire(struct sts_filter *f, bool all);
int64_t sts_hold_due_ms(const struct sts_filter *f);

/* Outgoing sessions. */
void sts_relay_connect(
    struct sts_filter *f, uint64_t id, const char *destination);
void sts_relay_begin(struct sts_filter *f, uint64_t id);
/* MAIL FROM, where the dialogue is seen: whether it is that of our reports. */
void sts_relay_sender(struct sts_filter *f, uint64_t id, bool is_report);
void sts_relay_recipient(
    struct sts_filter *f, uint64_t id, const char *recipient);
void sts_relay_commit(struct sts_filter *f, uint64_t id);
void sts_relay_end(struct sts_filter *f, uint64_t id);

/* Records the addresses of a domain's permitted MX hosts. */
void sts_relay_learn(
    struct sts_filter *f, const struct sts_domain_state *known);

/*
 * Mail for this domain was accepted at the address ("" if unknown): logs and
 * stores an error if the domain enforces and the table was not asked for its
 * host.
 */
void sts_unprotected_check(
    struct sts_filter *f, const char *address, const char *domain);

/*
 * Sessions for TLS reports.  Before sts_report_begin, which does nothing if the
 * configuration wants no reports, the others do nothing.
 */
void sts_report_begin(struct sts_filter *f);
void sts_report_connect(struct sts_filter *f, uint64_t id, const char *source,
    const char *destination);
void sts_report_client(struct sts_filter *f, uint64_t id, struct sts_span line);
void sts_report_server(struct sts_filter *f, uint64_t id, struct sts_span line);
void sts_report_tls(struct sts_filter *f, uint64_t id); /* link-tls */
void sts_report_end(struct sts_filter *f, uint64_t id);

/* Mail comes for a domain: has its hosts looked up if it wants reports. */
void sts_report_expect(
    struct sts_filter *f, const struct sts_domain_state *known);

/* Records sessions that waited for something; `all` of them now. */
void sts_report_step(struct sts_filter *f, bool all);
int64_t sts_report_due_ms(const struct sts_filter *f);

/* Has a policy that is due fetched again; dropped if there are too many. */
void sts_refresh_want(struct sts_filter *f, const char *domain);

/* Rounds over the store and the prefetch list. */
void sts_refresh_step(struct sts_filter *f);
void sts_refresh_done(struct sts_filter *f, enum sts_worker_what what,
    const char *domain, enum sts_status status);
int64_t sts_refresh_due_ms(const struct sts_filter *f);

/*
 * The domain of an address as smtpd writes it, into a buffer of the address's
 * size; false if it has none, such as "root".
 */
bool sts_recipient_domain(const char *recipient, char *domain, size_t size);

#endif
