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
#include "store/lock.h"

static int
open_lock(struct sts_store *store, const char *name)
{
	return openat(store->dir, name,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
}

/* Whether this user may create files that readers will accept. */
static enum sts_status
check_writable(struct sts_store *store)
{
	if (store->uid == 0)
		return STS_STATE_OWNER;
	if (store->uid != geteuid())
		return STS_STATE_UNWRITABLE;
	if (faccessat(store->dir, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return STS_STATE_UNWRITABLE;
	if ((store->lock_fd = open_lock(store, "lock")) < 0 ||
	    (store->write_fd = open_lock(store, "writing")) < 0)
		return sts_status_from_errno(errno);
	store->writing = true;
	/* So that processes that write one file and end do not all trim. */
	store->trims = (unsigned)getpid();
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
	/* Without search permission all files would seem unreadable. */
	if (faccessat(store->dir, ".", X_OK, AT_EACCESS) != 0)
		return STS_STATE_UNREADABLE;
	return STS_OK;
}

/* With nothing open; NULL without memory. */
static struct sts_store *
make_store(void)
{
	struct sts_store *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->dir = s->lock_fd = s->write_fd = -1;
	return s;
}

enum sts_status
sts_store_open(struct sts_store **store, const char *state_dir, bool writing)
{
	struct sts_store *s = make_store();
	enum sts_status status;

	*store = NULL;
	if (s == NULL)
		return STS_NO_MEMORY;
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

enum sts_status
sts_store_know(struct sts_store **store, const char *state_dir, uid_t owner)
{
	struct sts_store *s;

	*store = NULL;
	if (owner == 0 || geteuid() != owner)
		return STS_STATE_OWNER;
	if ((s = make_store()) == NULL ||
	    (s->path = strdup(state_dir)) == NULL) {
		sts_store_close(s);
		return STS_NO_MEMORY;
	}
	s->uid = owner;
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
	if (store->write_fd >= 0)
		close(store->write_fd);
	free(store->path);
	free(store->events);
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

/* At the operator's request, whatever is there, even a damaged file. */
static enum sts_status
drop_policy(struct sts_store *store, const char *domain)
{
	enum sts_status status;
	bool held;

	if ((status = sts_write_lock(store, domain, &held)) != STS_OK)
		return status;
	status = sts_file_remove(store, STS_KIND_POLICY, domain);
	if (held)
		sts_write_unlock(store, domain);
	return status;
}

enum sts_status
sts_store_drop(struct sts_store *store, const char *domain)
{
	enum sts_status result = drop_policy(store, domain);
	static const enum sts_kind kinds[] = {STS_KIND_CHECK, STS_KIND_ROUTES};

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

/* Opens one of the directories of a kind; NULL if there is none. */
static DIR *
open_bucket(struct sts_store *store, enum sts_kind kind, unsigned bucket)
{
	int fd = sts_file_open_bucket(store, kind, bucket);
	DIR *dir;

	if (fd < 0)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		close(fd);
	return dir;
}

/* Clears *more where `each` ended the walk. */
static enum sts_status
walk_bucket(struct sts_store *store, enum sts_kind kind, unsigned bucket,
    bool (*each)(void *arg, const char *domain), void *arg, bool *more)
{
	DIR *dir = open_bucket(store, kind, bucket);
	struct dirent *d;

	if (dir == NULL && errno == ENOENT)
		return STS_OK;
	if (dir == NULL)
		return errno == EMFILE || errno == ENFILE
		    ? STS_NO_DESCRIPTORS
		    : STS_STATE_UNREADABLE;
	while (*more && (d = readdir(dir)) != NULL) {
		if (store->writing)
			sts_file_remove_stale(dirfd(dir), d->d_name);
		if (sts_domain_is_normalised(d->d_name))
			*more = each(arg, d->d_name);
	}
	closedir(dir);
	return STS_OK;
}

enum sts_status
sts_store_walk_bucket(struct sts_store *store, enum sts_kind kind,
    unsigned bucket, bool (*each)(void *arg, const char *domain), void *arg)
{
	bool more = true;

	return walk_bucket(store, kind, bucket, each, arg, &more);
}

enum sts_status
sts_store_walk(struct sts_store *store, enum sts_kind kind,
    bool (*each)(void *arg, const char *domain), void *arg)
{
	enum sts_status status = STS_OK;
	bool more = true;

	for (unsigned bucket = 0;
	     status == STS_OK && more && bucket < STS_STORE_BUCKETS; bucket++)
		status = walk_bucket(store, kind, bucket, each, arg, &more);
	return status;
}

enum sts_status
sts_store_read_newest(struct sts_store *store, int64_t *fetched)
{
	enum sts_status status;
	struct sts_cursor c;
	size_t len;
	char *text;

	*fetched = 0;
	if ((status = sts_file_read_single(store, "newest", &text, &len)) !=
	    STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_NOT_FOUND : status;
	c = sts_cursor_make(text, len);
	if (!sts_text_title(&c, "mta-sts newest 2") ||
	    !sts_text_number(&c, "fetched", fetched)) {
		*fetched = 0;
		status = STS_NOT_FOUND;
	}
	free(text);
	return status;
}

enum sts_status
sts_store_write_newest(struct sts_store *store, int64_t fetched)
{
	char buf[100];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	sts_text_add(
	    &text, "mta-sts newest 2\nfetched: %lld\n", (long long)fetched);
	return sts_file_write_single(store, "newest", buf, text.len);
}

enum sts_status
sts_store_read_unprotected(
    struct sts_store *store, struct sts_unprotected *unprotected)
{
	enum sts_status status;
	struct sts_cursor c;
	size_t len;
	char *text;

	memset(unprotected, 0, sizeof(*unprotected));
	status = sts_file_read_single(store, "unprotected", &text, &len);
	if (status != STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_NOT_FOUND : status;
	c = sts_cursor_make(text, len);
	if (!sts_text_title(&c, "mta-sts unprotected 1") ||
	    !sts_text_string(&c, "domain", unprotected->domain,
		sizeof(unprotected->domain)) ||
	    !sts_text_number(&c, "when", &unprotected->when)) {
		memset(unprotected, 0, sizeof(*unprotected));
		status = STS_NOT_FOUND;
	}
	free(text);
	return status;
}

enum sts_status
sts_store_write_unprotected(
    struct sts_store *store, const struct sts_unprotected *unprotected)
{
	char buf[STS_NAME_MAX + 100];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	sts_text_add(&text, "mta-sts unprotected 1\ndomain: %s\nwhen: %lld\n",
	    unprotected->domain, (long long)unprotected->when);
	return sts_file_write_single(store, "unprotected", buf, text.len);
}
