/* SPDX-License-Identifier: ISC */
/*
 * Bytes that came from outside, made harmless for a terminal, a log and JSON.
 */
#ifndef STS_BASE_ESCAPE_H
#define STS_BASE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes len bytes, those outside printable ASCII and the backslash as \xHH:
 * nothing that came from the network can move a cursor or forge a line.
 */
void sts_escape_write(FILE *out, const char *bytes, size_t len);

/*
 * The same into a buffer of at least 5 bytes, as a string; returns its length.
 * Ends before the first byte for which there may be no room.
 */
size_t sts_escape_into(char *out, size_t size, const char *bytes, size_t len);

/*
 * The same into a new string, which the caller frees; NULL without memory.
 * Such a string is plain ASCII, as JSON wants it.
 */
char *sts_escape(const char *bytes, size_t len);

/*
 * Undoes it in place: \xHH becomes that byte, anything else stays.  Returns the
 * number of bytes, which may include NUL; a NUL follows them.
 */
size_t sts_unescape(char *text);

#endif
