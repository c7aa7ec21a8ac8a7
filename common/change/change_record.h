/* SPDX-License-Identifier: ISC */
/* The record of a set of changes on the disk; change.h has its files. */
#ifndef STS_CHANGE_CHANGE_RECORD_H
#define STS_CHANGE_CHANGE_RECORD_H

#include <stdbool.h>

#include "change/change.h"

/* The names of the list. */
#define STS_CHANGE_OPEN   "journal"
#define STS_CHANGE_CLOSED "done"

/* FAILED, with the path and errno noted in the set. */
enum sts_change_result sts_change_fail(
    struct sts_changes *c, const char *path, int error);

/* The name of a file of the record, for `buf` of STS_CHANGE_REAL_BYTES. */
const char *sts_change_record_path(
    const struct sts_changes *c, const char *name, char *buf);

/* Writes bytes and list, with the name STS_CHANGE_OPEN; nothing before that. */
enum sts_change_result sts_change_record_write(struct sts_changes *c);

/* Fills the set from the list of that name. */
enum sts_change_result sts_change_record_read(
    struct sts_changes *c, const char *name);

/* Gives the list its other name, on the disk. */
enum sts_change_result sts_change_record_rename(
    struct sts_changes *c, const char *from, const char *to);

/* Removes the list first, then the rest; errors leave something harmless. */
void sts_change_record_remove(struct sts_changes *c);

#endif
