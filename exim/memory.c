/* SPDX-License-Identifier: ISC */
#include "exim/memory.h"

#include <sys/resource.h>

enum {
	SHORT_LIST = 256,         /* bytes; enough for domains in practice */
	GROWTH_LONG = 256 * 1024, /* KiB: beyond this long lists wait */
	GROWTH_ANY = 512 * 1024   /* KiB: beyond this all do */
};

bool
sts_memory_allows(size_t length)
{
	static long first = -1; /* KiB */
	struct rusage usage;
	long growth;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return true;
	if (first < 0)
		first = usage.ru_maxrss;
	growth = usage.ru_maxrss - first;
	return growth < (length <= SHORT_LIST ? GROWTH_ANY : GROWTH_LONG);
}
