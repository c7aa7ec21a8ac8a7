/* SPDX-License-Identifier: ISC */
/*
 * Sources of received reports: a file, a directory of files, a Maildir, an
 * mbox, standard input.
 */
#ifndef STS_REPORT_INBOX_H
#define STS_REPORT_INBOX_H

#include <stddef.h>

enum { STS_INBOX_DEPTH_MAX = 8 /* folders in folders */ };

/*
 * Callbacks for what is found.  `where` is the file, or "FILE, mail N" in an
 * mbox.
 */
struct sts_inbox_sink {
	/* The JSON text of a report, not yet parsed. */
	void (*json)(
	    void *arg, const char *where, const char *json, size_t len);
	/* A report that cannot be unpacked, a file that cannot be read. */
	void (*fault)(void *arg, const char *where, const char *reason);
	/* A mail or a file without a report. */
	void (*none)(void *arg, const char *where, const char *reason);
	void *arg;
};

/*
 * Reads the file or directory `path`, or standard input for "-".  In a Maildir
 * it reads `cur` and `new`, in another directory its files and directories,
 * sorted by name; it skips names that begin with a dot, symbolic links and what
 * is not a regular file.  A file that begins with "From " is an mbox, read mail
 * by mail.  A mail or another file may have STS_MESSAGE_MAX bytes.
 */
void sts_inbox_read(const char *path, const struct sts_inbox_sink *sink);

#endif
