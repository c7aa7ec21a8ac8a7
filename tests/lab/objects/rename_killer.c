/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into the command: it is killed before the rename(2) of that number
 * (KILL_RENAME, from 1), as it puts one file after the other in place.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
rename(const char *from, const char *to)
{
	static int count;
	const char *wanted = getenv("KILL_RENAME");
	int (*real)(const char *, const char *);

	if (wanted != NULL && ++count == atoi(wanted))
		(void)kill(getpid(), SIGKILL);
	*(void **)&real = dlsym(RTLD_NEXT, "rename");
	return real(from, to);
}
