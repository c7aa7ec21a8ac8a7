/* SPDX-License-Identifier: ISC */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/domain.h"

enum { STALE_TEMPORARY = 3600 }; /* seconds: its writer is long dead */

/* Whether this user may make files that readers will believe. */
static enum sts_status
check_writable(struct sts_store *store)
{
	if (store->uid == 0)
		return STS_STATE_OWNER;
	if (store->uid != geteuid())
		return STS_STATE_UNWRITABLE;
	if (faccessat(store->dir, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return STS_STATE_UNWRITABLE;
	store->lock_fd = openat(store->dir, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (store->lock_fd < 0)
		return sts_status_from_errno(errno);
	store->writing = true;
	return STS_OK;
}

static enum sts_status
open_state_dir(struct sts_store *store, const char *state_dir)
{
	struct stat st;

	store->dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0)
		return errno == EACCES ? STS_STATE_UNREADABLE
				       : sts_status_from_errno(errno);
	if (fstat(store->dir, &st) != 0)
		return STS_STATE_UNREADABLE;
	if ((st.st_mode & S_IWOTH) != 0)
		return STS_STATE_MODE;
	store->uid = st.st_uid;
	store->gid = st.st_gid;
	/* Without search permission every file would seem to be unreadable. */
	if (faccessat(store->dir, ".", X_OK, AT_EACCESS) != 0)
		return STS_STATE_UNREADABLE;
	return STS_OK;
}

enum sts_status
sts_store_open(struct sts_store **store, const char *state_dir, bool writing)
{
	struct sts_store *s = calloc(1, sizeof(*s));
	enum sts_status status;

	*store = NULL;
	if (s == NULL)
		return STS_NO_MEMORY;
	s->dir = s->lock_fd = -1;
	status = open_state_dir(s, state_dir);
	if (status == STS_OK && writing)
		status = check_writable(s);
	if (status != STS_OK) {
		sts_store_close(s);
		return status;
	}
	*store = s;
	return STS_OK;
}

void
sts_store_close(struct sts_store *store)
{
	if (store == NULL)
		return;
	if (store->dir >= 0)
		close(store->dir);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store);
}

bool
sts_store_is_current(const struct sts_store *store, const char *state_dir)
{
	struct stat here, there;

	return fstat(store->dir, &here) == 0 && stat(state_dir, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

uid_t
sts_store_uid(const struct sts_store *store)
{
	return store->uid;
}

gid_t
sts_store_gid(const struct sts_store *store)
{
	return store->gid;
}

enum sts_status
sts_store_drop(struct sts_store *store, const char *domain)
{
	static const enum sts_kind kinds[] = {
	    STS_KIND_POLICY, STS_KIND_ABSENCE, STS_KIND_ROUTES};
	enum sts_status result = STS_NOT_FOUND;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		enum sts_status status =
		    sts_file_remove(store, kinds[i], domain);

		if (status == STS_OK && result == STS_NOT_FOUND)
			result = STS_OK;
		else if (status != STS_OK && status != STS_NOT_FOUND)
			result = status;
	}
	return result;
}

/* Opens one of the 256 directories of a kind; NULL where there is none. */
static DIR *
open_bucket(struct sts_store *store, enum sts_kind kind, unsigned bucket)
{
	static const char *const dirs[] = {
	    [STS_KIND_POLICY] = "policies",
	    [STS_KIND_ABSENCE] = "absent",
	    [STS_KIND_ROUTES] = "routes",
	};
	char path[16];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%s/%02x", dirs[kind], bucket & 0xff);
	fd = openat(
	    store->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		close(fd);
	return dir;
}

/* Removes what a writer that was killed left behind. */
static void
remove_stale(int dir, const char *name)
{
	struct stat st;

	if (strncmp(name, ".tmp.", 5) == 0 &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < time(NULL) - STALE_TEMPORARY)
		(void)unlinkat(dir, name, 0);
}

enum sts_status
sts_store_walk(struct sts_store *store, enum sts_kind kind,
    bool (*each)(void *arg, const char *domain), void *arg)
{
	for (unsigned bucket = 0; bucket < 256; bucket++) {
		DIR *dir = open_bucket(store, kind, bucket);
		struct dirent *d;
		bool more = true;

		if (dir == NULL && errno != ENOENT)
			return errno == EMFILE || errno == ENFILE
			    ? STS_NO_DESCRIPTORS
			    : STS_STATE_UNREADABLE;
		while (dir != NULL && more && (d = readdir(dir)) != NULL) {
			if (store->writing)
				remove_stale(dirfd(dir), d->d_name);
			if (sts_domain_is_normalised(d->d_name))
				more = each(arg, d->d_name);
		}
		if (dir != NULL)
			closedir(dir);
		if (!more)
			break;
	}
	return STS_OK;
}

struct aged {
	time_t mtime;
	char name[STS_NAME_MAX + 1];
};

static int
by_age(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	return (x->mtime > y->mtime) - (x->mtime < y->mtime);
}

static size_t
count_files(DIR *dir)
{
	size_t count = 0;
	struct dirent *d;

	while ((d = readdir(dir)) != NULL)
		count += sts_domain_is_normalised(d->d_name);
	rewinddir(dir);
	return count;
}

/* Fills `list` with up to `max` files and their times; returns how many. */
static size_t
list_files(DIR *dir, struct aged *list, size_t max)
{
	size_t count = 0;
	struct dirent *d;
	struct stat st;

	while (count < max && (d = readdir(dir)) != NULL) {
		remove_stale(dirfd(dir), d->d_name);
		if (!sts_domain_is_normalised(d->d_name) ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) !=
			0)
			continue;
		memcpy(list[count].name, d->d_name, strlen(d->d_name) + 1);
		list[count++].mtime = st.st_mtime;
	}
	return count;
}

void
sts_store_trim_absences(
    struct sts_store *store, const char *domain, int64_t max)
{
	size_t limit = (size_t)((max + 255) / 256);
	struct aged *list = NULL;
	size_t count;
	DIR *dir;

	dir = open_bucket(store, STS_KIND_ABSENCE,
	    (unsigned)(sts_domain_hash(domain) & 0xff));
	if (dir == NULL)
		return;
	if ((count = count_files(dir)) <= limit ||
	    (list = calloc(count, sizeof(*list))) == NULL)
		goto out;
	count = list_files(dir, list, count);
	qsort(list, count, sizeof(*list), by_age);
	for (size_t i = 0; i + limit < count; i++)
		(void)unlinkat(dirfd(dir), list[i].name, 0);
out:
	free(list);
	closedir(dir);
}

enum sts_status
sts_store_read_newest(
    struct sts_store *store, int64_t *fetched, char domain[STS_NAME_MAX + 1])
{
	enum sts_status status;
	struct sts_cursor c;
	size_t len;
	char *text;

	*fetched = 0;
	domain[0] = '\0';
	if ((status = sts_file_read_newest(store, &text, &len)) != STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_NOT_FOUND : status;
	c = sts_cursor_make(text, len);
	if (!sts_text_title(&c, "mta-sts newest 1") ||
	    !sts_text_string(&c, "domain", domain, STS_NAME_MAX + 1) ||
	    !sts_domain_is_normalised(domain) ||
	    !sts_text_number(&c, "fetched", fetched)) {
		*fetched = 0;
		domain[0] = '\0';
		status = STS_NOT_FOUND;
	}
	free(text);
	return status;
}

enum sts_status
sts_store_write_newest(
    struct sts_store *store, int64_t fetched, const char *domain)
{
	char buf[STS_NAME_MAX + 100];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	sts_text_add(&text, "mta-sts newest 1\ndomain: %s\nfetched: %lld\n",
	    domain, (long long)fetched);
	return sts_file_write_newest(store, buf, text.len);
}
