/* SPDX-License-Identifier: ISC */
/*
 * Words that were mistyped: what was probably meant.
 */
#ifndef STS_BASE_RESEMBLE_H
#define STS_BASE_RESEMBLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True where `word` (`len` bytes) is `meant` in another case, or with one byte
 * missing, in excess, replaced, or swapped with its neighbour.  True for the
 * same word, too.
 */
bool sts_resembles(const char *word, size_t len, const char *meant);

#endif
