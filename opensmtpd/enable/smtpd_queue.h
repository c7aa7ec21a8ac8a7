/* SPDX-License-Identifier: ISC */
/*
 * Recipients in smtpd's queue that were accepted under actions of this suite.
 * An envelope names its action, but one of an encrypted queue only smtpd can
 * read.  So each such one counts that came before smtpd was started without
 * policies.  What smtpd lists is of no use: it lists what it has loaded, and
 * that takes it long.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_QUEUE_H
#define STS_OPENSMTPD_ENABLE_SMTPD_QUEUE_H

#include <time.h>

#include "opensmtpd/enable/smtpd_place.h"
#include "opensmtpd/enable/smtpd_switch.h"

struct sts_smtpd_queue {
	unsigned waiting; /* for one of the actions, as their envelopes say */
	unsigned sealed;  /* encrypted, so perhaps for one of them */
};

/*
 * Looks through the queue for these actions; of what is encrypted only messages
 * that came at `until` or before count.
 */
void sts_smtpd_queue_look(struct sts_smtpd_queue *q,
    const struct sts_smtpd_switch *e, const struct sts_smtpd_lost *lost,
    time_t until);

#endif
