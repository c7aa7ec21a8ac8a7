/* SPDX-License-Identifier: ISC */
/*
 * Recipients in smtpd's queue that were accepted under actions of this suite.
 * An envelope names its action, but one of an encrypted queue cannot be read.
 * smtpd can, and does not load one whose action it does not have: such a one is
 * known by smtpd not having it in its list, while smtpd has no such action.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_QUEUE_H
#define STS_OPENSMTPD_ENABLE_SMTPD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "opensmtpd/enable/smtpd_place.h"
#include "opensmtpd/enable/smtpd_switch.h"

/* An envelope's id, in hexadecimal digits: the first half is its message's. */
struct sts_envelope_id {
	char hex[17];
};

struct sts_smtpd_queue {
	unsigned waiting; /* for one of the actions, as their envelopes say */
	struct sts_envelope_id *sealed; /* the encrypted ones */
	size_t sealed_count;
	unsigned hidden; /* encrypted, and left out of these */
};

/*
 * Looks through the queue for these actions; `q` is overwritten, to be freed.
 * Without memory some are hidden.
 */
void sts_smtpd_queue_look(struct sts_smtpd_queue *q,
    const struct sts_smtpd_switch *e, const struct sts_smtpd_lost *lost);

/*
 * Keeps of the encrypted ones those that smtpd has not loaded, also after a
 * pause, since it may have been about to.  Those of which it does not say that
 * are hidden.
 */
void sts_smtpd_queue_keep_unloaded(
    struct sts_smtpd_queue *q, const struct sts_smtpd_switch *e);

/*
 * How many of the encrypted ones are still there and loaded by now, or hidden;
 * with `unloaded` those that are not, too.
 */
unsigned sts_smtpd_queue_left(const struct sts_smtpd_queue *q,
    const struct sts_smtpd_switch *e, bool unloaded);

void sts_smtpd_queue_free(struct sts_smtpd_queue *q);

#endif
