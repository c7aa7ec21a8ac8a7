/* SPDX-License-Identifier: ISC */
/*
 * What the command writes for people: times, ages, aligned keys, and bytes
 * from the network made harmless for a terminal.
 */
#ifndef STS_TOOL_OUT_H
#define STS_TOOL_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { STS_AGE_TEXT = 48 }; /* "3 hours", "1 minute" */

/* A span of time in one unit, in words: "45 seconds", "3 hours", "12 days". */
const char *sts_print_span(char buf[STS_AGE_TEXT], int64_t seconds);

/* The same in a column's width: "45s", "3h", "12d"; a past time has "-". */
const char *sts_print_short_span(char buf[STS_AGE_TEXT], int64_t seconds);

/* A whole line "key: value", the values in one column, the value escaped. */
void sts_print_line(FILE *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A whole line with a time: "2026-11-22T13:14:15Z (3 hours ago)" or "(in 6
 * days)"; "never" for 0.
 */
void sts_print_time_line(FILE *out, const char *key, int64_t when, int64_t now);

#endif
