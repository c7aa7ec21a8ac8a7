/* SPDX-License-Identifier: ISC */
#include "base/safe_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 32 };

/*
 * The checked part of a path, and the rest.  Both are bounded by PATH_MAX, as
 * in the kernel's own walk.
 */
struct walk {
	char done[PATH_MAX]; /* "" is "/" */
	char left[PATH_MAX];
	unsigned links;
	uid_t user; /* of this process */
};

/* A directory in which others can create names, but not change ours. */
static bool
is_sticky(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;
}

static bool
report(const struct walk *w, const struct stat *st, bool foreign,
    struct sts_unsafe *unsafe)
{
	if (unsafe == NULL)
		return false;
	(void)snprintf(unsafe->path, sizeof(unsafe->path), "%.*s",
	    (int)sizeof(unsafe->path) - 1, w->done[0] != '\0' ? w->done : "/");
	unsafe->owner = st->st_uid;
	unsafe->foreign = foreign;
	unsafe->link = S_ISLNK(st->st_mode);
	unsafe->sticky = is_sticky(st);
	return false;
}

/* `above`: not the directory of the file itself. */
static bool
check_step(const struct walk *w, const struct stat *st, bool above,
    struct sts_unsafe *unsafe)
{
	uid_t user = w->user;
	mode_t writers = st->st_mode & (S_IWGRP | S_IWOTH);

	if (st->st_uid != 0 && st->st_uid != user)
		return report(w, st, true, unsafe);
	if (S_ISLNK(st->st_mode) || writers == 0)
		return true;
	if (is_sticky(st) && (above || user != 0))
		return true;
	if (user != 0 && st->st_uid == user && writers == S_IWGRP)
		return true;
	return report(w, st, false, unsafe);
}

/* Prepends the target of a link to the rest. */
static bool
follow(struct walk *w)
{
	char target[PATH_MAX];
	ssize_t len = readlink(w->done, target, sizeof(target));
	size_t left = strlen(w->left);
	char *slash;

	if (len <= 0 || ++w->links > LINKS_MAX ||
	    (size_t)len + 1 + left >= sizeof(w->left))
		return false;
	memmove(w->left + len + 1, w->left, left + 1);
	memcpy(w->left, target, (size_t)len);
	w->left[len] = '/';
	slash = strrchr(w->done, '/');
	w->done[target[0] == '/' ? 0 : slash - w->done] = '\0';
	return true;
}

/* Moves the next name from the rest to the checked part. */
static bool
step(struct walk *w)
{
	char *name = w->left + strspn(w->left, "/");
	size_t len = strcspn(name, "/"), done = strlen(w->done);

	if (len == 2 && memcmp(name, "..", 2) == 0) {
		char *slash = strrchr(w->done, '/');

		if (slash != NULL)
			*slash = '\0';
	} else if (len > 0 && !(len == 1 && name[0] == '.')) {
		if (done + 1 + len >= sizeof(w->done))
			return false;
		w->done[done] = '/';
		memcpy(w->done + done + 1, name, len);
		w->done[done + 1 + len] = '\0';
	}
	memmove(w->left, name + len, strlen(name + len) + 1);
	return true;
}

/* At least two names are left: this is above the file's own directory. */
static bool
is_above(const char *left)
{
	left += strspn(left, "/");
	left += strcspn(left, "/");
	return left[strspn(left, "/")] != '\0';
}

static bool
begin(struct walk *w, const char *path)
{
	size_t used = 0;

	w->done[0] = '\0';
	w->links = 0;
	w->user = geteuid();
	if (path[0] != '/') {
		if (getcwd(w->left, sizeof(w->left) - 1) == NULL)
			return false;
		used = strlen(w->left);
		w->left[used++] = '/';
	}
	if (strlen(path) >= sizeof(w->left) - used)
		return false;
	memcpy(w->left + used, path, strlen(path) + 1);
	return true;
}

bool
sts_path_is_safe(const char *path, struct sts_unsafe *unsafe)
{
	struct stat st = {0};
	struct walk w;

	/* An empty name is no file, and not the working directory either. */
	if (path[0] == '\0')
		return true;
	if (!begin(&w, path))
		return report(&w, &st, true, unsafe);
	for (;;) {
		if (lstat(w.done[0] != '\0' ? w.done : "/", &st) != 0)
			return true;
		if (!check_step(&w, &st, is_above(w.left), unsafe))
			return false;
		if (S_ISLNK(st.st_mode)) {
			if (!follow(&w))
				return report(&w, &st, false, unsafe);
		} else if (w.left[strspn(w.left, "/")] == '\0') {
			return true;
		}
		if (!step(&w))
			return report(&w, &st, false, unsafe);
	}
}

const char *
sts_unsafe_text(
    const struct sts_unsafe *unsafe, char buf[STS_UNSAFE_TEXT_BYTES])
{
	if (unsafe->foreign)
		(void)snprintf(buf, STS_UNSAFE_TEXT_BYTES,
		    "%s belongs to user %lu", unsafe->path,
		    (unsigned long)unsafe->owner);
	else if (unsafe->link)
		(void)snprintf(buf, STS_UNSAFE_TEXT_BYTES,
		    "%s leads through too many links", unsafe->path);
	else
		(void)snprintf(buf, STS_UNSAFE_TEXT_BYTES,
		    "%s can be written by other users", unsafe->path);
	return buf;
}

const char *
sts_unsafe_fix(const struct sts_unsafe *unsafe, char buf[STS_UNSAFE_TEXT_BYTES])
{
	const char *path = unsafe->path;

	if (unsafe->foreign && unsafe->link)
		(void)snprintf(
		    buf, STS_UNSAFE_TEXT_BYTES, "chown -h root '%s'", path);
	else if (unsafe->foreign)
		(void)snprintf(buf, STS_UNSAFE_TEXT_BYTES,
		    "chown root '%.900s' && chmod go-w '%.900s'", path, path);
	else if (unsafe->sticky) /* such as /tmp: that is not to be changed */
		(void)snprintf(buf, STS_UNSAFE_TEXT_BYTES,
		    "another directory for it, that only root can write");
	else
		(void)snprintf(
		    buf, STS_UNSAFE_TEXT_BYTES, "chmod go-w '%s'", path);
	return buf;
}
