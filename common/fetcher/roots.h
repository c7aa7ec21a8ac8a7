/* SPDX-License-Identifier: ISC */
/*
 * Where trust roots are read from: what a sandbox has to let through.
 */
#ifndef STS_FETCHER_ROOTS_H
#define STS_FETCHER_ROOTS_H

#include <stddef.h>

enum { STS_ROOTS_MAX = 40 };

struct sts_roots {
	char *path[STS_ROOTS_MAX]; /* files and directories */
	size_t count;
};

/*
 * The configured sources, or OpenSSL's defaults, the directories that the
 * links of a hashed directory lead to, and those that distributions keep roots
 * in.  What there is no room or memory for is left out.
 */
void sts_roots_find(
    struct sts_roots *roots, const char *ca_file, const char *ca_path);
void sts_roots_free(struct sts_roots *roots);

#endif
