/* SPDX-License-Identifier: ISC */
/* Clocks that are never set: for deadlines, and for what took too long. */
#ifndef STS_BASE_CLOCK_H
#define STS_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock. */
int64_t sts_monotonic_ms(void);

/*
 * Milliseconds of a clock that also goes on while the machine is suspended,
 * where the system has one; else of the monotonic clock.
 */
int64_t sts_boot_ms(void);

#endif
