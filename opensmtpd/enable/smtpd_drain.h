/* SPDX-License-Identifier: ISC */
/*
 * Mail that smtpd accepted under the actions of this suite, once smtpd.conf has
 * them no more.  An envelope carries the name of its action for good, and smtpd
 * leaves one alone whose action it does not know.  So for `disable` smtpd.conf
 * gets actions of these names that relay as its own do, without policies, for
 * as long as such mail is there.  Nothing else adds them: with an `enable` that
 * fails nobody has asked for mail without policies, and it waits.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_DRAIN_H
#define STS_OPENSMTPD_ENABLE_SMTPD_DRAIN_H

#include "opensmtpd/enable/smtpd_steps.h"

/* The note of the record while smtpd.conf has these actions. */
#define STS_SMTPD_DRAINING "draining"

/*
 * What waits for an action of ours that smtpd.conf does not have, or may, into
 * w->queue.
 */
void sts_smtpd_look_waiting(struct sts_smtpd_steps *w);

/* That some only may, and what to do; nothing if there are none. */
void sts_smtpd_say_sealed(const struct sts_smtpd_steps *w);

/* True if smtpd.conf has no action of ours. */
bool sts_smtpd_has_none(const struct sts_smtpd_steps *w);

/* After an `enable` that failed: what waits like that, and what ends it. */
void sts_smtpd_say_left(struct sts_smtpd_steps *w);

/*
 * For `disable`: smtpd.conf is the operator's old one: has smtpd run with it,
 * and brings out what waits.  Says what stays, and what to do then.  NOT if
 * smtpd does not serve.
 */
enum sts_switched sts_smtpd_settle(struct sts_smtpd_steps *w);

/* The same where an earlier run has left the actions; their record is loaded.
 */
enum sts_switched sts_smtpd_settle_again(struct sts_smtpd_steps *w);

#endif
