/* SPDX-License-Identifier: ISC */
/*
 * Lines from smtpd, however its writes are split or merged.
 */
#ifndef STS_OPENSMTPD_LINES_H
#define STS_OPENSMTPD_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"

/* smtpd's own limit for an SMTP line is 2048 bytes. */
enum { STS_LINE_MAX = 4096 };

struct sts_lines {
	char buf[STS_LINE_MAX]; /* the beginning of a line */
	size_t len;
	bool cut; /* it was longer; the rest was dropped */
};

/*
 * One line without its line feed, any bytes; only its first STS_LINE_MAX if
 * `cut`.
 */
typedef void sts_line_take(void *arg, struct sts_span line, bool cut);

/* Calls `take` for each line that bytes[0..len) completes.  Begins zeroed. */
void sts_lines_feed(struct sts_lines *lines, const char *bytes, size_t len,
    sts_line_take *take, void *arg);

#endif
