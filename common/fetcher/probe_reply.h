/* SPDX-License-Identifier: ISC */
/*
 * Parses replies of an SMTP server (RFC 5321 4.2) as they arrive: bounded in
 * every respect, since the address comes from outside and anything may answer
 * there.
 */
#ifndef STS_FETCHER_PROBE_REPLY_H
#define STS_FETCHER_PROBE_REPLY_H

#include <stdbool.h>

#include "base/cursor.h"

enum {
	STS_SMTP_LINE_MAX = 1024, /* bytes; RFC 5321 4.5.3.1.5 says 512 */
	STS_SMTP_LINES_MAX = 128, /* of one reply */
	STS_SMTP_TEXT_MAX = 128   /* stored of the last line's text */
};

/* One reply.  Zeroed before its first line. */
struct sts_smtp_reply {
	int code; /* 200 to 599; 0 before the first line */
	unsigned lines;
	bool starttls; /* a line after the first has the keyword STARTTLS (RFC
			  3207 4, RFC 5321 4.1.1.1) */
	char text[STS_SMTP_TEXT_MAX]; /* any bytes but NUL */
};

enum sts_smtp_progress {
	STS_SMTP_MORE, /* the last line is still to come */
	STS_SMTP_DONE, /* the reply is whole */
	STS_SMTP_BAD   /* not a reply: ill-formed, or beyond a bound */
};

/*
 * Reads complete lines, ended by LF or CR LF, until the reply is complete.
 * Leaves an incomplete line, and what follows a reply, for the next call.
 */
enum sts_smtp_progress sts_smtp_reply_take(
    struct sts_smtp_reply *reply, struct sts_cursor *bytes);

#endif
