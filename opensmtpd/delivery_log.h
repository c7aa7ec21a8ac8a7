/* SPDX-License-Identifier: ISC */
/*
 * What filter and table tell each other of deliveries.
 *
 * Only the table knows which host smtpd was given for which domain, and only
 * the filter sees whether the mail went.  So each keeps one small file in the
 * state directory that the other reads.  "smtp-out", the filter's: when a
 * domain's mail was last accepted, and when a connection last failed that no
 * event tells the address of; it decides whether a host is worth a probe.
 * "smtp-asked", the table's: when smtpd last asked it for a domain's host; it
 * decides whether mail that left is worth an error in the log.  Two domains may
 * share a slot, and a file that is missing or makes no sense says "never".
 */
#ifndef STS_OPENSMTPD_DELIVERY_LOG_H
#define STS_OPENSMTPD_DELIVERY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"

enum sts_outcomes_file { STS_OUTCOMES_SENT, STS_OUTCOMES_ASKED };

struct sts_outcomes {
	const struct sts_config *config; /* must outlive it */
	enum sts_outcomes_file file;
	int fd; /* -1: not open */
	bool writing;
};

void sts_outcomes_init(struct sts_outcomes *outcomes,
    const struct sts_config *config, enum sts_outcomes_file file, bool writing);
void sts_outcomes_close(struct sts_outcomes *outcomes);

/* Removes the file: nobody tells us of outgoing sessions any more. */
void sts_outcomes_remove(struct sts_outcomes *outcomes);

/*
 * Notes that mail for the domain was accepted (or its host asked for), or that
 * a connection failed.
 */
void sts_outcomes_note(struct sts_outcomes *outcomes, const char *domain);
void sts_outcomes_failure(struct sts_outcomes *outcomes);

/* When that was last, as sts_outcomes_now has it; 0 for never. */
int64_t sts_outcomes_noted(struct sts_outcomes *outcomes, const char *domain);
int64_t sts_outcomes_failed(struct sts_outcomes *outcomes);

/* Milliseconds since 1970. */
int64_t sts_outcomes_now(void);

#endif
