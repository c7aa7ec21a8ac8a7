/* SPDX-License-Identifier: ISC */
/*
 * Text output: times, ages, aligned keys, and bytes from the network escaped
 * for a terminal.
 */
#ifndef STS_TOOL_OUT_H
#define STS_TOOL_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { STS_AGE_TEXT = 48 }; /* "3 hours", "1 minute" */

/* A duration in one unit: "45 seconds", "3 hours", "12 days". */
const char *sts_print_span(char buf[STS_AGE_TEXT], int64_t seconds);

/* The same for a column: "45s", "3h", "12d"; "-" before past times. */
const char *sts_print_short_span(char buf[STS_AGE_TEXT], int64_t seconds);

/* A line "key: value", values aligned and escaped. */
void sts_print_line(FILE *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A line with a time: "2026-11-22T13:14:15Z (3 hours ago)" or "(in 6 days)";
 * "never" for 0.
 */
void sts_print_time_line(FILE *out, const char *key, int64_t when, int64_t now);

#endif
