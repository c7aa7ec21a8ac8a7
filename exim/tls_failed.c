/* SPDX-License-Identifier: ISC */
/*
 * Exim connects in a process that it forks, and writes the bounce in its
 * parent: a byte in memory that both share has the parent know why.
 */
#include "exim/tls_failed.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

enum { EXIM_OK = 0 };

static volatile unsigned char *failed;

void
sts_tls_failed_prepare(void)
{
	const int access = PROT_READ | PROT_WRITE;
	const int flags = MAP_SHARED | MAP_ANONYMOUS;
	int saved_errno = errno;
	void *page;

	if (failed == NULL) {
		/* cppcheck-suppress invalidFunctionArg */
		page = mmap(NULL, 1, access, flags, -1, 0);
		if (page != MAP_FAILED)
			failed = page;
	}
	errno = saved_errno;
}

int
mta_sts_tls_failed(unsigned char **yield, int argc, unsigned char *argv[])
{
	static unsigned char empty[1];

	(void)argc;
	(void)argv;
	empty[0] = '\0';
	if (yield != NULL)
		*yield = empty;
	if (failed != NULL)
		*failed = 1;
	return EXIM_OK;
}

int
mta_sts_bounce(unsigned char **yield, int argc, unsigned char *argv[])
{
	static unsigned char no[] = "", yes[] = "yes";

	(void)argc;
	(void)argv;
	if (yield != NULL)
		*yield = failed != NULL && *failed != 0 ? yes : no;
	return EXIM_OK;
}
