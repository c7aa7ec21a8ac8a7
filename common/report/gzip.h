/* SPDX-License-Identifier: ISC */
/* Compression of reports (RFC 1952), bounded. */
#ifndef STS_REPORT_GZIP_H
#define STS_REPORT_GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* True if the bytes begin with gzip's magic number. */
bool sts_gzip_is(const char *bytes, size_t len);

/*
 * Unpacks one or more members into *out (*out_len bytes), which the caller
 * frees.  Returns NULL, or as a sentence why not: damaged, truncated, more than
 * `max` bytes (sts_gzip_too_large), or no memory; *out is then NULL, and
 * *out_len the bytes that were unpacked until then.
 */
extern const char sts_gzip_too_large[];
const char *sts_gzip_unpack(
    const char *bytes, size_t len, size_t max, char **out, size_t *out_len);

/*
 * Packs bytes into *out, which the caller frees.  The header has no time and no
 * name: the same bytes give the same bytes.  False: no memory.
 */
bool sts_gzip_pack(const char *bytes, size_t len, char **out, size_t *out_len);

#endif
