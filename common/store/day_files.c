/* SPDX-License-Identifier: ISC */
#include "store/day_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "core/domain.h"
#include "store/file.h"

bool
sts_day_files_is_ours(const struct sts_store *store, int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	    st.st_uid == store->uid && (st.st_mode & S_IWOTH) == 0;
}

enum sts_status
sts_day_files_open(struct sts_store *store, const char *directory, int *dir)
{
	*dir = openat(store->dir, directory,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir < 0)
		return errno == ENOENT
		    ? STS_NOT_FOUND
		    : sts_status_shortage_or(errno, STS_STATE_UNREADABLE);
	if (sts_day_files_is_ours(store, *dir, S_IFDIR))
		return STS_OK;
	close(*dir);
	return STS_STATE_UNREADABLE;
}

/* A day's file, of this machine or another. */
static bool
is_day_file(const char *name)
{
	static const char form[] = "0000-00-00";
	size_t i = 0;

	for (; form[i] != '\0'; i++) {
		if (form[i] == '0' ? !sts_is_digit((unsigned char)name[i])
				   : name[i] != form[i])
			return false;
	}
	return name[i] == '\0' ||
	    (name[i] == '.' && sts_domain_is_normalised(name + i + 1));
}

void
sts_day_files_expire(
    struct sts_store *store, const char *directory, const char *oldest)
{
	struct dirent *d;
	DIR *list;
	int dir;

	if (sts_day_files_open(store, directory, &dir) != STS_OK)
		return;
	if ((list = fdopendir(dir)) == NULL) {
		close(dir);
		return;
	}
	while ((d = readdir(list)) != NULL) {
		/* This form sorts by time. */
		if (is_day_file(d->d_name) &&
		    strncmp(d->d_name, oldest, strlen(oldest)) < 0)
			(void)unlinkat(dir, d->d_name, 0);
	}
	closedir(list);
}
