/* SPDX-License-Identifier: ISC */
/*
 * Monotonic clocks, for deadlines and durations; and a time of the wall clock
 * as text.
 */
#ifndef STS_BASE_CLOCK_H
#define STS_BASE_CLOCK_H

#include <stdint.h>

enum { STS_TIME_TEXT = 32 }; /* "2026-11-22T13:14:15Z" */

/* Milliseconds of the monotonic clock. */
int64_t sts_monotonic_ms(void);

/* How many are left until then, for poll(2): 0 to `most`. */
int sts_ms_until(int64_t end_ms, int most);

/*
 * Milliseconds of a clock that also goes on while the machine is suspended,
 * where the system has one; else of the monotonic clock.
 */
int64_t sts_boot_ms(void);

/* ISO 8601 in UTC, whatever TZ says; "never" for 0. */
const char *sts_time_text(char buf[STS_TIME_TEXT], int64_t seconds);

#endif
