/* SPDX-License-Identifier: ISC */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/crc_table.h"

enum {
	CRC_LINE = 16, /* "crc32: 01234567\n" */
	DIR_PATH = 16,
	FILE_PATH = DIR_PATH + STS_NAME_MAX + 1,
	READS_MAX = 3,          /* of a file that is being written in place */
	STALE_TEMPORARY = 3600, /* seconds: its writer is dead */
	FOR_WRITING = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
};

static const char hex[] = "0123456789abcdef";

uint64_t
sts_domain_hash(const char *domain)
{
	uint64_t hash = 14695981039346656037u;

	for (; *domain != '\0'; domain++)
		hash = (hash ^ (unsigned char)*domain) * 1099511628211u;
	/* Mixed, since the low bits of similar names are alike. */
	hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
	return hash ^ (hash >> 33);
}

/* CRC-32 (ISO 3309), four bytes a step: it is much of what a file costs. */
static uint32_t
crc32_of(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t crc = 0xffffffff;

	for (; len >= 4; p += 4, len -= 4) {
		crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		crc = crc_table[3][crc & 0xff] ^ crc_table[2][crc >> 8 & 0xff] ^
		    crc_table[1][crc >> 16 & 0xff] ^ crc_table[0][crc >> 24];
	}
	for (; len > 0; p++, len--)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

static void
crc_line(const char *bytes, size_t len, char out[CRC_LINE + 1])
{
	uint32_t crc = crc32_of(bytes, len);

	memcpy(out, "crc32: 00000000\n", CRC_LINE + 1);
	for (size_t i = CRC_LINE - 2; crc != 0; i--, crc >>= 4)
		out[i] = hex[crc & 15];
}

unsigned
sts_file_bucket(const char *domain)
{
	return (unsigned)(sts_domain_hash(domain) & 0xff);
}

/* policies/XX, relative to the state directory; returns its length. */
static size_t
dir_path(enum sts_kind kind, unsigned bucket, char path[DIR_PATH])
{
	const char *name = sts_file_kind(kind);
	size_t len = strlen(name);

	memcpy(path, name, len);
	path[len++] = '/';
	path[len++] = hex[bucket >> 4 & 15];
	path[len++] = hex[bucket & 15];
	path[len] = '\0';
	return len;
}

/* policies/XX/DOMAIN */
static void
file_path(enum sts_kind kind, const char *domain, char path[FILE_PATH])
{
	size_t len = dir_path(kind, sts_file_bucket(domain), path);

	path[len++] = '/';
	memcpy(path + len, domain, strlen(domain) + 1);
}

/*
 * Directories that this process has found to be its own.  A file in one may be
 * opened by path: only the owner can write there, and root never does.
 */
static bool
is_trusted(
    const struct sts_store *store, enum sts_kind kind, const char *domain)
{
	unsigned bucket = sts_file_bucket(domain);

	return (store->trusted[kind][bucket / 8] >> bucket % 8 & 1) != 0;
}

static void
set_trusted(struct sts_store *store, enum sts_kind kind, const char *domain,
    bool trusted)
{
	unsigned bucket = sts_file_bucket(domain);
	unsigned char bit = (unsigned char)(1 << bucket % 8);
	unsigned char *byte = &store->trusted[kind][bucket / 8];

	*byte = (unsigned char)(trusted ? *byte | bit : *byte & ~bit);
}

int
sts_file_open_bucket(
    struct sts_store *store, enum sts_kind kind, unsigned bucket)
{
	char path[DIR_PATH];

	(void)dir_path(kind, bucket, path);
	return openat(
	    store->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The directory of a domain's file; its owner must be the file's. */
static enum sts_status
open_dir(struct sts_store *store, const char *path, int *fd, struct stat *st)
{
	*fd = openat(
	    store->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0) {
		if (errno == ENOENT)
			return STS_NOT_FOUND;
		if (errno == ENOTDIR || errno == ELOOP)
			return STS_ENTRY_CORRUPT;
		return errno == EACCES ? STS_STATE_UNREADABLE
				       : sts_status_from_errno(errno);
	}
	if (fstat(*fd, st) != 0 || (st->st_mode & S_IWOTH) != 0) {
		close(*fd);
		return STS_STATE_MODE;
	}
	return STS_OK;
}

/* The status for an errno of opening or reading a file that should be ours. */
static enum sts_status
read_error(int error)
{
	switch (error) {
	case ENOENT:
		return STS_NOT_FOUND;
	case EACCES:
	case EPERM:
		return STS_STATE_UNREADABLE;
	default: /* a link, a socket, an I/O error: not ours */
		return sts_status_shortage_or(error, STS_ENTRY_CORRUPT);
	}
}

/* Reads all `len` bytes; fails if the file has shrunk. */
static enum sts_status
read_all(int fd, char *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return STS_ENTRY_CORRUPT;
		got += (size_t)n;
	}
	buf[len] = '\0';
	return STS_OK;
}

enum sts_status
sts_file_read_at(int dir, const char *name, uid_t owner, size_t max,
    char **text, size_t *len)
{
	char expected[CRC_LINE + 1];
	enum sts_status status;
	struct stat st;
	int fd;

	*text = NULL;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return read_error(errno);
	status = STS_ENTRY_CORRUPT;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != owner ||
	    (st.st_mode & S_IWOTH) != 0 || st.st_size < CRC_LINE ||
	    (size_t)st.st_size > max)
		goto out;
	status = STS_NO_MEMORY;
	if ((*text = malloc((size_t)st.st_size + 1)) == NULL)
		goto out;
	if ((status = read_all(fd, *text, (size_t)st.st_size)) != STS_OK)
		goto out;
	*len = (size_t)st.st_size - CRC_LINE;
	crc_line(*text, *len, expected);
	status = memcmp(*text + *len, expected, CRC_LINE) == 0
	    ? STS_OK
	    : STS_ENTRY_CORRUPT;
	(*text)[*len] = '\0';
out:
	close(fd);
	if (status != STS_OK) {
		free(*text);
		*text = NULL;
	}
	return status;
}

/* The same, up to READS_MAX times if another process may be writing it. */
static enum sts_status
read_patiently(int dir, const char *name, enum sts_kind kind, uid_t owner,
    char **text, size_t *len)
{
	enum sts_status status = STS_ENTRY_CORRUPT;

	for (int reads = 0; reads < READS_MAX; reads++) {
		status =
		    sts_file_read_at(dir, name, owner, STS_FILE_MAX, text, len);
		/* Files replaced by rename are always whole. */
		if (status != STS_ENTRY_CORRUPT || kind == STS_KIND_POLICY)
			break;
	}
	return status;
}

enum sts_status
sts_file_read(struct sts_store *store, enum sts_kind kind, const char *domain,
    char **text, size_t *len)
{
	enum sts_status status;
	char path[FILE_PATH];
	struct stat st;
	int dir;

	*text = NULL;
	if (is_trusted(store, kind, domain)) {
		file_path(kind, domain, path);
		return read_patiently(
		    store->dir, path, kind, store->uid, text, len);
	}
	(void)dir_path(kind, sts_file_bucket(domain), path);
	if ((status = open_dir(store, path, &dir, &st)) != STS_OK)
		return status;
	set_trusted(
	    store, kind, domain, store->writing && st.st_uid == store->uid);
	status = read_patiently(dir, domain, kind, st.st_uid, text, len);
	close(dir);
	return status;
}

bool
sts_file_is_missing(
    struct sts_store *store, enum sts_kind kind, const char *domain)
{
	char path[FILE_PATH];
	struct stat st;

	file_path(kind, domain, path);
	return fstatat(store->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
	    errno == ENOENT;
}

static enum sts_status
write_all(int fd, const char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return sts_status_from_errno(n < 0 ? errno : ENOSPC);
		buf += n;
		len -= (size_t)n;
	}
	return STS_OK;
}

/* Creates a temporary file with mode 0640, whatever the umask. */
static int
create_temporary(int dir, char name[32])
{
	static unsigned counter;

	for (int tries = 0; tries < 100; tries++) {
		int fd;

		snprintf(name, 32, ".tmp.%ld.%u", (long)getpid(), counter++);
		fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0) {
			if (fchmod(fd, 0640) == 0)
				return fd;
			close(fd);
			(void)unlinkat(dir, name, 0);
			return -1;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

int
sts_file_remove_at(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		return unlinkat(dir, name, AT_REMOVEDIR);
	return -1;
}

static int
rename_over(int dir, const char *from, const char *to)
{
	if (renameat(dir, from, dir, to) == 0)
		return 0;
	if (errno != EISDIR || sts_file_remove_at(dir, to) != 0)
		return -1;
	return renameat(dir, from, dir, to);
}

/*
 * Replaces `name` below `dir`.  A reader sees the old file or the new one; if
 * `durable`, also after a power cut: the file is synced before the rename and
 * the directory after it.
 */
static enum sts_status
replace_file(
    int dir, const char *name, const char *text, size_t len, bool durable)
{
	char temporary[32];
	enum sts_status status;
	int fd = create_temporary(dir, temporary);

	if (fd < 0)
		return sts_status_from_errno(errno);
	status = write_all(fd, text, len);
	if (status == STS_OK && durable && fsync(fd) != 0)
		status = sts_status_from_errno(errno);
	if (close(fd) != 0 && status == STS_OK)
		status = sts_status_from_errno(errno);
	if (status == STS_OK && rename_over(dir, temporary, name) != 0)
		status = sts_status_from_errno(errno);
	if (status != STS_OK)
		(void)unlinkat(dir, temporary, 0);
	else if (durable)
		status = sts_sync_dir(dir);
	return status;
}

/*
 * A file that this call created needs no look at what it is, and only the first
 * at what the umask left of its mode.
 */
static int
open_new(struct sts_store *store, int dir, const char *name, struct stat *st)
{
	int fd = openat(dir, name, FOR_WRITING | O_EXCL, 0640);

	if (fd >= 0 && !store->creates_0640 && fstat(fd, st) == 0)
		store->creates_0640 = (st->st_mode & 07777) == 0640;
	if (fd >= 0 && store->creates_0640)
		st->st_mode = 0640;
	return fd;
}

/* Removes a link, a directory or another user's file of that name. */
static int
open_in_place(int dir, const char *name, uid_t owner, struct stat *st)
{
	for (int tries = 0; tries < 2; tries++) {
		int fd = openat(dir, name, FOR_WRITING, 0640);

		if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
		    st->st_uid == owner)
			return fd;
		if (fd >= 0)
			close(fd);
		else if (errno != ELOOP && errno != EISDIR && errno != ENXIO &&
		    errno != EACCES)
			return -1;
		if (sts_file_remove_at(dir, name) != 0)
			return -1;
	}
	errno = EACCES;
	return -1;
}

/* Keeps the inode: half the system calls, for files that may be lost. */
static enum sts_status
overwrite_file(struct sts_store *store, int dir, const char *name,
    const char *text, size_t len, bool is_new)
{
	struct stat st = {0};
	enum sts_status status;
	int fd = is_new ? open_new(store, dir, name, &st) : -1;

	if (fd < 0)
		fd = open_in_place(dir, name, store->uid, &st);
	if (fd < 0)
		return sts_status_from_errno(errno);
	/* The umask may have cleared bits. */
	if ((st.st_mode & 07777) != 0640 && fchmod(fd, 0640) != 0) {
		status = sts_status_from_errno(errno);
		close(fd);
		return status;
	}
	status = write_all(fd, text, len);
	if (status == STS_OK && st.st_size > (off_t)len &&
	    ftruncate(fd, (off_t)len) != 0)
		status = sts_status_from_errno(errno);
	if (close(fd) != 0 && status == STS_OK)
		status = sts_status_from_errno(errno);
	if (status != STS_OK)
		(void)unlinkat(dir, name, 0);
	return status;
}

static bool
is_in_place(enum sts_writing how)
{
	return how == STS_WRITE_IN_PLACE || how == STS_WRITE_NEW;
}

enum sts_status
sts_file_write_at(struct sts_store *store, int dir, const char *name,
    const char *text, size_t len, enum sts_writing how)
{
	char *whole = malloc(len + CRC_LINE + 1);
	enum sts_status status;

	if (whole == NULL)
		return STS_NO_MEMORY;
	memcpy(whole, text, len);
	crc_line(text, len, whole + len);
	len += CRC_LINE;
	status = is_in_place(how)
	    ? overwrite_file(store, dir, name, whole, len, how == STS_WRITE_NEW)
	    : replace_file(dir, name, whole, len, how == STS_WRITE_DURABLE);
	free(whole);
	return status;
}

enum sts_status
sts_file_make_dir(struct sts_store *store, const char *path)
{
	if (mkdirat(store->dir, path, 0700) != 0)
		return errno == EEXIST ? STS_OK : sts_status_from_errno(errno);
	return fchmodat(store->dir, path, 0750, 0) == 0
	    ? STS_OK
	    : sts_status_from_errno(errno);
}

/* Creates policies/ and policies/XX. */
static enum sts_status
make_dirs(struct sts_store *store, enum sts_kind kind, const char *path)
{
	enum sts_status status = sts_file_make_dir(store, sts_file_kind(kind));

	return status == STS_OK ? sts_file_make_dir(store, path) : status;
}

/* Writes by path, in a trusted directory; false: the slow way is needed. */
static bool
write_by_path(struct sts_store *store, enum sts_kind kind, const char *domain,
    const char *text, size_t len, enum sts_writing how)
{
	char path[FILE_PATH];

	if (!is_trusted(store, kind, domain))
		return false;
	file_path(kind, domain, path);
	if (sts_file_write_at(store, store->dir, path, text, len, how) ==
	    STS_OK)
		return true;
	/* It may be gone, or have another owner by now. */
	set_trusted(store, kind, domain, false);
	return false;
}

enum sts_status
sts_file_write(struct sts_store *store, enum sts_kind kind, const char *domain,
    const char *text, size_t len, enum sts_writing how)
{
	enum sts_status status;
	char path[DIR_PATH];
	struct stat st;
	int dir;

	if (!store->writing || len > STS_FILE_MAX - CRC_LINE)
		return STS_INTERNAL;
	if (is_in_place(how) &&
	    write_by_path(store, kind, domain, text, len, how))
		return STS_OK;
	(void)dir_path(kind, sts_file_bucket(domain), path);
	status = open_dir(store, path, &dir, &st);
	if (status == STS_NOT_FOUND) {
		if ((status = make_dirs(store, kind, path)) == STS_OK)
			status = open_dir(store, path, &dir, &st);
	}
	if (status == STS_NOT_FOUND || status == STS_ENTRY_CORRUPT)
		status = STS_STATE_UNWRITABLE;
	if (status != STS_OK)
		return status;
	/* A reader would not accept a file here. */
	status = st.st_uid == store->uid
	    ? sts_file_write_at(store, dir, domain, text, len, how)
	    : STS_STATE_OWNER;
	set_trusted(store, kind, domain, st.st_uid == store->uid);
	close(dir);
	if (status == STS_OK && how == STS_WRITE_DURABLE)
		status = sts_sync_parents(
		    store, kind, sts_file_bucket(domain), st.st_ino);
	return status;
}

enum sts_status
sts_file_remove(struct sts_store *store, enum sts_kind kind, const char *domain)
{
	enum sts_status status;
	char path[DIR_PATH];
	struct stat st;
	int dir;

	(void)dir_path(kind, sts_file_bucket(domain), path);
	if ((status = open_dir(store, path, &dir, &st)) != STS_OK)
		return status;
	if (sts_file_remove_at(dir, domain) != 0)
		status = errno == ENOENT ? STS_NOT_FOUND
					 : sts_status_from_errno(errno);
	close(dir);
	return status;
}

void
sts_file_remove_stale(int dir, const char *name)
{
	struct stat st;

	if (strncmp(name, ".tmp.", 5) == 0 &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < time(NULL) - STALE_TEMPORARY)
		(void)unlinkat(dir, name, 0);
}

enum sts_status
sts_file_read_single(
    struct sts_store *store, const char *name, char **text, size_t *len)
{
	return sts_file_read_at(
	    store->dir, name, store->uid, STS_FILE_MAX, text, len);
}

enum sts_status
sts_file_write_single(
    struct sts_store *store, const char *name, const char *text, size_t len)
{
	return sts_file_write_at(
	    store, store->dir, name, text, len, STS_WRITE_ATOMIC);
}
