/* SPDX-License-Identifier: ISC */
/*
 * A set of changes to files of the operator's, made as a whole or not at all.
 *
 * Before anything is changed, what was there and what will be is written into a
 * record, a directory that only root may enter.  Then each file is replaced by
 * rename(2), in the order in which it was added, so a process that is killed
 * leaves each file old or new, and the record says which files there are.  The
 * next run finds a record without its end and takes everything back.  A caller
 * adds last what switches the rest on: whatever comes before it must be
 *harmless alone, as what nothing refers to yet.  Taking back goes the other way
 *round.
 *
 * The record:
 *
 *	journal		the list, while files are being changed
 *	done		the same list, when all of them are
 *	N.old, N.new	bytes of file N, or the target of a link
 */
#ifndef STS_CHANGE_CHANGE_H
#define STS_CHANGE_CHANGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	STS_CHANGE_MAX = 32, /* files in a set */
	STS_CHANGE_BYTES_MAX = 16 * 1024 * 1024,
	STS_CHANGE_PATH_BYTES = 1024
};

enum sts_change_result {
	STS_CHANGE_OK,
	STS_CHANGE_NONE,   /* there is no such record */
	STS_CHANGE_EDITED, /* a file is neither as it was nor as it was made */
	STS_CHANGE_BUSY,   /* another run is at work on this record */
	STS_CHANGE_FAILED  /* the system refused something */
};

enum sts_change_kind {
	STS_CHANGE_ABSENT,
	STS_CHANGE_FILE,
	STS_CHANGE_LINK,
	STS_CHANGE_OTHER /* a directory, a device: never changed */
};

/* What a path leads to, a link not followed. */
struct sts_change_state {
	enum sts_change_kind kind;
	mode_t mode; /* of a file, as are the next two */
	uid_t uid;
	gid_t gid;
	char *bytes; /* of a file, or the target of a link; with a NUL behind */
	size_t len;
};

struct sts_change_item {
	char path[STS_CHANGE_PATH_BYTES];
	/*
	 * Made from other files, by other programs too: one that has changed
	 * since is left as it is, and `stale` is set.
	 */
	bool derived;
	struct sts_change_state old, next;
};

/* A set.  Zeroed and with `record` set it is an empty one. */
struct sts_changes {
	const char *root;   /* put before each path, for tests; NULL: "" */
	const char *record; /* the directory, absolute */
	struct sts_change_item item[STS_CHANGE_MAX + 1]; /* the last: scratch */
	size_t count;
	char note[64]; /* a word of the caller's, kept in the record */
	bool stale;    /* after taking back: a derived file was left */
	int lock;      /* descriptor, from sts_changes_begin; 0: none */
	/* After anything but STS_CHANGE_OK: the path, and errno or 0. */
	char where[2 * STS_CHANGE_PATH_BYTES];
	int error;
	/* After STS_CHANGE_EDITED: the file of the record to compare with. */
	char written[STS_CHANGE_PATH_BYTES + 16];
};

/*
 * Makes the record's directory (0700) and the ones above it, and locks it until
 * sts_changes_free.  OK, BUSY, or FAILED; also if another user could change it.
 */
enum sts_change_result sts_changes_begin(struct sts_changes *c);

/* Frees what the set has, and the lock; its files stay as they are. */
void sts_changes_free(struct sts_changes *c);

/*
 * Adds a change, after reading what is there now.  Nothing is changed.  A path
 * that is as wanted already adds nothing.  A file gets mode and owner of the
 * one that was there, else 0644 and this user's.  `path` is absolute; for a
 * write the bytes are copied.  OK, or FAILED: it is no file or link, cannot be
 * read, or another user could change its directory (EPERM).
 */
enum sts_change_result sts_changes_write(
    struct sts_changes *c, const char *path, const char *bytes, size_t len);
enum sts_change_result sts_changes_link(
    struct sts_changes *c, const char *path, const char *target);
enum sts_change_result sts_changes_remove(
    struct sts_changes *c, const char *path);

/* The last change that was added is `derived`. */
void sts_changes_derived(struct sts_changes *c);

/*
 * Makes the changes, after sts_changes_begin.  On anything but OK all files are
 * as they were; EDITED: one has changed since it was added.  FAILED also on a
 * full disk, which is noticed before the first file is replaced.  If a file can
 * neither be changed nor taken back, the record stays for the next run.
 */
enum sts_change_result sts_changes_apply(struct sts_changes *c);

/*
 * Takes back what a run left that did not come to its end, after
 * sts_changes_begin; the set is filled from the record.  NONE: there was none.
 * EDITED: nothing was taken back.
 */
enum sts_change_result sts_changes_recover(struct sts_changes *c);

/* True if a run left a record without its end. */
bool sts_changes_is_unfinished(const struct sts_changes *c);

/* Fills the set from a finished record.  OK, NONE or FAILED. */
enum sts_change_result sts_changes_load(struct sts_changes *c);

/*
 * Takes a finished record back, after sts_changes_begin and sts_changes_load.
 * EDITED: the operator has changed a file since, and nothing was taken back.
 */
enum sts_change_result sts_changes_undo(struct sts_changes *c);

/*
 * Prints each change: one line, and for a file that was there its difference.
 * `derived` files are left out.
 */
void sts_changes_print(const struct sts_changes *c, FILE *out);

/* As after STS_CHANGE_EDITED, for a caller that has seen it itself. */
void sts_changes_note_edited(struct sts_changes *c, size_t index);

/*
 * After STS_CHANGE_EDITED: what the operator can do, as the text of a fix.  The
 * change is kept in the record while `mta-sts disable SERVER` takes back the
 * rest, and is then made again, or put aside where nothing is left to make it
 * in; `again` is a command behind that, or NULL.  The set still has its items.
 */
void sts_change_edited_fix(const struct sts_changes *c, const char *server,
    const char *again, char *buf, size_t size);

/*
 * Prints the difference of two texts: "@@ line N @@", lines with "-", "+" or,
 * around them, " ".  Bytes that are not printable are escaped.
 */
void sts_change_print_difference(FILE *out, const char *old, size_t old_len,
    const char *next, size_t next_len);

/*
 * Says what is done, or why not: the prefix, and the text.  What a program said
 * may be in it: further lines are indented, and what is not printable escaped.
 */
void sts_change_say(FILE *out, const char *prefix, const char *format,
    va_list args) __attribute__((format(printf, 3, 0)));

#endif
