/* SPDX-License-Identifier: ISC */
/*
 * Checks that a process neither is root nor can become it.  Async-signal safe,
 * since a child calls it between fork and exec.
 */
#ifndef STS_BASE_PRIVILEGE_H
#define STS_BASE_PRIVILEGE_H

#include <stdbool.h>

/*
 * True if this process is not root and cannot become it again; with
 * `group_too`, nor root's group.  The kernel is asked, since capabilities, a
 * set-user-id start or a security module may have left a way back.
 */
bool sts_privilege_root_is_lost(bool group_too);

/*
 * Makes set-user-id bits and file capabilities of all programs that this
 * process and its children execute ineffective (Linux, no_new_privs).  True if
 * the kernel confirms it, or has no such feature.
 */
bool sts_privilege_forgo_new(void);

#endif
