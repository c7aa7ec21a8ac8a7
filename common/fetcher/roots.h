/* SPDX-License-Identifier: ISC */
/* Where trust roots are read from, which the sandbox must allow. */
#ifndef STS_FETCHER_ROOTS_H
#define STS_FETCHER_ROOTS_H

#include <stddef.h>

enum { STS_ROOTS_MAX = 40 };

struct sts_roots {
	char *path[STS_ROOTS_MAX]; /* files and directories */
	size_t count;
};

/*
 * Finds the configured sources, or OpenSSL's defaults, the directories that the
 * links of a hashed directory lead to, and those of the distributions.  Leaves
 * out those for which there is no room or memory.
 */
void sts_roots_find(
    struct sts_roots *roots, const char *ca_file, const char *ca_path);
void sts_roots_free(struct sts_roots *roots);

#endif
