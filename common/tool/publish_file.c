/* SPDX-License-Identifier: ISC */
#include "tool/publish_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "tool/folder.h"

#define WELL_KNOWN ".well-known"

static bool fail(struct sts_publish_file *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool
fail(struct sts_publish_file *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(f->problem, sizeof(f->problem), format, args) < 0)
		f->problem[0] = '\0';
	va_end(args);
	return false;
}

static const char *
why_not(int error)
{
	return error == ELOOP ? "a symbolic link of another user leads there"
			      : strerror(error);
}

/* ROOT/.well-known/mta-sts.txt is the place where the web server looks. */
static void
find_root(struct sts_publish_file *f)
{
	static const char tail[] = "/" WELL_KNOWN "/mta-sts.txt";
	size_t len = strlen(f->path);

	if (len > sizeof(tail) - 1 &&
	    strcmp(f->path + len - (sizeof(tail) - 1), tail) == 0)
		(void)snprintf(f->root, sizeof(f->root), "%.*s",
		    (int)(len - (sizeof(tail) - 1)), f->path);
}

/* The path of the file, and of the web server's files where that is known. */
static bool
choose_path(struct sts_publish_file *f, const char *path)
{
	size_t len = strlen(path);
	struct stat st;
	bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	int total;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!is_folder && (len < 4 || strcmp(path + len - 4, ".txt") != 0))
		return fail(f,
		    "%s: no such directory; make it (mkdir -p), or name a file "
		    "that ends in .txt",
		    path);
	if (is_folder)
		(void)snprintf(
		    f->root, sizeof(f->root), "%.*s", (int)len, path);
	total = snprintf(f->path, sizeof(f->path), "%.*s%s", (int)len, path,
	    is_folder ? "/" WELL_KNOWN "/mta-sts.txt" : "");
	if (total < 0 || (size_t)total >= sizeof(f->path))
		return fail(f, "%s: %s", path, strerror(ENAMETOOLONG));
	f->name = strrchr(f->path, '/');
	f->name = f->name != NULL ? f->name + 1 : f->path;
	if (!is_folder)
		find_root(f);
	return true;
}

/* The folder of the file; -1 with errno. */
static int
open_folder(struct sts_publish_file *f)
{
	char folder[STS_PUBLISH_PATH];
	int len = (int)(f->name - f->path);

	(void)snprintf(folder, sizeof(folder), "%.*s", len > 0 ? len : 1,
	    len > 0 ? f->path : ".");
	return sts_folder_open(AT_FDCWD, folder);
}

/* Reads at most the largest policy; more is no policy. */
static bool
read_bytes(struct sts_publish_file *f, int fd)
{
	size_t room = STS_BODY_MAX + 1;
	ssize_t got = 0;

	f->bytes = malloc(room);
	if (f->bytes == NULL)
		return fail(f, "%s: %s", f->path, strerror(ENOMEM));
	while (f->len < room &&
	    (got = read(fd, f->bytes + f->len, room - f->len)) > 0)
		f->len += (size_t)got;
	if (got < 0)
		return fail(f, "%s: %s", f->path, strerror(errno));
	if (f->len == room)
		return fail(f, "%s: larger than a policy can be (%d bytes)",
		    f->path, (int)STS_BODY_MAX);
	return true;
}

static bool
read_present(struct sts_publish_file *f)
{
	struct stat st;
	bool good;
	int fd;

	if (fstatat(f->folder, f->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ||
		    fail(f, "%s: %s", f->path, strerror(errno));
	if (S_ISLNK(st.st_mode))
		return fail(f,
		    "%s is a symbolic link, which is not written through; name "
		    "the file that it leads to, or remove it",
		    f->path);
	fd = openat(
	    f->folder, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(f, "%s: %s", f->path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		good = fail(f, "%s is not a regular file", f->path);
	else
		good = read_bytes(f, fd);
	(void)close(fd);
	return good;
}

bool
sts_publish_file_open(struct sts_publish_file *f, const char *path)
{
	memset(f, 0, sizeof(*f));
	f->folder = -1;
	if (!choose_path(f, path))
		return false;
	f->folder = open_folder(f);
	if (f->folder >= 0)
		return read_present(f);
	/* .well-known is made when the file is written. */
	if (errno == ENOENT && f->root[0] != '\0')
		return true;
	return fail(
	    f, "%.*s: %s", (int)(f->name - f->path), f->path, why_not(errno));
}

/* Makes ROOT/.well-known, which the web server's user must be able to enter. */
static bool
make_folder(struct sts_publish_file *f)
{
	int root = sts_folder_open(AT_FDCWD, f->root);

	if (root < 0)
		return fail(f, "%s: %s", f->root, why_not(errno));
	if (mkdirat(root, WELL_KNOWN, 0755) == 0) {
		f->folder = sts_folder_open(root, WELL_KNOWN);
		if (f->folder >= 0)
			(void)fchmod(f->folder, 0755);
		(void)fsync(root);
	} else if (errno == EEXIST)
		f->folder = sts_folder_open(root, WELL_KNOWN);
	if (f->folder < 0)
		(void)fail(f, "%s/%s: %s", f->root, WELL_KNOWN, why_not(errno));
	(void)close(root);
	return f->folder >= 0;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0) {
			bytes += put;
			len -= (size_t)put;
		}
	}
	return fchmod(fd, 0644) == 0 && fsync(fd) == 0;
}

/* A new file of this name, which no other process opens. */
static int
create(int folder, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(folder, name, flags, 0600);

	/* Of an earlier process with this number, which was killed. */
	if (fd < 0 && errno == EEXIST && unlinkat(folder, name, 0) == 0)
		fd = openat(folder, name, flags, 0600);
	return fd;
}

bool
sts_publish_file_write(
    struct sts_publish_file *f, const char *bytes, size_t len)
{
	char scratch[STS_PUBLISH_PATH + 32];
	bool good;
	int fd, error;

	if (f->folder < 0 && !make_folder(f))
		return false;
	(void)snprintf(
	    scratch, sizeof(scratch), ".%s.%ld", f->name, (long)getpid());
	fd = create(f->folder, scratch);
	if (fd < 0)
		return fail(f, "%s: %s", f->path, strerror(errno));
	good = write_all(fd, bytes, len);
	error = errno;
	if (close(fd) != 0 && good) {
		good = false;
		error = errno;
	}
	if (good && renameat(f->folder, scratch, f->folder, f->name) != 0) {
		good = false;
		error = errno;
	}
	if (!good) {
		(void)unlinkat(f->folder, scratch, 0);
		return fail(f, "%s: %s", f->path, strerror(error));
	}
	(void)fsync(f->folder);
	return true;
}

bool
sts_publish_file_nojekyll(struct sts_publish_file *f)
{
	int root = sts_folder_open(AT_FDCWD, f->root);
	int fd = -1, error;

	if (root >= 0)
		fd = openat(root, ".nojekyll",
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	error = errno;
	if (fd >= 0)
		(void)close(fd);
	if (root >= 0)
		(void)close(root);
	if (fd >= 0 || error == EEXIST)
		return true;
	return fail(f, "%s/.nojekyll: %s", f->root, why_not(error));
}

void
sts_publish_file_close(struct sts_publish_file *f)
{
	if (f->folder >= 0)
		(void)close(f->folder);
	free(f->bytes);
	f->bytes = NULL;
	f->folder = -1;
}
