/* SPDX-License-Identifier: ISC */
/* Estimates the cost of parsing a JSON text. */
#ifndef STS_REPORT_JSON_BOUNDS_H
#define STS_REPORT_JSON_BOUNDS_H

#include <stddef.h>

/*
 * NULL if a JSON text has at most STS_REPORT_JSON_MAX bytes,
 * STS_REPORT_VALUES_MAX values and STS_REPORT_DEPTH_MAX levels; else a sentence
 * that names the limit it exceeds.  Does not check the syntax.
 */
const char *sts_json_exceeds(const char *json, size_t len);

#endif
