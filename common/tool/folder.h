/* SPDX-License-Identifier: ISC */
/* Opening a folder of another user without being led elsewhere. */
#ifndef STS_TOOL_FOLDER_H
#define STS_TOOL_FOLDER_H

/*
 * Opens a directory for use with openat(2), step by step: a symbolic link is
 * followed only if root or the effective user owns it.  A path from `at` where
 * it is relative (AT_FDCWD: the working directory).  The descriptor, or -1 with
 * errno; ELOOP: a link of another user's, or more than 32.
 */
int sts_folder_open(int at, const char *path);

#endif
