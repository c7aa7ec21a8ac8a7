/* SPDX-License-Identifier: ISC */
/*
 * Who could change what a process reads or runs.
 *
 * A configuration names programs and trust roots, and Exim reads it as root or
 * as any local user who calls it.  Where another user can write such a file,
 * put another in its place, or rename a directory on the way to it, he decides
 * what those processes do.  So each step of the way is checked, from "/" down
 * and through symbolic links:
 *
 * - a step belongs to root or to the effective user of this process (where
 *   that is root, to root alone);
 * - neither group nor others can write it.  The user himself may let his group
 *   write what is his, as where the umask is 002: for him that is no gain.
 *   Above the directory of the file itself, others may write a directory with
 *   the sticky bit, such as /tmp, for there they cannot rename what is not
 *   theirs; for a user other than root, the directory itself too.
 *
 * Since what was checked cannot be changed by others, no race follows the
 * check.
 */
#ifndef STS_BASE_SAFE_PATH_H
#define STS_BASE_SAFE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STS_UNSAFE_PATH_BYTES = 1024, STS_UNSAFE_TEXT_BYTES = 2 * 1024 };

/* The step that another user could change. */
struct sts_unsafe {
	char path[STS_UNSAFE_PATH_BYTES];
	uid_t owner;
	bool foreign; /* it belongs to `owner`; else its mode is wrong */
	bool link;    /* a symbolic link, of which only the owner counts */
};

/*
 * True where no other user can change what `path` (absolute, or in the working
 * directory) leads to, and where it leads to nothing: then opening it fails
 * with a reason of its own.  False fills *unsafe, which may be NULL; also for
 * a path that is too long or has more than 32 links on its way.
 */
bool sts_path_is_safe(const char *path, struct sts_unsafe *unsafe);

/* "/etc/x belongs to user 107" or "/etc/x can be written by its group". */
const char *sts_unsafe_text(
    const struct sts_unsafe *unsafe, char buf[STS_UNSAFE_TEXT_BYTES]);

/* The command that fixes it: "chown root /etc/x", "chmod go-w /etc/x". */
const char *sts_unsafe_fix(
    const struct sts_unsafe *unsafe, char buf[STS_UNSAFE_TEXT_BYTES]);

#endif
