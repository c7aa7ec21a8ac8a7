/* SPDX-License-Identifier: ISC */
/*
 * Code injected into mta-sts-resolver (LD_PRELOAD): when c-ares is initialised
 * it executes the program that HOOK_SETUID names, which prints its user.
 */
#include <stdlib.h>
#include <unistd.h>

__attribute__((visibility("default"))) int ares_library_init(int flags);

int
ares_library_init(int flags)
{
	char *argv[] = {getenv("HOOK_SETUID"), (char[]){"-u"}, NULL};

	(void)flags;
	if (argv[0] != NULL)
		(void)execve(argv[0], argv, (char *[]){NULL});
	_exit(99);
}
