/* SPDX-License-Identifier: ISC */
/*
 * Dates and times of reports, without time_t and the machine's time zone: RFC
 * 3339 date-times, and UTC days.
 */
#ifndef STS_REPORT_DATETIME_H
#define STS_REPORT_DATETIME_H

#include <stdbool.h>
#include <stdint.h>

enum {
	STS_DATE_TEXT = 40, /* "2026-11-22", and what gcc cannot exclude */
	STS_DAY_SECONDS = 86400
};

/*
 * A date-time of RFC 3339 5.6 as seconds since 1970, from 1970 to 9999: a
 * fraction is dropped, a leap second is the first second of the next minute,
 * the offset is subtracted.  False for anything else, such as a date-time
 * without an offset.
 */
bool sts_datetime_parse(const char *text, int64_t *seconds);

/* "YYYY-MM-DD", 1970 to 9999, as days since 1970-01-01; false otherwise. */
bool sts_date_parse(const char *text, int64_t *day);

/* The day, 0 to that of 9999-12-31, as "YYYY-MM-DD"; returns buf. */
const char *sts_date_text(char buf[STS_DATE_TEXT], int64_t day);

#endif
