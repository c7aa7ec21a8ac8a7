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
void sts_inbox_read(const char *path, struct sts_inbox_sink *sink);

/* The two halves of it: what finds and opens files, and what reads in them. */
struct sts_inbox_visitor {
	/* Takes over `fd`, open for reading. */
	void (*file)(void *arg, const char *path, int fd);
	void (*fault)(void *arg, const char *path, const char *reason);
	void *arg;
};

void sts_inbox_walk(const char *path, const struct sts_inbox_visitor *visitor);

/* Closes `fd`. */
void sts_inbox_read_file(
    const char *path, int fd, const struct sts_inbox_sink *sink);
void sts_inbox_read_input(const struct sts_inbox_sink *sink);

#endif
