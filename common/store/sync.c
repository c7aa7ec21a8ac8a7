/* SPDX-License-Identifier: ISC */
/*
 * Syncs the names of directories.  The process that made policies/XX may have
 * been killed before it synced that name, so each process syncs it before it
 * reports a policy below as stored; once, for all directories.
 */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* fsync(2) gives EINVAL if the file system cannot sync directories. */
enum sts_status
sts_sync_dir(int dir)
{
	if (fsync(dir) == 0 || errno == EINVAL)
		return STS_OK;
	return sts_status_from_errno(errno);
}

/* Reads which directories there are in policies/, by their inodes. */
static void
list_buckets(DIR *dir, ino_t found[STS_STORE_BUCKETS])
{
	struct dirent *d;

	while ((d = readdir(dir)) != NULL) {
		char name[3];
		unsigned bucket;

		if (sscanf(d->d_name, "%2x", &bucket) != 1)
			continue;
		snprintf(name, sizeof(name), "%02x", bucket & 0xff);
		if (strcmp(name, d->d_name) == 0)
			found[bucket & 0xff] = d->d_ino;
	}
}

/* Directories listed before the sync have their names on disk. */
static enum sts_status
sync_kind(
    struct sts_store *store, enum sts_kind kind, ino_t found[STS_STORE_BUCKETS])
{
	enum sts_status status;
	int fd = openat(store->dir, sts_file_kind(kind),
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir;

	if (fd < 0)
		return sts_status_from_errno(errno);
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return STS_NO_MEMORY;
	}
	list_buckets(dir, found);
	status = sts_sync_dir(fd);
	closedir(dir);
	return status;
}

enum sts_status
sts_sync_parents(
    struct sts_store *store, enum sts_kind kind, unsigned bucket, ino_t ino)
{
	ino_t found[STS_STORE_BUCKETS] = {0};
	enum sts_status status;

	if (kind == STS_KIND_POLICY && store->synced[bucket] == ino)
		return STS_OK;
	status = sts_sync_dir(store->dir);
	if (status == STS_OK)
		status = sync_kind(store, kind, found);
	if (status == STS_OK && kind == STS_KIND_POLICY)
		memcpy(store->synced, found, sizeof(found));
	return status;
}
