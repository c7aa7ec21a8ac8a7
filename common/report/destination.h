/* SPDX-License-Identifier: ISC */
/* Where reports go, RFC 8460 3. */
#ifndef STS_REPORT_DESTINATION_H
#define STS_REPORT_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>

#include "report/write.h"
#include "store/reports.h"

/*
 * Reads the destinations of a _smtp._tls record into job->to, each once and at
 * most STS_DESTINATIONS_MAX, all pending: "mailto:" and an address without
 * percent signs, or a URL that begins with "https://".  Leaves out a mailto:
 * with an address that no report can be sent to, or with several.  Returns
 * their number.
 */
size_t sts_destinations_read(const char *record, struct sts_report_job *job);

/* The address of such a mailto:, or NULL for an https:. */
const char *sts_destination_address(const char *uri);

#endif
