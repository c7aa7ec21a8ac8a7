/* SPDX-License-Identifier: ISC */
/*
 * What a process of ours must not have: root, and a way to it.  Async-signal
 * safe, since a child calls it between fork and exec.
 */
#ifndef STS_BASE_PRIVILEGE_H
#define STS_BASE_PRIVILEGE_H

#include <stdbool.h>

/*
 * True where this process is not root and cannot become it again; with
 * `group_too`, not by its group either.  Asked of the kernel, not concluded:
 * capabilities, a set-user-id start or a security module may have kept a way
 * back.
 */
bool sts_privilege_root_is_lost(bool group_too);

/*
 * From now on no program that this process or a child of it executes gains
 * anything by its set-user-id bit or its file capabilities (Linux,
 * no_new_privs).  True where the kernel confirms it, or has no such thing.
 */
bool sts_privilege_forgo_new(void);

#endif
