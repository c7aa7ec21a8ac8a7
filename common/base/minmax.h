/* SPDX-License-Identifier: ISC */
/* The least and the greatest of two times, durations or counts. */
#ifndef STS_BASE_MINMAX_H
#define STS_BASE_MINMAX_H

#include <stdint.h>

static inline int64_t
sts_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
sts_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

#endif
