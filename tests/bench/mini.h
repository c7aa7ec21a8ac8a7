/* SPDX-License-Identifier: ISC */
/*
 * What a minimal filter or table does for a domain: it opens, fstats, reads and
 * closes the files of the store that ours reads, and makes nothing of them.
 */
#ifndef STS_BENCH_MINI_H
#define STS_BENCH_MINI_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory of a domain, as common/store/file.c has it. */
static inline unsigned
mini_bucket(const char *domain)
{
	uint64_t hash = 14695981039346656037u;

	for (; *domain != '\0'; domain++)
		hash = (hash ^ (unsigned char)*domain) * 1099511628211u;
	hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
	return (unsigned)((hash ^ (hash >> 33)) & 0xff);
}

/* Whether there is such a file. */
static inline bool
mini_read(const char *state, const char *kind, const char *domain)
{
	char path[600], text[4096];
	struct stat st;
	bool good;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/%02x/%s", state, kind,
	    mini_bucket(domain), domain);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	good = fstat(fd, &st) == 0 && read(fd, text, sizeof(text)) > 0;
	(void)close(fd);
	return good;
}

#endif
