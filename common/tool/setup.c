/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts setup`: creates or fixes the state directory.
 *
 * It runs as root in a directory that belongs to another user, who may swap
 * names meanwhile.  So nothing is changed by name: each file is opened without
 * following a link, checked, and changed through the descriptor; one with a
 * second link is not changed, since it may be another user's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_path.h"
#include "tool/access.h"
#include "tool/tool.h"

enum { DIR_MODE = 0750, FILE_MODE = 0640, DEPTH_MAX = 4 };

static const char *const rooms[] = {"policies", "checks", "routes"};

enum { ROOM_COUNT = sizeof(rooms) / sizeof(rooms[0]) };

bool
sts_setup_path_is_surprising(const char *path)
{
	static const char *const taken[] = {"/bin", "/boot", "/dev", "/etc",
	    "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run",
	    "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/local",
	    "/usr/local/var", "/usr/local/var/lib", "/usr/lib", "/usr/share",
	    "/var", "/var/cache", "/var/db", "/var/lib", "/var/lib/exim4",
	    "/var/log", "/var/mail", "/var/run", "/var/spool",
	    "/var/spool/exim", "/var/spool/exim4", "/var/spool/smtpd",
	    "/var/tmp"};
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (path[0] != '/' || len == 1 || strstr(path, "//") != NULL)
		return true;
	for (const char *p = path; (p = strstr(p, "/.")) != NULL; p += 2) {
		size_t dots = strspn(p + 1, ".");

		if (dots <= 2 && (p[1 + dots] == '/' || p[1 + dots] == '\0'))
			return true;
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strlen(taken[i]) == len && memcmp(taken[i], path, len) == 0)
			return true;
	}
	return false;
}

/* Every change is reported, since it is done as root. */
static void
say(struct sts_setup *s, const char *what, const char *path)
{
	s->changes++;
	(void)fprintf(s->tool->out, "%s %s\n", what, path);
}

/* Continues: one bad file must not leave the others unusable. */
static bool
complain(struct sts_setup *s, const char *path, const char *reason)
{
	s->failed = true;
	(void)sts_tool_outside(s->tool, "%s: %s", path, reason);
	return false;
}

/* Owner, group and mode through the descriptor. */
static bool
fix(struct sts_setup *s, int fd, const struct stat *st, const char *path)
{
	mode_t mode = S_ISDIR(st->st_mode) ? DIR_MODE : FILE_MODE;

	if (st->st_uid != s->uid || st->st_gid != s->gid) {
		if (fchown(fd, s->uid, s->gid) != 0)
			return complain(s, path, strerror(errno));
		say(s, "owner fixed:", path);
	}
	if ((st->st_mode & 07777) != mode) {
		if (fchmod(fd, mode) != 0)
			return complain(s, path, strerror(errno));
		say(s, "mode fixed:", path);
	}
	return true;
}

static bool fix_tree(struct sts_setup *s, int fd, const char *path, int depth);

/* Fixes one name of a directory if it is a plain file or a directory. */
static void
fix_name(struct sts_setup *s, int dir, const char *name, const char *parent,
    int depth)
{
	char path[4096];
	struct stat st;
	int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", parent, name);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		(void)complain(s, path, "not a file or directory; left alone");
		return;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		(void)complain(s, path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		(void)fix_tree(s, fd, path, depth + 1);
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		(void)complain(s, path, "has another link; left alone");
	else
		(void)fix(s, fd, &st, path);
	if (fd >= 0)
		(void)close(fd);
}

/* Fixes a directory and all in it; fd stays open. */
static bool
fix_tree(struct sts_setup *s, int fd, const char *path, int depth)
{
	struct stat st;
	struct dirent *entry;
	DIR *dir;
	int copy;

	if (depth > DEPTH_MAX)
		return complain(s, path, "too deep; left alone");
	if (fstat(fd, &st) != 0 || !fix(s, fd, &st, path))
		return false;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	dir = copy >= 0 ? fdopendir(copy) : NULL;
	if (dir == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return complain(s, path, strerror(errno));
	}
	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			fix_name(s, fd, entry->d_name, path, depth);
	}
	(void)closedir(dir);
	return true;
}

/*
 * A directory that is not empty must look like a state directory: a typing
 * error in state-dir must not give away another one.
 */
static bool
is_ours(int fd)
{
	struct stat st;
	struct dirent *entry;
	bool empty = true;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;

	if (dir == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return false;
	}
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0;
	(void)closedir(dir);
	if (empty)
		return true;
	return fstatat(fd, rooms[0], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode);
}

/*
 * Below a directory that another user can change, root does nothing by name,
 * since that user could replace what root creates.
 */
static bool
check_above(struct sts_setup *s, const char *path)
{
	char parent[4096], text[STS_UNSAFE_TEXT_BYTES];
	char reason[STS_UNSAFE_TEXT_BYTES + 80];
	struct sts_unsafe unsafe;

	sts_parent_path(path, parent, sizeof(parent));
	if (sts_path_is_safe(parent, &unsafe))
		return true;
	(void)snprintf(reason, sizeof(reason),
	    "refused, since %s; another user could replace it",
	    sts_unsafe_text(&unsafe, text));
	return complain(s, path, reason);
}

/*
 * Creates one of the directories above, opened through its parent.  Follows a
 * link, which is root's if the path is safe.
 */
static int
make_parent(struct sts_setup *s, int at, const char *name, const char *path)
{
	bool fresh = mkdirat(at, name, 0755) == 0;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		(void)complain(s, path, strerror(errno));
	else if (fresh) {
		say(s, "made", path);
		if (fchmod(fd, 0755) != 0)
			(void)complain(s, path, strerror(errno));
	}
	return fd;
}

/*
 * Creates the directories above, as mkdir -p does, owned by root.  Returns the
 * last one and moves *name to what is to be created in it; -1 after a
 * complaint.
 */
static int
make_parents(struct sts_setup *s, const char *path, const char **name)
{
	char parent[4096], one[256];
	int at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	size_t len;

	*name = path + 1;
	while (at >= 0 && (len = strcspn(*name, "/"), (*name)[len] == '/')) {
		(void)snprintf(one, sizeof(one), "%.*s", (int)len, *name);
		*name += len + 1;
		(void)snprintf(parent, sizeof(parent), "%.*s",
		    (int)(*name - path - 1), path);
		next = make_parent(s, at, one, parent);
		(void)close(at);
		at = next;
	}
	return at;
}

/* The directory's user must be able to reach it. */
static bool
check_reachable(struct sts_setup *s, const char *path)
{
	char at[4096], reason[4200];
	struct sts_as_user as;
	bool blocked;

	if (!sts_as_user_begin(&as, s->uid, s->gid))
		return complain(s, path, "cannot become its user to try it");
	blocked = sts_blocked_at(path, at, sizeof(at));
	if (!sts_as_user_end(&as))
		return complain(s, path, "cannot be root again");
	if (!blocked)
		return true;
	(void)snprintf(reason, sizeof(reason),
	    "refused, since its user cannot enter %s", at);
	return complain(s, path, reason);
}

/* Opens a directory, creating it if missing; -1 after a complaint. */
static int
make_dir(struct sts_setup *s, int at, const char *name, const char *path)
{
	bool fresh = mkdirat(at, name, DIR_MODE) == 0;
	int fd;

	if (!fresh && errno != EEXIST) {
		(void)complain(s, path, strerror(errno));
		return -1;
	}
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		(void)complain(s, path,
		    errno == ELOOP || errno == ENOTDIR
			? "is a symbolic link or no directory; refused"
			: strerror(errno));
	} else if (fresh) {
		say(s, "made", path);
		if (fchown(fd, s->uid, s->gid) != 0 ||
		    fchmod(fd, DIR_MODE) != 0)
			(void)complain(s, path, strerror(errno));
	}
	return fd;
}

bool
sts_setup_tree(struct sts_setup *s, const char *dir)
{
	char path[3072], room[4096];
	size_t len = strlen(dir);
	const char *name;
	int above, fd, sub;

	/* A trailing slash would make it follow a symbolic link. */
	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (len >= sizeof(path))
		return complain(s, dir, strerror(ENAMETOOLONG));
	memcpy(path, dir, len);
	path[len] = '\0';
	if (!check_above(s, path) || !check_reachable(s, path) ||
	    (above = make_parents(s, path, &name)) < 0)
		return false;
	fd = make_dir(s, above, name, path);
	(void)close(above);
	if (fd < 0)
		return false;
	if (!is_ours(fd)) {
		(void)close(fd);
		return complain(
		    s, path, "exists and is not a state directory; refused");
	}
	for (size_t i = 0; i < ROOM_COUNT; i++) {
		(void)snprintf(room, sizeof(room), "%s/%s", path, rooms[i]);
		sub = make_dir(s, fd, rooms[i], room);
		if (sub >= 0)
			(void)close(sub);
	}
	(void)fix_tree(s, fd, path, 0);
	(void)close(fd);
	return !s->failed;
}

/* The resolver also gets the group of the directory. */
static int
refuse_root_group(struct sts_tool *tool, const struct sts_setup *s)
{
	if (s->gid != 0)
		return STS_EXIT_OK;
	(void)sts_tool_outside(tool,
	    "the resolver never runs in root's group; name another with "
	    "--group");
	return STS_EXIT_USAGE;
}

/* Finds its user and group; a usage error for root, else 0. */
static int
find_owner(struct sts_tool *tool, struct sts_setup *s)
{
	const struct passwd *pw = getpwnam(tool->args.user);
	const struct group *gr;

	if (pw == NULL)
		return sts_tool_outside(
		    tool, "%s: there is no such user", tool->args.user);
	s->uid = pw->pw_uid;
	s->gid = pw->pw_gid;
	if (s->uid == 0) {
		(void)sts_tool_outside(tool,
		    "%s: the resolver parses what the network sends and "
		    "never runs as root; name the user that the mail server "
		    "runs as",
		    tool->args.user);
		return STS_EXIT_USAGE;
	}
	if (tool->args.group == NULL)
		return refuse_root_group(tool, s);
	gr = getgrnam(tool->args.group);
	if (gr == NULL)
		return sts_tool_outside(
		    tool, "%s: there is no such group", tool->args.group);
	s->gid = gr->gr_gid;
	return refuse_root_group(tool, s);
}

int
sts_tool_setup(struct sts_tool *tool)
{
	struct sts_setup s = {.tool = tool};
	const char *dir = tool->config.state_dir;
	int code;

	if (tool->args.user == NULL) {
		(void)fprintf(tool->err,
		    "mta-sts: --user NAME is missing\n"
		    "usage: mta-sts setup --user NAME [--group NAME]\n");
		return STS_EXIT_USAGE;
	}
	code = find_owner(tool, &s);
	if (code != STS_EXIT_OK)
		return code;
	if (sts_setup_path_is_surprising(dir))
		return sts_tool_outside(tool,
		    "%s: not a place for a state directory; see state-dir in "
		    "mta-sts.conf(5)",
		    dir);
	/* A misspelt state-dir would have the default one made. */
	if (tool->config.bad_lines > 0 && access(dir, F_OK) != 0)
		return sts_tool_outside(tool,
		    "%s: not made, as lines of the configuration are bad; "
		    "mta-sts "
		    "config check names them",
		    dir);
	if (geteuid() != 0)
		return sts_tool_outside(tool, "setup needs root");
	if (!sts_setup_tree(&s, dir))
		return STS_EXIT_OUTSIDE;
	(void)fprintf(tool->out, "%s: %s, owner %s\n", dir,
	    s.changes > 0 ? "ready" : "nothing to do", tool->args.user);
	return STS_EXIT_OK;
}
