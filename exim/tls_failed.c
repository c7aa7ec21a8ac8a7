/* SPDX-License-Identifier: ISC */
/*
 * Exim connects in a process that it forks, and writes the bounce in its
 * parent: a byte in memory that both share has the parent know why.
 *
 * The process that takes messages in asks, too, where it verifies recipients.
 * Unless it starts Exim anew for each delivery, the memory is then in all of
 * them; so each process that asks has its own.
 */
#include "exim/tls_failed.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { EXIM_OK = 0 };

static volatile unsigned char *failed;
static pid_t owner; /* which asked, and forks the processes that connect */

void
sts_tls_failed_prepare(void)
{
	const int access = PROT_READ | PROT_WRITE;
	const int flags = MAP_SHARED | MAP_ANONYMOUS;
	int saved_errno = errno;
	void *page;

	if (failed == NULL || owner != getpid()) {
		/* cppcheck-suppress invalidFunctionArg */
		page = mmap(NULL, 1, access, flags, -1, 0);
		/* That of a parent's stays mapped: this happens once. */
		failed = NULL;
		if (page != MAP_FAILED)
			failed = page;
		owner = getpid();
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
		*yield = failed != NULL && *failed != 0 && owner == getpid()
		    ? yes
		    : no;
	return EXIM_OK;
}
