/* SPDX-License-Identifier: ISC */
/*
 * For a test whose openat(2) stands before libc's: what a fortified openat with
 * three arguments becomes, with clang and a glibc of 2025 or later.  Both call
 * the test's open_at(int in, const char *path, int flags, unsigned mode).
 */
#ifndef STS_TESTS_FORTIFIED_H
#define STS_TESTS_FORTIFIED_H

#include <fcntl.h>
#include <stdarg.h>

static int open_at(int in, const char *path, int flags, unsigned mode);

int __openat_2(int in, const char *path, int flags);
int __openat64_2(int in, const char *path, int flags);

int
__openat_2(int in, const char *path, int flags)
{
	return open_at(in, path, flags, 0);
}

int
__openat64_2(int in, const char *path, int flags)
{
	return open_at(in, path, flags, 0);
}

int
openat(int in, const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list list;

	va_start(list, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(list, unsigned);
	va_end(list);
	return open_at(in, path, flags, mode);
}

#endif
