/* SPDX-License-Identifier: ISC */
/*
 * Which other users can change what a process reads or runs.
 *
 * The configuration names programs and trust roots, and Exim reads it as root
 * or as the local user who calls it.  A user who can write such a file, replace
 * it, or rename a directory on its path decides what those processes do.  So
 * each step of the path is checked, from "/" down and through symbolic links:
 *
 * - a step must belong to root or to the effective user of this process (if
 *   that is root, to root alone);
 * - it must not be writable by group or others.  A user other than root may let
 *   his group write his own files, as with umask 002.  Above the file's own
 *   directory, others may write a directory with the sticky bit, such as /tmp,
 *   where they cannot rename the files of others; for a user other than root,
 *   also in that directory itself.
 *
 * Others cannot change what was checked, so there is no race after the check.
 */
#ifndef STS_BASE_SAFE_PATH_H
#define STS_BASE_SAFE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STS_UNSAFE_PATH_BYTES = 1024, STS_UNSAFE_TEXT_BYTES = 2 * 1024 };

/* The step of the path that another user could change. */
struct sts_unsafe {
	char path[STS_UNSAFE_PATH_BYTES];
	uid_t owner;
	bool foreign; /* it belongs to `owner`; else its mode is wrong */
	bool link;    /* a symbolic link, of which only the owner matters */
	bool sticky;  /* a directory that is meant for everybody, as /tmp is */
};

/*
 * True if no other user can change what `path` (absolute, or in the working
 * directory) leads to, or if it leads nowhere: opening it then fails with a
 * reason of its own.  On false, fills *unsafe, which may be NULL; also for a
 * path that is too long or has more than 32 links.
 */
bool sts_path_is_safe(const char *path, struct sts_unsafe *unsafe);

/* "/etc/x belongs to user 107" or "/etc/x can be written by its group". */
const char *sts_unsafe_text(
    const struct sts_unsafe *unsafe, char buf[STS_UNSAFE_TEXT_BYTES]);

/*
 * The command that fixes it: "chown root /etc/x", "chmod go-w /etc/x"; in
 * words, where a file lies in /tmp.
 */
const char *sts_unsafe_fix(
    const struct sts_unsafe *unsafe, char buf[STS_UNSAFE_TEXT_BYTES]);

#endif
