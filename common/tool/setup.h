/* SPDX-License-Identifier: ISC */
/* `mta-sts setup`: creates and fixes the state directory. */
#ifndef STS_TOOL_SETUP_H
#define STS_TOOL_SETUP_H

#include <stdbool.h>
#include <sys/types.h>

struct sts_tool;

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
