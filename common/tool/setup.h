/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts setup`: making and fixing the state directory.
 */
#ifndef STS_TOOL_SETUP_H
#define STS_TOOL_SETUP_H

#include <stdbool.h>
#include <sys/types.h>

struct sts_tool;

struct sts_setup {
	struct sts_tool *tool;
	uid_t uid; /* whom all of it is to belong to */
	gid_t gid;
	unsigned changes; /* made so far, each printed */
	bool failed;      /* something was refused, with a message */
};

/*
 * True where the path is no place for a state directory: relative, "/", a
 * directory that belongs to the system or to the mail server, or with "." or
 * ".." in it.
 */
bool sts_setup_path_is_surprising(const char *path);

/*
 * Makes the state directory (mode 0750) and its rooms where they are missing,
 * and fixes owner, group and modes of all in it (files 0640).  Refuses a path
 * that another user can change or its own user cannot reach, a
 * symbolic link and a directory with other contents; leaves alone what
 * is neither a file with one link nor a directory.  True where all is well.
 */
bool sts_setup_tree(struct sts_setup *setup, const char *path);

#endif
