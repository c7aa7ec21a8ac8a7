/* SPDX-License-Identifier: ISC */
/* What a JSON text would cost to read, found without reading it. */
#ifndef STS_REPORT_JSON_BOUNDS_H
#define STS_REPORT_JSON_BOUNDS_H

#include <stddef.h>

/*
 * NULL where a JSON text has at most STS_REPORT_JSON_MAX bytes,
 * STS_REPORT_VALUES_MAX values and STS_REPORT_DEPTH_MAX levels; else which of
 * them it exceeds, as a sentence.  Of what is no JSON it says nothing.
 */
const char *sts_json_exceeds(const char *json, size_t len);

#endif
