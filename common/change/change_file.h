/* SPDX-License-Identifier: ISC */
/*
 * One path: what is there, and how it is replaced.  Each returns true, or false
 * with errno.
 */
#ifndef STS_CHANGE_CHANGE_FILE_H
#define STS_CHANGE_CHANGE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "change/change.h"

/* Room for a path with the root before it, and a name for a temporary. */
enum { STS_CHANGE_REAL_BYTES = 2 * STS_CHANGE_PATH_BYTES };

/* Reads what is there; the caller frees it. */
bool sts_change_read(struct sts_change_state *state, const char *path);
void sts_change_state_free(struct sts_change_state *state);

/* Same kind and bytes. */
bool sts_change_is_same(
    const struct sts_change_state *a, const struct sts_change_state *b);

/*
 * Makes the new file or link beside `path`, under a name of its own, with its
 * bytes on the disk.  For ABSENT nothing.
 */
bool sts_change_prepare(const char *path, const struct sts_change_state *state);

/* Puts in place what was prepared, or for ABSENT removes the path. */
bool sts_change_commit(const char *path, const struct sts_change_state *state);

/* Removes what was prepared; silent if there is nothing. */
void sts_change_clear(const char *path);

/* fsync(2) of the directory of a path. */
bool sts_change_sync_parent(const char *path);

/* A new file with these bytes on the disk; mode 0600. */
bool sts_change_write_file(const char *path, const char *bytes, size_t len);

#endif
