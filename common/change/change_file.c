/* SPDX-License-Identifier: ISC */
#include "change/change_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/readfile.h"

void
sts_change_state_free(struct sts_change_state *state)
{
	free(state->bytes);
	memset(state, 0, sizeof(*state));
}

static bool
read_link(struct sts_change_state *state, const char *path)
{
	char target[STS_CHANGE_REAL_BYTES];
	ssize_t len = readlink(path, target, sizeof(target));

	if (len < 0 || (size_t)len == sizeof(target)) {
		errno = len < 0 ? errno : ENAMETOOLONG;
		return false;
	}
	state->len = (size_t)len;
	state->bytes = strndup(target, state->len);
	return state->bytes != NULL;
}

bool
sts_change_read(struct sts_change_state *state, const char *path)
{
	struct stat st;

	memset(state, 0, sizeof(*state));
	if (lstat(path, &st) != 0)
		return errno == ENOENT;
	state->mode = st.st_mode & 07777;
	state->uid = st.st_uid;
	state->gid = st.st_gid;
	state->kind = STS_CHANGE_OTHER;
	if (S_ISLNK(st.st_mode)) {
		state->kind = STS_CHANGE_LINK;
		return read_link(state, path);
	}
	if (!S_ISREG(st.st_mode))
		return true;
	state->kind = STS_CHANGE_FILE;
	errno = 0;
	if (sts_readfile(path, false, STS_CHANGE_BYTES_MAX, &state->bytes,
		&state->len) == STS_OK)
		return true;
	errno = errno != 0 ? errno : EFBIG;
	return false;
}

bool
sts_change_is_same(
    const struct sts_change_state *a, const struct sts_change_state *b)
{
	if (a->kind != b->kind || a->len != b->len)
		return false;
	return a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* "DIR/.NAME.mta-sts-new": a name that no program takes for a configuration. */
static bool
temporary(char *buf, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	int len = snprintf(buf, STS_CHANGE_REAL_BYTES, "%.*s.%s.mta-sts-new",
	    (int)(name - path), path, name);

	if (len > 0 && len < STS_CHANGE_REAL_BYTES)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* Closes after an error without losing its errno. */
static bool
close_with(int fd, bool fine)
{
	int error = errno;

	if (close(fd) != 0 && fine)
		return false;
	errno = error;
	return fine;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

bool
sts_change_write_file(const char *path, const char *bytes, size_t len)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 &&
	    close_with(fd, write_all(fd, bytes, len) && fsync(fd) == 0);
}

/* Owner first: a change of owner clears set-id bits. */
static bool
make_file(const char *path, const struct sts_change_state *state)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 &&
	    close_with(fd,
		write_all(fd, state->bytes, state->len) &&
		    fchown(fd, state->uid, state->gid) == 0 &&
		    fchmod(fd, state->mode) == 0 && fsync(fd) == 0);
}

void
sts_change_clear(const char *path)
{
	char name[STS_CHANGE_REAL_BYTES];

	if (temporary(name, path))
		(void)unlink(name);
}

bool
sts_change_prepare(const char *path, const struct sts_change_state *state)
{
	char name[STS_CHANGE_REAL_BYTES];

	if (!temporary(name, path))
		return false;
	if (unlink(name) != 0 && errno != ENOENT)
		return false;
	if (state->kind == STS_CHANGE_ABSENT)
		return true;
	return state->kind == STS_CHANGE_LINK ? symlink(state->bytes, name) == 0
					      : make_file(name, state);
}

bool
sts_change_sync_parent(const char *path)
{
	char dir[STS_CHANGE_REAL_BYTES];
	int len = (int)(strrchr(path, '/') - path);
	int fd;

	(void)snprintf(dir, sizeof(dir), "%.*s/", len, path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && close_with(fd, fsync(fd) == 0);
}

bool
sts_change_commit(const char *path, const struct sts_change_state *state)
{
	char name[STS_CHANGE_REAL_BYTES];

	if (!temporary(name, path))
		return false;
	if (state->kind == STS_CHANGE_ABSENT) {
		if (unlink(path) != 0 && errno != ENOENT)
			return false;
	} else if (rename(name, path) != 0) {
		return false;
	}
	return sts_change_sync_parent(path);
}
