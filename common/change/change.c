/* SPDX-License-Identifier: ISC */
#include "change/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_path.h"
#include "change/change_apply.h"
#include "change/change_file.h"
#include "change/change_record.h"

/* As mkdir -p, each one with this mode. */
static bool
make_parents(const char *path, mode_t mode)
{
	char part[STS_CHANGE_REAL_BYTES];

	for (const char *p = path; *p != '\0';) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		(void)snprintf(
		    part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, *p == '\0' ? 0700 : mode) != 0 &&
		    errno != EEXIST)
			return false;
	}
	return true;
}

enum sts_change_result
sts_changes_begin(struct sts_changes *c)
{
	struct stat st;
	int fd;

	if (!make_parents(c->record, 0755))
		return sts_change_fail(c, c->record, errno);
	if (!sts_path_is_safe(c->record, NULL))
		return sts_change_fail(c, c->record, EPERM);
	fd = open(c->record, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return sts_change_fail(c, c->record, errno);
	c->lock = fd;
	if (fstat(fd, &st) != 0)
		return sts_change_fail(c, c->record, errno);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return sts_change_fail(c, c->record, EPERM);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return STS_CHANGE_OK;
	(void)sts_change_fail(c, c->record, errno);
	return errno == EWOULDBLOCK ? STS_CHANGE_BUSY : STS_CHANGE_FAILED;
}

void
sts_changes_free(struct sts_changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		sts_change_state_free(&c->item[i].old);
		sts_change_state_free(&c->item[i].next);
	}
	c->count = 0;
	if (c->lock > 0)
		(void)close(c->lock);
	c->lock = 0;
}

const char *
sts_change_real_path(const struct sts_changes *c, size_t index, char *buf)
{
	(void)snprintf(buf, STS_CHANGE_REAL_BYTES, "%s%s",
	    c->root != NULL ? c->root : "", c->item[index].path);
	return buf;
}

/* No other user may choose what is changed. */
static bool
is_safe(const char *path)
{
	char dir[STS_CHANGE_REAL_BYTES];

	(void)snprintf(
	    dir, sizeof(dir), "%.*s/", (int)(strrchr(path, '/') - path), path);
	return sts_path_is_safe(dir, NULL);
}

/* Fills the item behind the last with what is there now. */
static enum sts_change_result
look(struct sts_changes *c, const char *path)
{
	struct sts_change_item *item = &c->item[c->count];
	char real[STS_CHANGE_REAL_BYTES];

	if (c->count == STS_CHANGE_MAX)
		return sts_change_fail(c, path, E2BIG);
	memset(item, 0, sizeof(*item));
	if (path[0] != '/' || strlen(path) >= sizeof(item->path) ||
	    strchr(path, '\n') != NULL)
		return sts_change_fail(c, path, EINVAL);
	(void)snprintf(item->path, sizeof(item->path), "%s", path);
	(void)sts_change_real_path(c, c->count, real);
	if (!is_safe(real))
		return sts_change_fail(c, path, EPERM);
	if (!sts_change_read(&item->old, real))
		return sts_change_fail(c, path, errno);
	if (item->old.kind == STS_CHANGE_OTHER)
		return sts_change_fail(c, path, EINVAL);
	return STS_CHANGE_OK;
}

/* Keeps the item behind the last, unless nothing would change. */
static void
keep(struct sts_changes *c)
{
	struct sts_change_item *item = &c->item[c->count];

	if (sts_change_is_same(&item->old, &item->next)) {
		sts_change_state_free(&item->old);
		sts_change_state_free(&item->next);
	} else {
		c->count++;
	}
}

/* What is wanted: these bytes, with the owner and mode of a file before it. */
static enum sts_change_result
want(struct sts_changes *c, enum sts_change_kind kind, const char *path,
    const char *bytes, size_t len)
{
	enum sts_change_result result = look(c, path);
	struct sts_change_item *item = &c->item[c->count];
	bool was_file = item->old.kind == STS_CHANGE_FILE;

	if (result == STS_CHANGE_OK && len > STS_CHANGE_BYTES_MAX)
		result = sts_change_fail(c, path, EFBIG);
	if (result == STS_CHANGE_OK) {
		item->next.kind = kind;
		item->next.mode = was_file ? item->old.mode : 0644;
		item->next.uid = was_file ? item->old.uid : geteuid();
		item->next.gid = was_file ? item->old.gid : getegid();
		item->next.len = len;
		item->next.bytes = calloc(1, len + 1);
		if (item->next.bytes == NULL)
			result = sts_change_fail(c, path, ENOMEM);
	}
	if (result != STS_CHANGE_OK) {
		sts_change_state_free(&item->old);
		return result;
	}
	memcpy(item->next.bytes, bytes, len);
	keep(c);
	return STS_CHANGE_OK;
}

enum sts_change_result
sts_changes_write(
    struct sts_changes *c, const char *path, const char *bytes, size_t len)
{
	return want(c, STS_CHANGE_FILE, path, bytes, len);
}

enum sts_change_result
sts_changes_link(struct sts_changes *c, const char *path, const char *target)
{
	return want(c, STS_CHANGE_LINK, path, target, strlen(target));
}

enum sts_change_result
sts_changes_remove(struct sts_changes *c, const char *path)
{
	enum sts_change_result result = look(c, path);

	if (result == STS_CHANGE_OK)
		keep(c);
	else
		sts_change_state_free(&c->item[c->count].old);
	return result;
}

void
sts_changes_derived(struct sts_changes *c)
{
	if (c->count > 0)
		c->item[c->count - 1].derived = true;
}
