/* SPDX-License-Identifier: ISC */
/*
 * The reports in what a mailbox has: a mail, an attachment that was saved, or
 * the JSON itself (RFC 8460 5.2, 5.3).  No I/O.
 *
 * Only the body says anything about a report: header fields and file names
 * find it, and are not used beyond that (RFC 8460 5.6).
 */
#ifndef STS_REPORT_MESSAGE_H
#define STS_REPORT_MESSAGE_H

#include <stddef.h>

enum {
	STS_MESSAGE_MAX = 32 * 1024 * 1024, /* bytes of a mail or a file */
	STS_MESSAGE_DEPTH_MAX = 8,          /* multiparts in multiparts */
	STS_MESSAGE_PARTS_MAX = 1000
};

/* What is called for each report that is found. */
struct sts_message_sink {
	/* The JSON text of a report, not yet read; borrowed. */
	void (*json)(void *arg, const char *json, size_t len);
	/* An attachment that should be a report, and cannot be unpacked. */
	void (*fault)(void *arg, const char *reason);
	void *arg;
};

/*
 * Takes `len` bytes, at most STS_MESSAGE_MAX: JSON; gzip with JSON in it; or a
 * mail, whose parts are looked at in multipart/report, mixed and signed, and in
 * messages that were forwarded as message/rfc822.  A part is a report if its
 * type is application/tlsrpt+gzip or +json, if its file name ends with
 * ".json.gz" or ".json", or if it is application/gzip or /json without a
 * name.  Whether it is compressed its bytes say.
 *
 * NULL where `sink` was called at least once, else why there is no report, as
 * a sentence.
 */
const char *sts_message_read(
    const char *bytes, size_t len, const struct sts_message_sink *sink);

#endif
