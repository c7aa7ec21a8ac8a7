/* SPDX-License-Identifier: ISC */
/*
 * The texts of the policies that were in force on a day, from the outcomes of
 * that day and of those on which they were fetched; in bounded memory.
 */
#ifndef STS_REPORT_POLICY_TEXTS_H
#define STS_REPORT_POLICY_TEXTS_H

#include <stdint.h>

#include "base/status.h"
#include "store/outcomes.h"

/* Bytes of all texts; further ones are looked for in the store alone. */
enum { STS_POLICY_TEXTS_MAX = 8 * 1024 * 1024 };

struct sts_policy_texts;

/* Statuses of sts_outcomes_read for the day itself.  Freed with
 * sts_policy_texts_free. */
enum sts_status sts_policy_texts_read(
    struct sts_policy_texts **texts, struct sts_store *store, int64_t day);
void sts_policy_texts_free(struct sts_policy_texts *texts); /* or NULL */

/*
 * A copy of the lines of the domain's policy that was fetched then, which the
 * caller frees; NULL: it is not known, or no memory.
 */
char *sts_policy_texts_find(struct sts_policy_texts *texts, const char *domain,
    int64_t fetched, int64_t now);

#endif
