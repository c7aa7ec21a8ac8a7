/* SPDX-License-Identifier: ISC */
/*
 * Inside `mta-sts lint`: what lies behind a fault, for a person who publishes.
 * The parsers of core/ decide what is valid and say which rule was broken;
 * here it is guessed what was meant.
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
 * What is wrong with one line of a policy that the parser has reported for
 * `reason`: the value, which is what the operator has to find, and the cause,
 * both into the caller's buffers.  *value is empty and cause "" where there is
 * nothing to add.
 */
void sts_lint_policy_cause(enum sts_status reason, struct sts_span line,
    struct sts_span *value, char cause[STS_CAUSE_BYTES]);

/*
 * The line, from 1, that was probably meant as the field whose absence
 * `reason` reports, with the cause; 0 where there is none.
 */
unsigned sts_lint_meant_line(enum sts_status reason, const char *bytes,
    size_t len, char cause[STS_CAUSE_BYTES]);

/* Advice on a valid policy: `text` and a token, about line `line`. */
typedef void sts_lint_advice(
    void *arg, unsigned line, const char *text, const char *token);

/*
 * What is valid and probably not meant: a short max_age (RFC 8461 10.2), a
 * field given twice, a pattern such as "*.com", a field's name mistyped.
 */
void sts_lint_advise(const char *bytes, size_t len,
    const struct sts_policy *policy, sts_lint_advice *advise, void *arg);

/*
 * One line of a lint of TXT records as the record it stands for, joined into
 * buf: quoted strings, a whole line of a zone file, or a bare value.  On
 * STS_BAD_LINE says why.
 */
enum sts_status sts_lint_read_record(struct sts_span line, char *buf,
    size_t size, size_t *len, char cause[STS_CAUSE_BYTES]);

/*
 * What is probably wrong with a record that is not accepted as one that begins
 * with `version` ("v=STSv1") and needs the field `field` ("id").  "" and false
 * where the record is none of this kind and does not resemble one.
 */
bool sts_lint_record_cause(struct sts_span record, const char *version,
    const char *field, char cause[STS_CAUSE_BYTES]);

#endif
