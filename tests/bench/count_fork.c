/* SPDX-License-Identifier: ISC */
/*
 * Loaded into a program under callgrind, for delivery.py: a child that it forks
 * begins to count at zero, so that the counts of all processes may be added up.
 */
#include <pthread.h>

#include <valgrind/callgrind.h>

static void
in_child(void)
{
	CALLGRIND_ZERO_STATS;
}

__attribute__((constructor)) static void
begin(void)
{
	(void)pthread_atfork(NULL, NULL, in_child);
}
