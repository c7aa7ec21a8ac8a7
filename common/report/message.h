/* SPDX-License-Identifier: ISC */
/*
 * Finds reports in the content of a mailbox: a mail, a saved attachment, or the
 * JSON itself (RFC 8460 5.2, 5.3).  No I/O.
 *
 * Header fields and file names only serve to find a report; what it says is in
 * its body (RFC 8460 5.6).
 */
#ifndef STS_REPORT_MESSAGE_H
#define STS_REPORT_MESSAGE_H

#include <stddef.h>

enum {
	STS_MESSAGE_MAX = 32 * 1024 * 1024, /* bytes of a mail or a file */
	STS_MESSAGE_DEPTH_MAX = 8,          /* multiparts in multiparts */
	STS_MESSAGE_PARTS_MAX = 1000,
	/* What is unpacked of a mail, all parts and mails in it together. */
	STS_MESSAGE_UNPACKED_MAX = 32 * 1024 * 1024
};

/* Callbacks for each report. */
struct sts_message_sink {
	/* The JSON text of a report, not yet parsed; borrowed. */
	void (*json)(void *arg, const char *json, size_t len);
	/* An attachment that should be a report but cannot be unpacked. */
	void (*fault)(void *arg, const char *reason);
	void *arg;
};

/*
 * Reads `len` bytes, at most STS_MESSAGE_MAX: JSON; gzip of JSON; or a mail, in
 * which it reads the parts of multipart/report, mixed and signed, and of
 * messages forwarded as message/rfc822.  A part is a report if its type is
 * application/tlsrpt+gzip or +json, if its file name ends in ".json.gz" or
 * ".json", or if it is application/gzip or /json without a name.  Its bytes
 * show whether it is compressed.
 *
 * Returns NULL if `sink` was called at least once, else why there is no report,
 * as a sentence.
 */
const char *sts_message_read(
    const char *bytes, size_t len, const struct sts_message_sink *sink);

#endif
