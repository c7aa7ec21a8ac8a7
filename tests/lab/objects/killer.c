/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into the resolver: it is killed while it writes a file of the
 * store, at the point that KILL_AT names.
 *
 *     create   the temporary file exists, or a file of checks/, empty
 *     write    half of the text is in it
 *     sync     all of it, before fsync
 *     rename   before it takes its place
 *     renamed  it has taken its place, nobody has been told
 *
 * A file of checks/ is written in place: there is nothing to sync or rename.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
die_at(const char *point)
{
	const char *wanted = getenv("KILL_AT");

	if (wanted != NULL && strcmp(wanted, point) == 0)
		(void)kill(getpid(), SIGKILL);
}

/* True where the path of a descriptor has that in it. */
static int
is_in(int fd, const char *part)
{
	char link[64], path[512];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return 0;
	path[len] = '\0';
	return strstr(path, part) != NULL;
}

static int
is_of_store(int fd)
{
	return is_in(fd, "/.tmp.") || is_in(fd, "/checks/");
}

static int
opened(int fd, int flags)
{
	if (fd >= 0 && (flags & O_CREAT) != 0 && is_in(fd, "/checks/"))
		die_at("create");
	return fd;
}

/* The same function has two names. */
#define OPENAT(name)                                                \
	int name(int dir, const char *path, int flags, ...)         \
	{                                                           \
		int (*real)(int, const char *, int, ...);           \
		mode_t mode = 0;                                    \
		va_list args;                                       \
                                                                    \
		va_start(args, flags);                              \
		if ((flags & O_CREAT) != 0)                         \
			mode = va_arg(args, mode_t);                \
		va_end(args);                                       \
		*(void **)&real = dlsym(RTLD_NEXT, #name);          \
		return opened(real(dir, path, flags, mode), flags); \
	}

OPENAT(openat)
OPENAT(openat64)

/* What follows the creation of every temporary file. */
int
fchmod(int fd, mode_t mode)
{
	int (*real)(int, mode_t);

	*(void **)&real = dlsym(RTLD_NEXT, "fchmod");
	if (is_in(fd, "/.tmp."))
		die_at("create");
	return real(fd, mode);
}

ssize_t
write(int fd, const void *buf, size_t size)
{
	const char *wanted = getenv("KILL_AT");
	ssize_t (*real)(int, const void *, size_t);

	*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (wanted != NULL && strcmp(wanted, "write") == 0 && is_of_store(fd)) {
		(void)real(fd, buf, size / 2);
		die_at("write");
	}
	return real(fd, buf, size);
}

int
fsync(int fd)
{
	int (*real)(int);

	*(void **)&real = dlsym(RTLD_NEXT, "fsync");
	if (is_in(fd, "/.tmp."))
		die_at("sync");
	return real(fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int (*real)(int, const char *, int, const char *);
	int result;

	*(void **)&real = dlsym(RTLD_NEXT, "renameat");
	die_at("rename");
	result = real(from_dir, from, to_dir, to);
	die_at("renamed");
	return result;
}
