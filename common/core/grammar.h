/* SPDX-License-Identifier: ISC */
/*
 * The common parts of the grammars of RFC 8461 3.1, 3.2 and RFC 8460 3.
 * Private to core/.
 */
#ifndef STS_CORE_GRAMMAR_H
#define STS_CORE_GRAMMAR_H

#include <stdbool.h>

#include "base/cursor.h"

/* ASCII lower case, whatever the locale. */
char sts_ascii_lower(char byte);

/*
 * Consumes a field name: a letter or digit and up to 31 more letters, digits,
 * "_", "-" and ".", as are the names that the RFCs define.  Returns false, with
 * the cursor anywhere, if there is none or it is longer.
 */
bool sts_field_name(struct sts_cursor *c, struct sts_span *name);

/* True if any byte is outside ASCII. */
bool sts_has_non_ascii(struct sts_span s);

/*
 * Consumes one well-formed UTF-8 sequence of two to four bytes: UTF8-2, -3 or
 * -4 of RFC 3629 4, so no surrogate, no overlong form, nothing above U+10FFFF.
 * Otherwise consumes nothing.
 */
bool sts_utf8_sequence(struct sts_cursor *c);

#endif
