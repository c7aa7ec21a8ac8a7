/* SPDX-License-Identifier: ISC */
/* The fortified ones are inline, and cannot be replaced. */
#undef _FORTIFY_SOURCE

#include "tests/unit/lib/power_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/lib/fortified.h"

struct call calls[CALLS_MAX];
size_t call_count;
bool recording;

static struct content now_in[FILES_MAX];
static int file_count;

/* What names and descriptors are while the calls are made. */
static struct name names[NAMES_MAX];
static size_t name_count;
static struct {
	char dir[NAME_LEN]; /* of a directory */
	int file;           /* its number and one; 0: none of ours */
} fds[FDS_MAX];

const struct name *
find_name(
    const struct name *list, size_t count, const char *in, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].dir, in) == 0 &&
		    strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

void
set_name(struct name *list, size_t *count, const char *in, const char *name,
    int file)
{
	size_t i = 0;

	while (i < *count &&
	    (strcmp(list[i].dir, in) != 0 || strcmp(list[i].name, name) != 0))
		i++;
	if (i == NAMES_MAX)
		return;
	if (i == *count) {
		snprintf(list[i].dir, NAME_LEN, "%s", in);
		snprintf(list[i].name, NAME_LEN, "%s", name);
		++*count;
	}
	list[i].file = file;
}

void
forget_calls(void)
{
	for (size_t i = 0; i < call_count; i++)
		free(calls[i].content);
	memset(now_in, 0, sizeof(now_in));
	call_count = name_count = 0;
	file_count = 0;
}

static struct call *
record(enum call_kind kind, const char *in, const char *name, int file)
{
	struct call *c = &calls[call_count];

	if (!recording || call_count == CALLS_MAX - 1)
		return NULL;
	call_count++;
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->file = file;
	snprintf(c->dir, NAME_LEN, "%s", in);
	snprintf(c->name, NAME_LEN, "%s", name);
	return c;
}

/* -1: none that is recorded. */
static int
file_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX ? fds[fd].file - 1 : -1;
}

static const char *
dir_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX && fds[fd].dir[0] != '\0' ? fds[fd].dir
								 : ".";
}

static void
note_open(int fd, const char *in, const char *path, int flags)
{
	const struct name *n;
	char parent[NAME_LEN];
	char *slash;

	/* checks/XX/DOMAIN is a name in checks/XX. */
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if ((flags & O_DIRECTORY) == 0 && slash != NULL) {
		*slash = '\0';
		in = parent;
		path = slash + 1;
	}
	n = find_name(names, name_count, in, path);
	if (fd < 0 || fd >= FDS_MAX)
		return;
	fds[fd].dir[0] = '\0';
	fds[fd].file = 0;
	if ((flags & O_DIRECTORY) != 0) {
		snprintf(fds[fd].dir, NAME_LEN, "%s", path);
		return;
	}
	if (n != NULL && n->file >= 0)
		fds[fd].file = n->file + 1;
	else if ((flags & O_CREAT) != 0 && file_count < FILES_MAX) {
		fds[fd].file = ++file_count;
		set_name(names, &name_count, in, path, file_of(fd));
		(void)record(CREATE, in, path, file_of(fd));
	}
}

/* The calls of the store that change something. */

static int
open_at(int in, const char *path, int flags, unsigned mode)
{
	int fd = (int)syscall(SYS_openat, in, path, flags, mode);

	if (recording)
		note_open(fd, dir_of(in), path, flags);
	return fd;
}

int
close(int fd)
{
	if (fd >= 0 && fd < FDS_MAX) {
		fds[fd].dir[0] = '\0';
		fds[fd].file = 0;
	}
	return (int)syscall(SYS_close, fd);
}

static void
note_content(int file)
{
	struct call *c = record(CONTENT, "", "", file);

	if (c == NULL || (c->content = malloc(sizeof(*c->content))) == NULL)
		return;
	*c->content = now_in[file];
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	ssize_t n;
	off_t at = lseek(fd, 0, SEEK_CUR);
	int file = file_of(fd);

	n = (ssize_t)syscall(SYS_write, fd, buf, len);
	if (!recording || file < 0 || n <= 0 || at < 0 ||
	    (size_t)at + (size_t)n > BYTES_MAX)
		return n;
	memcpy(now_in[file].bytes + at, buf, (size_t)n);
	if (now_in[file].len < (size_t)at + (size_t)n)
		now_in[file].len = (size_t)at + (size_t)n;
	note_content(file);
	return n;
}

int
ftruncate(int fd, off_t len)
{
	int file = file_of(fd);

	if (recording && file >= 0) {
		now_in[file].len = (size_t)len;
		note_content(file);
	}
	return (int)syscall(SYS_ftruncate, fd, len);
}

int
fsync(int fd)
{
	int file = file_of(fd);

	if (file >= 0)
		(void)record(SYNC_FILE, "", "", file);
	else
		(void)record(SYNC_DIR, dir_of(fd), "", -1);
	return 0;
}

int
renameat(int in, const char *from, int to_dir, const char *to)
{
	int rc = (int)syscall(SYS_renameat2, in, from, to_dir, to, 0);
	const struct name *n = find_name(names, name_count, dir_of(in), from);
	struct call *c;

	if (!recording || rc != 0 || n == NULL)
		return rc;
	c = record(RENAME, dir_of(in), to, n->file);
	if (c != NULL)
		snprintf(c->from, NAME_LEN, "%s", from);
	set_name(names, &name_count, dir_of(in), to, n->file);
	set_name(names, &name_count, dir_of(in), from, -1);
	return rc;
}

int
unlinkat(int in, const char *path, int flags)
{
	int rc = (int)syscall(SYS_unlinkat, in, path, flags);

	if (recording && rc == 0) {
		(void)record(REMOVE, dir_of(in), path, -1);
		set_name(names, &name_count, dir_of(in), path, -1);
	}
	return rc;
}

/* policies/XX is a name in policies. */
int
mkdirat(int in, const char *path, mode_t mode)
{
	int rc = (int)syscall(SYS_mkdirat, in, path, mode);
	char parent[NAME_LEN];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strchr(parent, '/');
	if (slash != NULL)
		*slash = '\0';
	if (rc == 0)
		(void)record(MAKE_DIR, slash != NULL ? parent : ".", path, -1);
	return rc;
}
