/* SPDX-License-Identifier: ISC */
/*
 * A dlfunc beside ours: ${dlfunc{FILE}{hog_take}{N}} leaves the process N free
 * descriptors, ${dlfunc{FILE}{hog_give}{}} gives back what it took.  Both
 * yield nothing.
 */
#include <sys/resource.h>

#include <fcntl.h>
#include <stdlib.h>

static unsigned char nothing[1];
static rlim_t before;

/* The limit below which exactly `wanted` descriptors are free. */
static rlim_t
limit_for(int wanted)
{
	int fd = 0;

	for (int free_ones = 0;; fd++) {
		free_ones += fcntl(fd, F_GETFD) < 0;
		if (free_ones > wanted)
			return (rlim_t)fd;
	}
}

int
hog_take(unsigned char **yield, int argc, unsigned char *argv[])
{
	struct rlimit limit;

	*yield = nothing;
	if (argc < 1 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 2;
	before = limit.rlim_cur;
	limit.rlim_cur = limit_for(atoi((const char *)argv[0]));
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : 2;
}

int
hog_give(unsigned char **yield, int argc, unsigned char *argv[])
{
	struct rlimit limit;

	(void)argc;
	(void)argv;
	*yield = nothing;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 2;
	limit.rlim_cur = before;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : 2;
}
