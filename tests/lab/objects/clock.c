/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into every program of a world that starts while /etc/ld.so.preload
 * names it: the wall clock is off by the seconds in /etc/lab-clock (rounded
 * down, after a point six digits of the rest), and the file system's goes on as
 * it is.  So does the monotonic clock, unless the word
 * "monotonic" follows the number: then both move, and the file is read again
 * at each call, so that days go by for a program that runs.
 */
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long offset;
static long nanoseconds; /* of the offset, 0 to 999999999 */
static bool moves;

/* What cannot be read any more, in a sandbox perhaps, stays as it was. */
static void __attribute__((constructor)) read_offset(void)
{
	char text[64] = "";
	int fd = open("/etc/lab-clock", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0) {
		const char *point = strchr(text, '.');

		offset = atoll(text);
		nanoseconds = point != NULL ? atol(point + 1) * 1000 : 0;
		moves = strstr(text, "monotonic") != NULL;
	}
	close(fd);
}

int
clock_gettime(clockid_t which, struct timespec *now)
{
	bool wall = which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE;
	int saved = errno;
	long result;

	if (moves)
		read_offset();
	errno = saved;
	result = syscall(SYS_clock_gettime, which, now);
	if (result == 0 && (wall || (moves && which == CLOCK_MONOTONIC))) {
		now->tv_sec += offset;
		now->tv_nsec += nanoseconds;
		if (now->tv_nsec >= 1000000000) {
			now->tv_nsec -= 1000000000;
			now->tv_sec++;
		}
	}
	return (int)result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	now->tv_sec = t.tv_sec;
	now->tv_usec = t.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}
