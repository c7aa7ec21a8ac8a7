/* SPDX-License-Identifier: ISC */
/* Mistyped words. */
#ifndef STS_BASE_RESEMBLE_H
#define STS_BASE_RESEMBLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if `word` (`len` bytes) is `meant`, in any case, or has one byte
 * missing, inserted, replaced, or swapped with its neighbour.
 */
bool sts_resembles(const char *word, size_t len, const char *meant);

#endif
