/* SPDX-License-Identifier: ISC */
#include "base/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Shortages have statuses of their own, since the file is not at fault. */
static enum sts_status
status_of(int error)
{
	return error == ENOENT ? STS_NOT_FOUND
			       : sts_status_shortage_or(error, STS_CONFIG);
}

/* Reads up to `size` bytes. */
static enum sts_status
read_up_to(int fd, char *buf, size_t size, size_t *len)
{
	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, buf + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return status_of(errno);
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return STS_OK;
}

enum sts_status
sts_readfile(
    const char *path, bool follow, size_t max, char **bytes, size_t *len)
{
	enum sts_status status = STS_CONFIG;
	struct stat st;
	size_t size;
	int fd, error;

	*bytes = NULL;
	*len = 0;
	/* A FIFO or a device must not hold up a delivery. */
	fd = open(path,
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return status_of(errno);
	if (fstat(fd, &st) != 0)
		goto out;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	if (!S_ISREG(st.st_mode))
		goto out;
	/* A file that everybody can write proves nothing. */
	errno = EPERM;
	if ((st.st_mode & S_IWOTH) != 0)
		goto out;
	status = STS_BAD_LINE;
	if (st.st_size < 0 || (uintmax_t)st.st_size > max)
		goto out;
	/* Reads one byte more, to notice a file that is growing. */
	size = (size_t)st.st_size + 1;
	status = STS_NO_MEMORY;
	if ((*bytes = malloc(size + 1)) == NULL)
		goto out;
	status = read_up_to(fd, *bytes, size, len);
	if (status == STS_OK && *len + 1 != size) {
		status = STS_CONFIG;
		errno = ETXTBSY;
	}
	(*bytes)[*len] = '\0';
out:
	error = errno;
	close(fd);
	if (status != STS_OK) {
		free(*bytes);
		*bytes = NULL;
		*len = 0;
		errno = error;
	}
	return status;
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
sts_is_same_version(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size && is_same_time(a->st_mtim, b->st_mtim) &&
	    is_same_time(a->st_ctim, b->st_ctim);
}
