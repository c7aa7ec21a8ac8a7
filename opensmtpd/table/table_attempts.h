/* SPDX-License-Identifier: ISC */
/*
 * The hosts given to smtpd, and what seems to have become of them.  A failed
 * delivery leaves traces: the same question again without a commit in between,
 * or a failed connection while the answer was in use.  Then the host is probed;
 * a healthy one never is.
 */
#ifndef STS_OPENSMTPD_TABLE_TABLE_ATTEMPTS_H
#define STS_OPENSMTPD_TABLE_TABLE_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "opensmtpd/delivery_log.h"

enum {
	STS_ATTEMPTS_MAX = 256,        /* in use; the oldest is replaced */
	STS_ATTEMPT_AGAIN_MS = 5000,   /* below: envelopes of one message */
	STS_ATTEMPT_LIFE_MS = 600000,  /* above: another delivery */
	STS_ATTEMPT_WATCH_MS = 150000, /* a connection has failed by then */
	STS_ATTEMPT_SETTLE_MS = 2000,  /* from a failure to a decision */
	STS_ATTEMPT_POLL_MS = 1000
};

struct sts_attempt {
	char domain[STS_NAME_MAX + 1];
	char host[STS_NAME_MAX + 1]; /* "": not in use */
	int64_t first_ms; /* of the answers since a commit was seen */
	bool watched;     /* young enough to be the failed connection's */
};

struct sts_attempts {
	struct sts_attempt attempt[STS_ATTEMPTS_MAX];
	size_t watched;
	int64_t looked_ms; /* when failures were last looked for */
	struct sts_delivery_log deliveries;
};

void sts_attempts_init(
    struct sts_attempts *attempts, const struct sts_config *config);
void sts_attempts_close(struct sts_attempts *attempts);

/*
 * Records that `host` is the answer for `domain`.  True if the last answer was
 * the same and seems to have failed.
 */
bool sts_attempts_note(
    struct sts_attempts *attempts, const char *domain, const char *host);

/*
 * Checks for failed connections and calls `failed` for each domain and host to
 * which they may belong.
 */
typedef void sts_attempt_failed(
    void *arg, const char *domain, const char *host);
void sts_attempts_step(
    struct sts_attempts *attempts, sts_attempt_failed *failed, void *arg);

/* When the next step is due by sts_monotonic_ms; INT64_MAX: no need. */
int64_t sts_attempts_due_ms(const struct sts_attempts *attempts);

#endif
