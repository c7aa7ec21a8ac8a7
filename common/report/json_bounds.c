/* SPDX-License-Identifier: ISC */
/*
 * Ten megabytes of "{},{}," would become a gigabyte of objects.  So brackets
 * and commas outside strings are counted before jansson parses the text.
 */
#include "report/json_bounds.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "report/report.h"

/* Skips to the quotation mark that ends a string. */
static void
skip_string(struct sts_cursor *c)
{
	bool escaped = false;

	while (c->p < c->end) {
		char byte = *c->p++;

		if (!escaped && byte == '"')
			return;
		escaped = !escaped && byte == '\\';
	}
}

const char *
sts_json_exceeds(const char *json, size_t len)
{
	struct sts_cursor c = sts_cursor_make(json, len);
	unsigned depth = 0, values = 1;

	if (len > STS_REPORT_JSON_MAX)
		return "has more than 10 MiB";
	while (c.p < c.end) {
		char byte = *c.p++;

		if (byte == '"')
			skip_string(&c);
		else if (byte == '{' || byte == '[')
			depth++;
		else if ((byte == '}' || byte == ']') && depth > 0)
			depth--;
		/* An object takes twice the memory of anything else. */
		values += byte == '[' || byte == ',';
		values += byte == '{' ? 2 : 0;
		if (depth > STS_REPORT_DEPTH_MAX)
			return "is nested more than 32 levels deep";
		if (values > STS_REPORT_VALUES_MAX)
			return "has more than 500000 values";
	}
	return NULL;
}
