/* SPDX-License-Identifier: ISC */
#include "report/datetime.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

enum {
	YEAR_MIN = 1970,
	YEAR_MAX = 9999,
	ERA_DAYS = 146097,   /* in 400 years */
	ERA_OF_1970 = 719468 /* days from 0000-03-01 to 1970-01-01 */
};

/* Reads exactly `count` digits. */
static bool
take_digits(struct sts_cursor *c, unsigned count, int64_t *value)
{
	const char *begin = c->p;

	return sts_cursor_number(c, count, value) && c->p == begin + count;
}

static int64_t
month_days(int64_t year, int64_t month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/*
 * Years begin in March here, so that a leap day is the last day of its year,
 * and the days before a month are a linear function.
 */
static int64_t
day_of(int64_t year, int64_t month, int64_t day)
{
	int64_t shifted = (month + 9) % 12, years = year - (month <= 2);

	return years * 365 + years / 4 - years / 100 + years / 400 +
	    (153 * shifted + 2) / 5 + day - 1 - ERA_OF_1970;
}

/* full-date */
static bool
take_date(struct sts_cursor *c, int64_t *day)
{
	int64_t year, month, mday;

	if (!take_digits(c, 4, &year) || !sts_cursor_byte(c, '-') ||
	    !take_digits(c, 2, &month) || !sts_cursor_byte(c, '-') ||
	    !take_digits(c, 2, &mday))
		return false;
	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 ||
	    mday < 1 || mday > month_days(year, month))
		return false;
	*day = day_of(year, month, mday);
	return true;
}

/* partial-time */
static bool
take_time(struct sts_cursor *c, int64_t *seconds)
{
	int64_t hour, minute, second;

	if (!take_digits(c, 2, &hour) || !sts_cursor_byte(c, ':') ||
	    !take_digits(c, 2, &minute) || !sts_cursor_byte(c, ':') ||
	    !take_digits(c, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (sts_cursor_byte(c, '.') &&
	    sts_cursor_while(c, sts_is_digit).len == 0)
		return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return true;
}

/* time-offset, in seconds east of UTC */
static bool
take_offset(struct sts_cursor *c, int64_t *offset)
{
	int64_t hour, minute;
	bool west;

	*offset = 0;
	if (sts_cursor_byte(c, 'Z') || sts_cursor_byte(c, 'z'))
		return true;
	west = sts_cursor_byte(c, '-');
	if (!west && !sts_cursor_byte(c, '+'))
		return false;
	if (!take_digits(c, 2, &hour) || !sts_cursor_byte(c, ':') ||
	    !take_digits(c, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*offset = (hour * 3600 + minute * 60) * (west ? -1 : 1);
	return true;
}

bool
sts_datetime_parse(const char *text, int64_t *seconds)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	int64_t day, time, offset;

	if (!take_date(&c, &day) ||
	    !(sts_cursor_byte(&c, 'T') || sts_cursor_byte(&c, 't') ||
		sts_cursor_byte(&c, ' ')) ||
	    !take_time(&c, &time) || !take_offset(&c, &offset) ||
	    sts_cursor_left(&c) > 0)
		return false;
	*seconds = day * STS_DAY_SECONDS + time - offset;
	return *seconds >= 0;
}

bool
sts_date_parse(const char *text, int64_t *day)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));

	return take_date(&c, day) && sts_cursor_left(&c) == 0;
}

const char *
sts_date_text(char buf[STS_DATE_TEXT], int64_t day)
{
	int64_t era_day = (day + ERA_OF_1970) % ERA_DAYS;
	int64_t era = (day + ERA_OF_1970) / ERA_DAYS;
	int64_t year =
	    (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) /
	    365;
	int64_t year_day = era_day - (365 * year + year / 4 - year / 100);
	int64_t shifted = (5 * year_day + 2) / 153;
	int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;

	(void)snprintf(buf, STS_DATE_TEXT, "%04d-%02d-%02d",
	    (int)(year + era * 400 + (month <= 2)) % (YEAR_MAX + 1), (int)month,
	    (int)(year_day - (153 * shifted + 2) / 5 + 1));
	return buf;
}
