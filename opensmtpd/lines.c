/* SPDX-License-Identifier: ISC */
/*
 * A read returns whatever was in the socket: half a line, or a thousand.  The
 * beginning of a line waits here for its end, in a buffer of fixed size; of an
 * endless line only that beginning is stored, which is enough to answer a
 * request.
 */
#include "opensmtpd/lines.h"

#include <string.h>

/* Appends to the incomplete line. */
static void
keep(struct sts_lines *lines, const char *bytes, size_t len)
{
	size_t room = sizeof(lines->buf) - lines->len;

	if (len > room) {
		lines->cut = true;
		len = room;
	}
	memcpy(lines->buf + lines->len, bytes, len);
	lines->len += len;
}

void
sts_lines_feed(struct sts_lines *lines, const char *bytes, size_t len,
    sts_line_take *take, void *arg)
{
	const char *end = bytes + len, *feed;

	while (bytes < end &&
	    (feed = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		keep(lines, bytes, (size_t)(feed - bytes));
		take(
		    arg, (struct sts_span){lines->buf, lines->len}, lines->cut);
		lines->len = 0;
		lines->cut = false;
		bytes = feed + 1;
	}
	if (bytes < end)
		keep(lines, bytes, (size_t)(end - bytes));
}
