/* SPDX-License-Identifier: ISC */
/*
 * Where received reports lie: a file, a folder of files, a Maildir, an mbox,
 * standard input.
 */
#ifndef STS_REPORT_INBOX_H
#define STS_REPORT_INBOX_H

#include <stddef.h>

enum { STS_INBOX_DEPTH_MAX = 8 /* folders in folders */ };

/*
 * What is called for each thing that is found.  `where` is the file, of an mbox
 * "FILE, mail N".
 */
struct sts_inbox_sink {
	/* The JSON text of a report, not yet read. */
	void (*json)(
	    void *arg, const char *where, const char *json, size_t len);
	/* A report that cannot be unpacked, a file that cannot be read. */
	void (*fault)(void *arg, const char *where, const char *reason);
	/* A mail or a file that has no report, and is none. */
	void (*none)(void *arg, const char *where, const char *reason);
	void *arg;
};

/*
 * Reads what `path` names, "-" for standard input.  Of a Maildir its folders
 * `cur` and `new` are read, of another folder its files and folders, sorted by
 * name; names that begin with a dot, symbolic links and what is no regular
 * file are left out.  A file that begins with "From " is an mbox, and read one
 * mail after the other.  A mail or another file may have STS_MESSAGE_MAX bytes.
 */
void sts_inbox_read(const char *path, const struct sts_inbox_sink *sink);

#endif
