/* SPDX-License-Identifier: ISC */
/*
 * The JSON schema of a TLS report, tests/unit/data/report/tlsrpt.schema.json,
 * which was written from RFC 8460 4.4.
 */
#ifndef STS_TESTS_TAP_SCHEMA_H
#define STS_TESTS_TAP_SCHEMA_H

#include <stdbool.h>

/* False: it is not there, or no JSON.  Freed with schema_free. */
bool schema_load(void);
void schema_free(void);

/* What the schema says of a text; "": it fits. */
const char *schema_fits(const char *json);

#endif
