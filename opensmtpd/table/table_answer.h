/* SPDX-License-Identifier: ISC */
/* The table's answers, in any protocol. */
#ifndef STS_OPENSMTPD_TABLE_TABLE_ANSWER_H
#define STS_OPENSMTPD_TABLE_TABLE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "opensmtpd/table/table_attempts.h"
#include "opensmtpd/table/table_background.h"
#include "opensmtpd/domain_state.h"

enum {
	/* The table's only wait, for a domain that was never looked up. */
	STS_TABLE_WAIT_MS = 1500,
	STS_TABLE_WAIT_AGAIN_MS = 10000 /* from the end of one to the next */
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
	int64_t waited_ms; /* the end of the last wait */
	struct sts_background background;
	struct sts_attempts attempts;
	struct sts_delivery_log asked; /* for the filter */
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

/* Starts and ends background jobs; never waits. */
void sts_table_step(struct sts_table *table);
int64_t sts_table_due_ms(const struct sts_table *table);

#endif
