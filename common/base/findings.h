/* SPDX-License-Identifier: ISC */
/* A problem, the file and line that it is in, and its fix. */
#ifndef STS_BASE_FINDINGS_H
#define STS_BASE_FINDINGS_H

#include <stdio.h>

enum sts_severity {
	STS_FIND_NOTE,    /* for information */
	STS_FIND_WARNING, /* works, but not as it should */
	STS_FIND_ERROR    /* breaks the promise, or mail waits */
};

struct sts_finding {
	enum sts_severity severity;
	const char *place; /* "FILE:LINE" or "FILE"; NULL: of no one file */
	const char *text;
	const char *fix; /* or NULL */
};

struct sts_findings {
	FILE *out;
	/* If set, called instead of printing; the strings are borrowed. */
	void (*take)(void *arg, const struct sts_finding *finding);
	void *arg;
	unsigned count[STS_FIND_ERROR + 1]; /* by severity */
};

/*
 * Prints "error: TEXT" (or warning, note) and, unless `fix` is NULL, a line
 * "  fix: FIX".  Bytes that are not printable are escaped.
 */
void sts_report_problem(struct sts_findings *findings,
    enum sts_severity severity, const char *fix, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with "PLACE: " before it, unless `place` is NULL. */
void sts_find_at(struct sts_findings *findings, enum sts_severity severity,
    const char *place, const char *fix, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Writes one finding as described above. */
void sts_finding_print(FILE *out, const struct sts_finding *finding);

/* "note", "warning" or "error". */
const char *sts_severity_name(enum sts_severity severity);

#endif
