/* SPDX-License-Identifier: ISC */
/* Which user can read, reach and change what. */
#ifndef STS_TOOL_ACCESS_H
#define STS_TOOL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/config.h"
#include "tool/config_check.h"

/* Root's groups, to return to. */
struct sts_as_user {
	gid_t group[64];
	int count;
	bool switched;
};

/*
 * As root, makes `uid`, `gid` and no other group effective for a while, as in
 * the resolver; otherwise does nothing.  False if that fails.
 */
bool sts_as_user_begin(struct sts_as_user *as, uid_t uid, gid_t gid);

/* Returns to root; false if that fails. */
bool sts_as_user_end(struct sts_as_user *as);

/*
 * Becomes the user nobody for good; false if that fails, or there is none.  For
 * root, before it reads what anybody may have sent.
 */
bool sts_tool_become_nobody(void);

/*
 * Writes the first directory on the path that the effective user cannot enter
 * into buf; false if there is none.
 */
bool sts_blocked_at(const char *path, char *buf, size_t size);

/* The path with "." as its last name, to check its directory. */
void sts_parent_path(const char *path, char *buf, size_t size);

/* Reports what another user could change, of all that root reads or runs. */
void sts_check_safe(struct sts_findings *f, const struct sts_config *config);

/*
 * As the effective user: the configuration can be read and the state directory
 * reached.
 */
void sts_check_reachable(
    struct sts_findings *f, const struct sts_config *config);

/* `mta-sts setup`: creates and fixes the state directory. */
struct sts_setup {
	struct sts_tool *tool;
	uid_t uid; /* the owner */
	gid_t gid;
	unsigned changes; /* made so far, each printed */
	bool failed;      /* something was refused, with a message */
};

/*
 * True if the path is unsuitable for a state directory: relative, "/", a
 * directory of the system or of the mail server, or with "." or ".." in it.
 */
bool sts_setup_path_is_surprising(const char *path);

/*
 * Creates the state directory (mode 0750) and its subdirectories if missing,
 * and fixes owner, group and modes of all in it (files 0640).  Refuses a path
 * that another user can change or its user cannot reach, a symbolic link and a
 * directory with other contents; ignores what is neither a file with one link
 * nor a directory.  True if all is well.
 */
bool sts_setup_tree(struct sts_setup *setup, const char *path);

#endif
