/* SPDX-License-Identifier: ISC */
/*
 * Internal to the store: directories with a file for each day of UTC,
 * YYYY-MM-DD, or YYYY-MM-DD.MACHINE (store/outcomes_take.h).
 */
#ifndef STS_STORE_DAY_FILES_H
#define STS_STORE_DAY_FILES_H

#include "store/store.h"

/* Of the store's owner, of this type, and no other user may write to it. */
bool sts_day_files_is_ours(const struct sts_store *store, int fd, mode_t type);

/*
 * Opens such a directory of the state directory.  A reader may be root: no name
 * is taken on trust.  STS_NOT_FOUND; STS_STATE_UNREADABLE where it is not the
 * owner's; other local faults.
 */
enum sts_status sts_day_files_open(
    struct sts_store *store, const char *directory, int *dir);

/*
 * Removes the files of all days before `oldest`, YYYY-MM-DD, as the user of
 * this process.  What has another name stays.
 */
void sts_day_files_expire(
    struct sts_store *store, const char *directory, const char *oldest);

#endif
