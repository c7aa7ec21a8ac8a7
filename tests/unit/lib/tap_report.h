/* SPDX-License-Identifier: ISC */
/*
 * TLS reports inside a test: JSON as a test writes it, and what a reader found
 * wrong with it.
 */
#ifndef STS_TESTS_TAP_REPORT_H
#define STS_TESTS_TAP_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "report/report.h"

/*
 * A copy in which each apostrophe is a quotation mark, and the first `from` is
 * `to` (unless `from` is NULL); ends the test program where it is not there.
 * The caller frees it.
 */
char *json_text(const char *text, const char *from, const char *to);

/*
 * Reads a copy that ends at a page that cannot be read.  What was wrong is
 * in *faults, which lasts until the next call: "PLACE: REASON", joined by "; ".
 */
bool report_parse(
    struct sts_report *report, const char *json, const char **faults);

/* Compressed, and in base64 with lines of 76; the caller frees both. */
char *gzip_bytes(const void *bytes, size_t len, size_t *out_len);
char *base64_text(const void *bytes, size_t len);

/* A whole report of one day about example.com, in apostrophes. */
extern const char report_of_a_day[];

#endif
