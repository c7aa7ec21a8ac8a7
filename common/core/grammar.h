/* SPDX-License-Identifier: ISC */
/*
 * What the grammars of RFC 8461 3.1, 3.2 and RFC 8460 3 have in common.
 * Private to core/.
 */
#ifndef STS_CORE_GRAMMAR_H
#define STS_CORE_GRAMMAR_H

#include <stdbool.h>

#include "base/cursor.h"

/* ASCII lower case, whatever the locale. */
char sts_ascii_lower(char byte);

/*
 * Consumes a field name, a letter or digit and up to 31 more of letters,
 * digits, "_", "-" and ".".  The names that the RFCs define have this form
 * too.  Returns false, with the cursor anywhere, where none is next or it is
 * longer.
 */
bool sts_field_name(struct sts_cursor *c, struct sts_span *name);

/* True where any byte is outside ASCII. */
bool sts_has_non_ascii(struct sts_span s);

/*
 * Consumes one well-formed UTF-8 sequence of two to four bytes: UTF8-2, -3 or
 * -4 of RFC 3629 4, so no surrogate, no overlong form, nothing above U+10FFFF.
 * Consumes nothing where that is not what comes next.
 */
bool sts_utf8_sequence(struct sts_cursor *c);

#endif
