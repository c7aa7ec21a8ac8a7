/* SPDX-License-Identifier: ISC */
/*
 * What filter and table tell each other about deliveries.
 *
 * Only the table knows which host smtpd was given for which domain, and only
 * the filter sees whether the mail was accepted.  So each writes one small file
 * in the state directory that the other reads.  "smtp-out", the filter's: when
 * mail for a domain was last accepted, and when a connection last failed whose
 * address no event tells; it decides whether a host is probed.  "smtp-asked",
 * the table's: when smtpd last asked for a domain's host; it decides whether
 * mail that left is logged as an error.  Two domains may share a slot, and a
 * missing or invalid file means "never".
 */
#ifndef STS_OPENSMTPD_DELIVERY_LOG_H
#define STS_OPENSMTPD_DELIVERY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "opensmtpd/shared_file.h"

enum sts_delivery_log_file { STS_DELIVERY_LOG_SENT, STS_DELIVERY_LOG_ASKED };

struct sts_delivery_log {
	struct sts_shared_file file;
};

/* The config must outlive it. */

void sts_delivery_log_init(struct sts_delivery_log *deliveries,
    const struct sts_config *config, enum sts_delivery_log_file file,
    bool writing);
void sts_delivery_log_close(struct sts_delivery_log *deliveries);

/* Removes the file: smtpd no longer reports outgoing sessions. */
void sts_delivery_log_remove(struct sts_delivery_log *deliveries);

/*
 * Records that mail for the domain was accepted (or its host asked for), or
 * that a connection failed.
 */
void sts_delivery_log_note(
    struct sts_delivery_log *deliveries, const char *domain);
void sts_delivery_log_failure(struct sts_delivery_log *deliveries);

/* The last such time, as sts_delivery_log_now; 0 for never. */
int64_t sts_delivery_log_noted(
    struct sts_delivery_log *deliveries, const char *domain);
int64_t sts_delivery_log_failed(struct sts_delivery_log *deliveries);

/* Milliseconds since 1970. */
int64_t sts_delivery_log_now(void);

#endif
