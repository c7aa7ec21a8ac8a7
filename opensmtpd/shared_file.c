/* SPDX-License-Identifier: ISC */
#include "opensmtpd/shared_file.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

void
sts_shared_file_init(struct sts_shared_file *file,
    const struct sts_config *config, const char *name, bool writing)
{
	file->config = config;
	file->name = name;
	file->fd = -1;
	file->writing = writing;
}

void
sts_shared_file_close(struct sts_shared_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* False if the path is too long. */
static bool
path_of(const struct sts_shared_file *file, char path[PATH_BYTES])
{
	int len;

	if (file->config->state_dir == NULL)
		return false;
	len = snprintf(
	    path, PATH_BYTES, "%s/%s", file->config->state_dir, file->name);
	return len > 0 && len < PATH_BYTES;
}

void
sts_shared_file_remove(struct sts_shared_file *file)
{
	char path[PATH_BYTES];

	sts_shared_file_close(file);
	if (path_of(file, path))
		(void)unlink(path);
}

/* A file that was removed, or replaced with its directory, is reopened. */
static bool
is_gone(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || st.st_nlink != 1;
}

/*
 * Checked before each use, since the state directory may have been moved,
 * deleted or created again.
 */
bool
sts_shared_file_open(struct sts_shared_file *file)
{
	char path[PATH_BYTES];
	struct stat st;

	if (file->fd >= 0 && !is_gone(file->fd))
		return true;
	sts_shared_file_close(file);
	if (!path_of(file, path))
		return false;
	file->fd = open(path,
	    O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
		(file->writing ? O_RDWR | O_CREAT : O_RDONLY),
	    0640);
	if (file->fd >= 0 &&
	    (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		st.st_nlink != 1))
		sts_shared_file_close(file);
	return file->fd >= 0;
}
