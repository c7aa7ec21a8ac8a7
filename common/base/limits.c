/* SPDX-License-Identifier: ISC */
#include "base/limits.h"

void
sts_limit_lower(sts_rlimit resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		return;
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

void
sts_limit_memory(unsigned mib)
{
#ifdef STS_SANITIZED
	(void)mib;
#else
	sts_limit_lower(RLIMIT_DATA, (rlim_t)mib << 20);
#endif
}
