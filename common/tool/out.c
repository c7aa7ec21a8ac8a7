/* SPDX-License-Identifier: ISC */
/*
 * Independent of the locale and TZ: the same store always prints the same text.
 */
#include "base/clock.h"
#include "base/escape.h"
#include "tool/out.h"
#include "tool/tool.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_WIDTH = 16, VALUE_MAX = 2048 };

struct unit {
	int64_t seconds;
	const char *word;
	char letter;
};

/* The largest unit of which there are at least two, for precision. */
static const struct unit *
unit_for(int64_t seconds)
{
	static const struct unit units[] = {
	    {86400, "day", 'd'},
	    {3600, "hour", 'h'},
	    {60, "minute", 'm'},
	    {1, "second", 's'},
	};

	for (size_t i = 0; i < 3; i++) {
		if (seconds >= 2 * units[i].seconds)
			return &units[i];
	}
	return &units[3];
}

const char *
sts_print_span(char buf[STS_AGE_TEXT], int64_t seconds)
{
	const struct unit *unit;
	int64_t count;

	if (seconds < 0)
		seconds = 0;
	unit = unit_for(seconds);
	count = seconds / unit->seconds;
	(void)snprintf(buf, STS_AGE_TEXT, "%lld %s%s", (long long)count,
	    unit->word, count == 1 ? "" : "s");
	return buf;
}

const char *
sts_print_short_span(char buf[STS_AGE_TEXT], int64_t seconds)
{
	int64_t size = seconds < 0 ? -seconds : seconds;
	const struct unit *unit = unit_for(size);

	(void)snprintf(buf, STS_AGE_TEXT, "%s%lld%c", seconds < 0 ? "-" : "",
	    (long long)(size / unit->seconds), unit->letter);
	return buf;
}

static void
print_when(FILE *out, int64_t when, int64_t now)
{
	char at[STS_TIME_TEXT], span[STS_AGE_TEXT];

	(void)fputs(sts_time_text(at, when), out);
	if (when == 0)
		return;
	if (when > now)
		(void)fprintf(
		    out, " (in %s)", sts_print_span(span, when - now));
	else
		(void)fprintf(
		    out, " (%s ago)", sts_print_span(span, now - when));
}

/* The beginning of a line. */
static void
print_key(FILE *out, const char *key)
{
	int pad = KEY_WIDTH - (int)strlen(key) - 1;

	(void)fprintf(out, "%s:%*s", key, pad > 1 ? pad : 1, "");
}

void
sts_print_line(FILE *out, const char *key, const char *format, ...)
{
	char value[VALUE_MAX];
	va_list args;

	va_start(args, format);
	if (vsnprintf(value, sizeof(value), format, args) < 0)
		value[0] = '\0';
	va_end(args);
	print_key(out, key);
	sts_escape_write(out, value, strlen(value));
	(void)putc('\n', out);
}

void
sts_print_time_line(FILE *out, const char *key, int64_t when, int64_t now)
{
	print_key(out, key);
	print_when(out, when, now);
	(void)putc('\n', out);
}

int
sts_tool_outside(struct sts_tool *tool, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	(void)fputs("mta-sts: ", tool->err);
	sts_escape_write(tool->err, text, strlen(text));
	(void)putc('\n', tool->err);
	return STS_EXIT_OUTSIDE;
}
