/* SPDX-License-Identifier: ISC */
/* `mta-sts report send`: reports by HTTPS. */
#ifndef STS_TOOL_REPORT_POST_H
#define STS_TOOL_REPORT_POST_H

#include "report/deliver.h"

/* `https` of struct sts_deliver: through the resolver and its fetcher. */
void sts_report_post(struct sts_deliver *deliver,
    const struct sts_report_job *job, const struct sts_delivery *to,
    struct sts_attempt_result *result);

#endif
