/* SPDX-License-Identifier: ISC */
/* Compression of reports (RFC 1952), bounded. */
#ifndef STS_REPORT_GZIP_H
#define STS_REPORT_GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* True where bytes begin as gzip does. */
bool sts_gzip_is(const char *bytes, size_t len);

/*
 * Unpacks one or more members into *out (*out_len bytes), which the caller
 * frees.  NULL, or a sentence: it is damaged, ends too early, would be more
 * than `max` bytes, or there is no memory; *out is NULL then.
 */
const char *sts_gzip_unpack(
    const char *bytes, size_t len, size_t max, char **out, size_t *out_len);

#endif
