/* SPDX-License-Identifier: ISC */
/* Every row of tests/vectors/mx_match.tsv. */
#include <string.h>

#include "core/policy.h"
#include "tests/unit/lib/tap.h"

enum { ROWS_AT_LEAST = 37 };

int
main(void)
{
	struct vector_file *file = vector_open("mx_match.tsv");
	char *fields[5];
	unsigned rows = 0;

	while (vector_next(file, fields, 5)) {
		bool match;

		(void)vector_unescape(fields[2]);
		(void)vector_unescape(fields[3]);
		match = sts_mx_match(fields[2], fields[3]);
		is_str(match ? "match" : "nomatch", fields[4],
		    "%s: pattern '%s', host '%s'", fields[0], fields[2],
		    fields[3]);
		rows++;
	}
	vector_close(file);
	ok(rows >= ROWS_AT_LEAST, "%u rows of mx_match.tsv were read", rows);
	return tap_done();
}
