/* SPDX-License-Identifier: ISC */
/* Opens files, and reads nothing in them: a caller may be root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/names.h"
#include "report/inbox.h"

static void visit_path(const char *path, bool named, unsigned depth,
    const struct sts_inbox_visitor *visitor);

static int
compare_names(const void *a, const void *b)
{
	const char *const *first = a, *const *second = b;

	return strcmp(*first, *second);
}

/* False with errno: unreadable, or no memory. */
static bool
list_folder(const char *path, struct sts_names *names)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool good = dir != NULL;

	while (good && (errno = 0, entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			good = sts_names_add(names, entry->d_name);
	}
	if (good && errno != 0)
		good = false;
	if (dir != NULL)
		(void)closedir(dir);
	if (good && names->count > 1)
		qsort(names->name, names->count, sizeof(*names->name),
		    compare_names);
	return good;
}

static bool
has_name(const struct sts_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static void
visit_folder(
    const char *path, unsigned depth, const struct sts_inbox_visitor *visitor)
{
	struct sts_names names = {0};
	bool maildir;
	char *inside;

	if (!list_folder(path, &names)) {
		visitor->fault(visitor->arg, path, strerror(errno));
		sts_names_free(&names);
		return;
	}
	maildir = has_name(&names, "cur") && has_name(&names, "new");
	for (size_t i = 0; i < names.count; i++) {
		if (maildir && strcmp(names.name[i], "cur") != 0 &&
		    strcmp(names.name[i], "new") != 0)
			continue;
		if (asprintf(&inside, "%s/%s", path, names.name[i]) < 0) {
			visitor->fault(visitor->arg, path, "no memory");
			break;
		}
		visit_path(inside, false, depth + 1, visitor);
		free(inside);
	}
	sts_names_free(&names);
}

/* Only a path given by the caller may be a link, a pipe or a device. */
static void
visit_path(const char *path, bool named, unsigned depth,
    const struct sts_inbox_visitor *visitor)
{
	int flags = named ? O_RDONLY : O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(path, flags | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		if (named || errno != ELOOP)
			visitor->fault(visitor->arg, path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (!S_ISDIR(st.st_mode) && (named || S_ISREG(st.st_mode))) {
		visitor->file(visitor->arg, path, fd);
		return;
	}
	(void)close(fd);
	if (S_ISDIR(st.st_mode) && depth < STS_INBOX_DEPTH_MAX)
		visit_folder(path, depth, visitor);
	else if (S_ISDIR(st.st_mode))
		visitor->fault(visitor->arg, path, "is too deep in folders");
}

void
sts_inbox_walk(const char *path, const struct sts_inbox_visitor *visitor)
{
	visit_path(path, true, 0, visitor);
}
