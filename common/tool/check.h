/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check`: findings, each with what mends it.
 */
#ifndef STS_TOOL_CHECK_H
#define STS_TOOL_CHECK_H

#include <stdio.h>

enum sts_severity {
	STS_FIND_NOTE,    /* to know; nothing is wrong */
	STS_FIND_WARNING, /* works, but not as it should */
	STS_FIND_ERROR    /* breaks the promise, or mail waits */
};

struct sts_findings {
	FILE *out;
	unsigned count[STS_FIND_ERROR + 1]; /* by severity */
};

/*
 * Prints "error: TEXT" (or warning, note) and, unless `mend` is NULL, a line
 * "  mend: MEND".  Bytes that are not printable are escaped.
 */
void sts_find(struct sts_findings *findings, enum sts_severity severity,
    const char *mend, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
