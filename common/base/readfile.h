/* SPDX-License-Identifier: ISC */
/*
 * Small files that an administrator wrote: the configuration, a policy kept
 * on this machine.
 */
#ifndef STS_BASE_READFILE_H
#define STS_BASE_READFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/status.h"

/*
 * Reads a whole file into *bytes (*len of them and a NUL), which the caller
 * frees.  STS_NOT_FOUND: no such file; STS_BAD_LINE: more than `max` bytes;
 * STS_NO_DESCRIPTORS, STS_NO_MEMORY; STS_CONFIG: it cannot be read, is not a
 * regular file (a FIFO does not block), or is writable by all users (EPERM).  A
 * symbolic link is followed only if `follow`. On failure *bytes is NULL and
 * errno says why.
 */
enum sts_status sts_readfile(
    const char *path, bool follow, size_t max, char **bytes, size_t *len);

/*
 * True if a file has not been replaced or changed between two stat(2) calls; a
 * zeroed struct stands for a missing file.
 */
bool sts_is_same_version(const struct stat *a, const struct stat *b);

#endif
