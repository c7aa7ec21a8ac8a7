/* SPDX-License-Identifier: ISC */
/*
 * Internal to `mta-sts lint`: explains a fault to its publisher.  The parsers
 * of core/ decide what is valid and which rule was broken; this is a guess at
 * what was meant.
 */
#ifndef STS_TOOL_LINT_H
#define STS_TOOL_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/status.h"
#include "core/policy.h"

enum { STS_CAUSE_BYTES = 400 };

/*
 * The cause of a fault that the parser reported for a line of a policy: the
 * value, for the operator to find it, and the cause, both in the caller's
 * buffers, or "".
 */
void sts_lint_policy_cause(enum sts_status reason, struct sts_span line,
    struct sts_span *value, char cause[STS_CAUSE_BYTES]);

/*
 * The line, from 1, that was probably meant as the missing field of `reason`,
 * with the cause; 0 if there is none.
 */
unsigned sts_lint_meant_line(enum sts_status reason, const char *bytes,
    size_t len, char cause[STS_CAUSE_BYTES]);

/* Advice on a valid policy: `text` and a token, about line `line`. */
typedef void sts_lint_advice(
    void *arg, unsigned line, const char *text, const char *token);

/*
 * Finds what is valid but probably not meant: a short max_age (RFC 8461 10.2),
 * a duplicate field, a pattern such as "*.com", a mistyped name of a field.
 */
void sts_lint_advise(const char *bytes, size_t len,
    const struct sts_policy *policy, sts_lint_advice *advise, void *arg);

/*
 * Reads the record of one line, joined into buf: quoted strings, a whole line
 * of a zone file, or a bare value.  STS_BAD_LINE comes with a cause.
 */
enum sts_status sts_lint_read_record(struct sts_span line, char *buf,
    size_t size, size_t *len, char cause[STS_CAUSE_BYTES]);

/*
 * False if the line is of a zone file, or as host(1) prints it, and names
 * another place than `wanted` ("_mta-sts") below a domain: *name has it.
 */
bool sts_lint_record_name(
    struct sts_span line, const char *wanted, struct sts_span *name);

/*
 * The probable fault of a record that is not accepted, where a valid one begins
 * with `version` ("v=STSv1") and has the field `field` ("id").  "" and false if
 * the record does not resemble that kind.
 */
bool sts_lint_record_cause(struct sts_span record, const char *version,
    const char *field, char cause[STS_CAUSE_BYTES]);

#endif
