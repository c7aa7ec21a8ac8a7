/* SPDX-License-Identifier: ISC */
/* The clock that is never set, for deadlines. */
#ifndef STS_BASE_CLOCK_H
#define STS_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock. */
int64_t sts_monotonic_ms(void);

#endif
