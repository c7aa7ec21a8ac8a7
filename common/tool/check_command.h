/* SPDX-License-Identifier: ISC */
/* Internal to `mta-sts check`: what was found, in both forms. */
#ifndef STS_TOOL_CHECK_COMMAND_H
#define STS_TOOL_CHECK_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "publish/published.h"

/* For people: what was seen, then each finding.  True: nothing was found. */
bool sts_check_print(FILE *out, const struct sts_published *p);

/*
 * One JSON object; *clean as above.  False: no memory, and nothing is printed.
 */
bool sts_check_print_json(
    FILE *out, const struct sts_published *p, bool *clean);

#endif
