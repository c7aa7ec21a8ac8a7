/* SPDX-License-Identifier: ISC */
/*
 * Internal to the store: whole files, checked when read and replaced by rename,
 * and the text in them.  Only this folder includes it.
 */
#ifndef STS_STORE_FILE_H
#define STS_STORE_FILE_H

#include "base/cursor.h"
#include "store/store.h"

struct sts_store {
	int dir;      /* the state directory; -1: by its path alone */
	int lock_fd;  /* "lock", or -1 if opened for reading only */
	int write_fd; /* "writing", likewise */
	char *path;   /* the same for a store that is not opened, else NULL */
	/* trim.c: until a directory of a kind is read */
	unsigned trims;
	uint16_t room[STS_KIND_ROUTES + 1][STS_STORE_BUCKETS];
	uid_t uid;
	gid_t gid;
	bool writing;
	bool creates_0640; /* file.c: a file was created with that mode */
	int64_t lost_day;  /* outcomes.c: of the last loss that was logged */
	/* events.c: room for lines that wait; NULL: each is written at once */
	char *events;
	size_t events_len;
	int64_t events_now; /* of the last of them */
	/* A bit for each directory of a kind; see file.c. */
	unsigned char trusted[STS_KIND_ROUTES + 1][STS_STORE_BUCKETS / 8];
	/* The directories of policies/ whose names are synced. */
	ino_t synced[STS_STORE_BUCKETS];
};

/* Bytes of a file besides the patterns of a policy. */
enum {
	STS_FILE_OVERHEAD = 8192,
	STS_FILE_MAX = STS_BODY_MAX + STS_FILE_OVERHEAD
};

/* A 64-bit hash of a domain: it selects directory and lock byte. */
uint64_t sts_domain_hash(const char *domain);

/*
 * Reads a domain's file into *text (*len bytes and a NUL), which the caller
 * frees.  STS_NOT_FOUND: no file.  STS_ENTRY_CORRUPT: not a regular file with
 * the right owner, too large, or a wrong checksum.  Other local faults if it
 * cannot be read.  *len does not count the checksum line.
 */
enum sts_status sts_file_read(struct sts_store *store, enum sts_kind kind,
    const char *domain, char **text, size_t *len);

/*
 * How a file is written.  DURABLE: a reader sees the old file or the new one,
 * also after a power cut.  ATOMIC: not after a power cut.  IN_PLACE: a reader
 * may see a wrong checksum, retries, and finally counts the file as missing.
 * NEW: the same, and there was no file a moment ago.
 */
enum sts_writing {
	STS_WRITE_DURABLE,
	STS_WRITE_ATOMIC,
	STS_WRITE_IN_PLACE,
	STS_WRITE_NEW
};

/* Writes a domain's file: `text` and its checksum line. */
enum sts_status sts_file_write(struct sts_store *store, enum sts_kind kind,
    const char *domain, const char *text, size_t len, enum sts_writing how);

/* STS_NOT_FOUND if there is none. */
enum sts_status sts_file_remove(
    struct sts_store *store, enum sts_kind kind, const char *domain);

/*
 * Removes `name` below `dir`: a file, or an empty directory, which rename(2)
 * would not replace.  0, or -1 with errno.
 */
int sts_file_remove_at(int dir, const char *name);

/* True only if there is surely no file of that name, whatever it may be. */
bool sts_file_is_missing(
    struct sts_store *store, enum sts_kind kind, const char *domain);

/*
 * Opens the directory of that kind for names of `bucket`, 0 to 255; a
 * descriptor, or -1 with errno.  The second gives the bucket of a domain.
 */
int sts_file_open_bucket(
    struct sts_store *store, enum sts_kind kind, unsigned bucket);
unsigned sts_file_bucket(const char *domain);

/* The name of the directory of a kind. */
static inline const char *
sts_file_kind(enum sts_kind kind)
{
	static const char *const names[] = {
	    [STS_KIND_POLICY] = "policies",
	    [STS_KIND_CHECK] = "checks",
	    [STS_KIND_ROUTES] = "routes",
	};

	return names[kind];
}

/* sync.c: syncs a directory.  STS_OK also if its file system cannot do that. */
enum sts_status sts_sync_dir(int dir);

/*
 * sync.c: makes sure that the directory of that kind for names of `bucket`,
 * inode `ino`, survives a power cut.
 */
enum sts_status sts_sync_parents(
    struct sts_store *store, enum sts_kind kind, unsigned bucket, ino_t ino);

/* Removes the temporary file of a killed writer. */
void sts_file_remove_stale(int dir, const char *name);

/*
 * Creates a directory below the state directory, of mode 0750 whatever the
 * umask.  STS_OK also if the name exists.
 */
enum sts_status sts_file_make_dir(struct sts_store *store, const char *path);

/* The same for a file in the state directory itself. */
enum sts_status sts_file_read_single(
    struct sts_store *store, const char *name, char **text, size_t *len);
enum sts_status sts_file_write_single(
    struct sts_store *store, const char *name, const char *text, size_t len);

/*
 * The same for `name` below an open directory: a file of `owner`, of at most
 * `max` bytes with its checksum line.  The user of this process writes.
 */
enum sts_status sts_file_read_at(int dir, const char *name, uid_t owner,
    size_t max, char **text, size_t *len);
enum sts_status sts_file_write_at(struct sts_store *store, int dir,
    const char *name, const char *text, size_t len, enum sts_writing how);

/* Text in a buffer of fixed size; `full` once it overflows. */
struct sts_text {
	char *buf;
	size_t size;
	size_t len;
	bool full;
};

void sts_text_add(struct sts_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sts_text_add_bytes(struct sts_text *text, const char *bytes, size_t len);

/*
 * Adds "KEY: VALUE\n", without printf(3), which would be half of the cost of a
 * lookup without result.  The number is at least 0.
 */
void sts_text_add_field(
    struct sts_text *text, const char *key, const char *value);
void sts_text_add_number(struct sts_text *text, const char *key, int64_t value);

/*
 * Reads it back, line by line, in the order written: each consumes "KEY:
 * value\n" and fails on anything else.
 */
bool sts_text_title(struct sts_cursor *c, const char *title);
bool sts_text_string(
    struct sts_cursor *c, const char *key, char *out, size_t size);
bool sts_text_number(struct sts_cursor *c, const char *key, int64_t *out);
bool sts_text_status(
    struct sts_cursor *c, const char *key, enum sts_status *out);

/* True for "" or an id: 1 to 32 letters and digits. */
bool sts_text_is_id(const char *id);

#endif
