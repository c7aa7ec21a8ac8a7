/* SPDX-License-Identifier: ISC */
/* The table's answers, in any protocol. */
#ifndef STS_OPENSMTPD_TABLE_TABLE_ANSWER_H
#define STS_OPENSMTPD_TABLE_TABLE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "client/worker.h"
#include "opensmtpd/table/table_attempts.h"
#include "opensmtpd/domain_state.h"
#include "opensmtpd/shared_file.h"

enum {
	/* The table's only wait, for a domain that was never looked up. */
	STS_TABLE_WAIT_MS = 1500,
	STS_TABLE_WAIT_AGAIN_MS = 10000, /* from the end of one to the next */
	STS_TABLE_WANTED_MAX = 256,      /* pending at once */
	STS_TABLE_RECENT_MAX = 1024,
	STS_TABLE_REFUSED_MAX = 64
};

struct sts_table {
	const char *config_file; /* NULL: the default one */
	struct sts_config config;
	enum sts_status config_status; /* not STS_OK: there is no answer */
	int64_t config_ms;             /* when it was last read */
	/*
	 * A table whose name ends in "-unknown" has the domains that were never
	 * looked up, for a rule that keeps their mail in the queue.
	 */
	bool unknown;
	bool may_wait;
	int64_t waited_ms;         /* the end of the last wait */
	struct sts_worker *worker; /* NULL: no memory */
	const char *awaited;       /* the domain of a wait, until it is over */
	/* When a name was last looked up or probed; two may share a slot. */
	struct {
		uint64_t key;
		int64_t ms;
	} recent[STS_TABLE_RECENT_MAX];
	struct sts_attempts attempts;
	struct sts_delivery_log asked; /* for the filter */
	struct sts_shared_file hosts;  /* the same, for TLS reports */
	/* When there was last no host for a domain, for TLS reports. */
	struct {
		uint64_t key;
		int64_t ms;
	} refused[STS_TABLE_REFUSED_MAX];
};

enum sts_found { STS_ERROR = -1, STS_NOT_IN_TABLE = 0, STS_FOUND = 1 };

struct sts_reply {
	enum sts_found found;
	/*
	 * After STS_ERROR a fixed token; of a lookup after STS_FOUND the
	 * value, "smtp+tls://HOST".
	 */
	char text[STS_NAME_MAX + 32];
};

/*
 * `table_name` is smtpd's name for the table.  Reads the configuration; the
 * table can be used even if that fails.
 */
void sts_table_init(
    struct sts_table *table, const char *table_name, const char *config_file);
void sts_table_close(struct sts_table *table);

/*
 * Reads the configuration again; if that fails, returns false, and the old one
 * stays in force.
 */
bool sts_table_update(struct sts_table *table);

/* Service domain: whether this domain has an enforce policy. */
void sts_table_check(
    struct sts_table *table, const char *key, struct sts_reply *reply);

/* Service relayhost: which host may receive this domain's mail. */
void sts_table_lookup(
    struct sts_table *table, const char *key, struct sts_reply *reply);

/* Does what follows the answers; never waits. */
void sts_table_step(struct sts_table *table);
int64_t sts_table_due_ms(const struct sts_table *table);

/*
 * table_report.c: what the table has to say for TLS reports, where they are
 * wanted: the host that a domain is given, and that its policy permits none.
 */
void sts_table_report_host(struct sts_table *table,
    const struct sts_domain_state *known, const char *host);
void sts_table_report_refused(
    struct sts_table *table, const struct sts_domain_state *known);

/*
 * table_wanted.c: lookups after the answers, of each domain at most once in 30
 * seconds, and probes, of each host at most once a minute.
 */

/* Creates table->worker.  Without memory for it nothing is looked up. */
void sts_wanted_init(struct sts_table *table);

/*
 * Asks for the policy or routes of a domain, and then for what their result
 * requires.  Dropped if asked for recently, or if too much is pending.
 */
void sts_wanted_ask(
    struct sts_table *table, enum sts_worker_what what, const char *domain);

/* The same for a probe of an MX host of the domain. */
void sts_wanted_probe(
    struct sts_table *table, const char *host, const char *domain);

/* Asks for what is outdated or missing in *known. */
void sts_wanted_fresh(struct sts_table *table,
    const struct sts_domain_state *known, enum sts_moment moment);

/*
 * Has the policy and routes of a domain looked up and waits for them, at most
 * STS_TABLE_WAIT_MS.
 */
void sts_wanted_wait(struct sts_table *table, const char *domain);

#endif
