/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/minmax.h"

static int64_t
read_ms(clockid_t clock)
{
	struct timespec now = {0};

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
sts_monotonic_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int
sts_ms_until(int64_t end_ms, int most)
{
	int64_t left = end_ms - sts_monotonic_ms();

	return left <= 0 ? 0 : (int)sts_min(left, most);
}

int64_t
sts_boot_ms(void)
{
#ifdef CLOCK_BOOTTIME
	return read_ms(CLOCK_BOOTTIME);
#else
	return read_ms(CLOCK_MONOTONIC);
#endif
}

const char *
sts_time_text(char buf[STS_TIME_TEXT], int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm parts;

	if (seconds == 0) {
		(void)snprintf(buf, STS_TIME_TEXT, "never");
	} else if (when != seconds || gmtime_r(&when, &parts) == NULL ||
	    strftime(buf, STS_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
		(void)snprintf(buf, STS_TIME_TEXT, "@%lld", (long long)seconds);
	}
	return buf;
}
