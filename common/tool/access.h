/* SPDX-License-Identifier: ISC */
/*
 * Who may read, reach and change what: for `mta-sts config check` and `setup`.
 */
#ifndef STS_TOOL_ACCESS_H
#define STS_TOOL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/config.h"
#include "tool/config_check.h"

/* Root's groups, to come back to. */
struct sts_as_user {
	gid_t group[64];
	int count;
	bool switched;
};

/*
 * Where this process is root, makes `uid`, `gid` and no other group its
 * effective user for a while, as the resolver will have them; else nothing.
 * False where that is not possible.
 */
bool sts_as_user_begin(struct sts_as_user *as, uid_t uid, gid_t gid);

/* Root again; false where that is not possible. */
bool sts_as_user_end(struct sts_as_user *as);

/*
 * The first directory on the way to `path` that the effective user cannot
 * enter, into buf; false where he can reach it.
 */
bool sts_blocked_at(const char *path, char *buf, size_t size);

/*
 * The path with "." for its last name: the directory that it lies in, to be
 * checked as such.
 */
void sts_parent_path(const char *path, char *buf, size_t size);

/* What another user could change, of all that root reads or runs. */
void sts_check_safe(struct sts_findings *f, const struct sts_config *config);

/*
 * For the effective user: the configuration can be read, the state directory
 * reached.
 */
void sts_check_reachable(
    struct sts_findings *f, const struct sts_config *config);

#endif
