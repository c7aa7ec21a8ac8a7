/* SPDX-License-Identifier: ISC */
/* TLS reports of our own: whether they are set up, and what is missing. */
#ifndef STS_TOOL_REPORTING_H
#define STS_TOOL_REPORTING_H

#include <stdbool.h>

#include "base/config.h"
#include "base/findings.h"

enum sts_reporting {
	STS_REPORTING_OFF,
	STS_REPORTING_INCOMPLETE, /* one of organization and contact is set */
	STS_REPORTING_COLLECTOR,  /* a collector makes the reports */
	STS_REPORTING_ON
};

enum sts_reporting sts_reporting_state(const struct sts_config *config);

/* Who sends: each may be "", where it cannot be known. */
struct sts_reporting_identity {
	char from[STS_NAME_MAX + 80];
	char submitter[STS_NAME_MAX + 1];
};
void sts_reporting_identity(
    const struct sts_config *config, struct sts_reporting_identity *identity);

/*
 * Reports what is wrong with the keys for reports, and with the sendmail or the
 * socket that they name.  Silent where reporting is off.
 */
void sts_reporting_check_config(
    struct sts_findings *findings, const struct sts_config *config);

#endif
