/* SPDX-License-Identifier: ISC */
/*
 * What the filter sees of outgoing sessions, told to the table.
 *
 * Only the table knows which host smtpd was given for which domain, and only
 * the filter sees whether the mail went.  So the filter keeps one small file
 * in the state directory, "smtp-out": when a domain's mail was last accepted,
 * and when a connection last failed that no event tells the address of.  It
 * decides nothing but whether a host is worth a probe; two domains may share a
 * slot, and a file that is missing or makes no sense says "never".
 */
#ifndef STS_OPENSMTPD_OUTCOMES_H
#define STS_OPENSMTPD_OUTCOMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"

struct sts_outcomes {
	const struct sts_config *config; /* must outlive it */
	int fd;                          /* -1: not open */
	bool writing;
};

void sts_outcomes_init(struct sts_outcomes *outcomes,
    const struct sts_config *config, bool writing);
void sts_outcomes_close(struct sts_outcomes *outcomes);

/* Removes the file: nobody tells us of outgoing sessions any more. */
void sts_outcomes_remove(struct sts_outcomes *outcomes);

/* Notes that mail for the domain was accepted, or that a connection failed. */
void sts_outcomes_commit(struct sts_outcomes *outcomes, const char *domain);
void sts_outcomes_failure(struct sts_outcomes *outcomes);

/* When that was last, as sts_outcomes_now has it; 0 for never. */
int64_t sts_outcomes_committed(
    struct sts_outcomes *outcomes, const char *domain);
int64_t sts_outcomes_failed(struct sts_outcomes *outcomes);

/* Milliseconds since 1970. */
int64_t sts_outcomes_now(void);

#endif
