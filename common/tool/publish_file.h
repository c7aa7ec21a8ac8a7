/* SPDX-License-Identifier: ISC */
/*
 * The policy file of `mta-sts publish --write PATH`.
 *
 * The folders of a web server often belong to another user than the one who
 * runs the command, who may be root.  So the path is walked by descriptors: a
 * symbolic link on it is followed only if root or this user made it, and the
 * file itself is never one.
 */
#ifndef STS_TOOL_PUBLISH_FILE_H
#define STS_TOOL_PUBLISH_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { STS_PUBLISH_PATH = 4096 };

struct sts_publish_file {
	char path[STS_PUBLISH_PATH]; /* of the file */
	char
	    root[STS_PUBLISH_PATH]; /* of the web server's files; "": unknown */
	int folder;                 /* descriptor of the file's folder, or -1 */
	const char *name;           /* within path */
	/* What is there now: as many bytes as a policy has at most. */
	char *bytes; /* owned; NULL: no file */
	size_t len;
	/* After a failure: what, and why; escape it. */
	char problem[2 * STS_PUBLISH_PATH];
};

/*
 * Finds the file that --write PATH means: PATH/.well-known/mta-sts.txt for a
 * directory, PATH itself if it ends in ".txt".  Reads what is there; changes
 * nothing.  False with `problem`.
 */
bool sts_publish_file_open(struct sts_publish_file *f, const char *path);

/*
 * Replaces the file by rename(2), after writing all of it: mode 0644, synced.
 * Makes the folder .well-known where it is missing.  A failure leaves what was
 * there.  False with `problem`.
 */
bool sts_publish_file_write(
    struct sts_publish_file *f, const char *bytes, size_t len);

/* Makes an empty ROOT/.nojekyll unless it is there.  False with `problem`. */
bool sts_publish_file_nojekyll(struct sts_publish_file *f);

void sts_publish_file_close(struct sts_publish_file *f);

#endif
