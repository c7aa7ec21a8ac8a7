/* SPDX-License-Identifier: ISC */
/* What people read: times, spans, and bytes that cannot hurt a terminal. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "base/clock.h"
#include "base/escape.h"
#include "tool/out.h"

static void
times(void)
{
	char buf[STS_TIME_TEXT];

	setenv("TZ", "Asia/Kathmandu", 1);
	is_str(sts_time_text(buf, 1800000000), "2027-01-15T08:00:00Z",
	    "ISO 8601 in UTC, whatever TZ says");
	is_str(sts_time_text(buf, 0), "never", "0 is never");
	ok(sts_time_text(buf, INT64_MAX)[0] == '@',
	    "a year that no calendar has is a number");
}

static void
spans(void)
{
	char buf[STS_AGE_TEXT];

	is_str(sts_print_span(buf, 0), "0 seconds", "nothing");
	is_str(sts_print_span(buf, 1), "1 second", "one second");
	is_str(sts_print_span(buf, 119), "119 seconds", "below two minutes");
	is_str(sts_print_span(buf, 120), "2 minutes", "two minutes");
	is_str(sts_print_span(buf, 7199), "119 minutes", "below two hours");
	is_str(sts_print_span(buf, 172799), "47 hours", "below two days");
	is_str(sts_print_span(buf, 604800), "7 days", "a week");
	is_str(sts_print_span(buf, -5), "0 seconds", "never negative");
	is_str(sts_print_short_span(buf, 604800), "7d", "short: a week");
	is_str(sts_print_short_span(buf, -300), "-5m", "short: in the past");
	is_str(sts_print_short_span(buf, 45), "45s", "short: seconds");
}

static void
lines(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sts_print_line(out, "domain", "%s", "a\x1b[2J\\\xc3\xa9\nb");
	sts_print_time_line(out, "fetched", 1800000000, 1800010800);
	sts_print_time_line(out, "expires", 1800010800, 1800000000);
	sts_print_time_line(out, "last used", 0, 1800000000);
	sts_print_line(out, "a key that is too long", "%s", "x");
	fclose(out);
	is_str(text,
	    "domain:         a\\x1b[2J\\x5c\\xc3\\xa9\\x0ab\n"
	    "fetched:        2027-01-15T08:00:00Z (3 hours ago)\n"
	    "expires:        2027-01-15T11:00:00Z (in 3 hours)\n"
	    "last used:      never\n"
	    "a key that is too long: x\n",
	    "keys are aligned, foreign bytes escaped, times have their age");
	free(text);
}

static void
escaping(void)
{
	char *text = sts_escape("a\0\x7f", 3);

	is_str(text, "a\\x00\\x7f", "NUL and DEL are escaped");
	free(text);
	text = sts_escape("", 0);
	is_str(text, "", "nothing stays nothing");
	free(text);
}

int
main(void)
{
	times();
	spans();
	lines();
	escaping();
	return tap_done();
}
