/* SPDX-License-Identifier: ISC */
/*
 * A small file of fixed slots in the state directory that one of filter and
 * table writes and the other reads.  A slot is written and read as a whole, so
 * no lock is needed, and the file never grows.
 */
#ifndef STS_OPENSMTPD_SHARED_FILE_H
#define STS_OPENSMTPD_SHARED_FILE_H

#include <stdbool.h>

#include "base/config.h"

struct sts_shared_file {
	const struct sts_config *config; /* must outlive it */
	const char *name;                /* static, in the state directory */
	int fd;                          /* -1: not open */
	bool writing;
};

void sts_shared_file_init(struct sts_shared_file *file,
    const struct sts_config *config, const char *name, bool writing);
void sts_shared_file_close(struct sts_shared_file *file);

/* Closes and unlinks it. */
void sts_shared_file_remove(struct sts_shared_file *file);

/*
 * Opens it, again if the one that is open has been removed or replaced with its
 * directory; a writer creates it.  False: file->fd cannot be used.
 */
bool sts_shared_file_open(struct sts_shared_file *file);

#endif
