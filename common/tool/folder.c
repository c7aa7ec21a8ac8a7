/* SPDX-License-Identifier: ISC */
#include "tool/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* To pass through a folder one need not be able to list it. */
#ifdef O_PATH
#define PASS_THROUGH O_PATH
#else
#define PASS_THROUGH O_RDONLY
#endif

enum { LINKS_MAX = 32, REST_MAX = PATH_MAX };

/* The walk: where it is, and the path from there. */
struct walk {
	int fd;
	char rest[REST_MAX];
	unsigned links;
};

static int
open_step(int at, const char *name)
{
	return openat(
	    at, name, PASS_THROUGH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Replaces the descriptor by another one, which may be -1. */
static bool
enter(struct walk *w, int fd)
{
	int error = errno;

	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = fd;
	errno = error;
	return fd >= 0;
}

/* The link's target takes the place of its name. */
static bool
follow(struct walk *w, const char *name, const char *after)
{
	char target[REST_MAX], joined[REST_MAX];
	ssize_t len = readlinkat(w->fd, name, target, sizeof(target) - 1);
	int total;

	if (len < 0)
		return false;
	target[len] = '\0';
	total = snprintf(joined, sizeof(joined), "%s/%s", target, after);
	if (++w->links > LINKS_MAX || total < 0 ||
	    (size_t)total >= sizeof(joined)) {
		errno = ELOOP;
		return false;
	}
	memcpy(w->rest, joined, (size_t)total + 1);
	return target[0] != '/' || enter(w, open_step(AT_FDCWD, "/"));
}

/* Cuts the first name off the rest; "" at its end. */
static void
next_name(struct walk *w, char name[REST_MAX])
{
	size_t skip = strspn(w->rest, "/");
	size_t len = strcspn(w->rest + skip, "/");

	memcpy(name, w->rest + skip, len);
	name[len] = '\0';
	memmove(
	    w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
}

static bool
step(struct walk *w, const char *name)
{
	struct stat st;
	char after[REST_MAX];

	if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (!S_ISLNK(st.st_mode))
		return enter(w, open_step(w->fd, name));
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		errno = ELOOP;
		return false;
	}
	memcpy(after, w->rest, strlen(w->rest) + 1);
	return follow(w, name, after);
}

/* For fsync(2) too, where the folder can be listed. */
static int
for_use(int fd)
{
	int listed = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (listed < 0)
		return fd;
	(void)close(fd);
	return listed;
}

int
sts_folder_open(int at, const char *path)
{
	struct walk w = {.fd = -1};
	char name[REST_MAX];

	if (strlen(path) >= sizeof(w.rest)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(w.rest, path, strlen(path) + 1);
	if (!enter(&w,
		path[0] == '/' ? open_step(AT_FDCWD, "/") : open_step(at, ".")))
		return -1;
	for (next_name(&w, name); name[0] != '\0'; next_name(&w, name)) {
		if (!step(&w, name)) {
			(void)enter(&w, -1);
			return -1;
		}
	}
	return for_use(w.fd);
}
