/* SPDX-License-Identifier: ISC */
/*
 * The user of this process.  Root may run every subcommand, but the owner of
 * the state directory could not use files that root leaves there, and data from
 * the network is never parsed as root.
 */
#include "tool/access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_path.h"

bool
sts_as_user_begin(struct sts_as_user *as, uid_t uid, gid_t gid)
{
	as->switched = false;
	if (geteuid() != 0)
		return true;
	as->count =
	    getgroups(sizeof(as->group) / sizeof(as->group[0]), as->group);
	if (as->count < 0 || setgroups(1, &gid) != 0)
		return false;
	as->switched = true;
	if (setegid(gid) == 0 && seteuid(uid) == 0)
		return true;
	(void)sts_as_user_end(as);
	return false;
}

bool
sts_as_user_end(struct sts_as_user *as)
{
	if (!as->switched)
		return true;
	as->switched = false;
	return seteuid(0) == 0 && setegid(0) == 0 &&
	    setgroups((size_t)as->count, as->group) == 0;
}

bool
sts_blocked_at(const char *path, char *buf, size_t size)
{
	for (size_t i = 1; path[i] != '\0'; i++) {
		if (path[i] != '/' || i >= size)
			continue;
		memcpy(buf, path, i);
		buf[i] = '\0';
		if (faccessat(AT_FDCWD, buf, X_OK, AT_EACCESS) != 0)
			return errno == EACCES;
	}
	return false;
}

void
sts_parent_path(const char *path, char *buf, size_t size)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 1 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	(void)snprintf(buf, size, "%.*s/.", (int)len, path);
}

static void
check_safe(struct sts_findings *f, const char *what, const char *path)
{
	char text[STS_UNSAFE_TEXT_BYTES], fix[STS_UNSAFE_TEXT_BYTES];
	struct sts_unsafe unsafe;

	if (path == NULL || sts_path_is_safe(path, &unsafe))
		return;
	sts_report_problem(f, STS_FIND_ERROR, sts_unsafe_fix(&unsafe, fix),
	    "%s %s is refused: %s", what, path, sts_unsafe_text(&unsafe, text));
}

/* It may have any owner, but only its owner may be able to replace it. */
static void
check_state_parent(struct sts_findings *f, const char *dir)
{
	char parent[4096], text[STS_UNSAFE_TEXT_BYTES];
	struct sts_unsafe unsafe;

	sts_parent_path(dir, parent, sizeof(parent));
	if (sts_path_is_safe(parent, &unsafe))
		return;
	sts_report_problem(f, STS_FIND_ERROR,
	    "set state-dir to a directory whose parents belong to root",
	    "state-dir %s: %s, so another user can replace it", dir,
	    sts_unsafe_text(&unsafe, text));
}

void
sts_check_safe(struct sts_findings *f, const struct sts_config *config)
{
	check_safe(f, "resolver", config->resolver);
	check_safe(f, "fetcher", config->fetcher);
	check_safe(f, "ca-file", config->ca_file);
	check_safe(f, "ca-path", config->ca_path);
	for (size_t i = 0; i < config->override_count; i++)
		check_safe(f, "policy file", config->overrides[i].file);
	check_state_parent(f, config->state_dir);
}

static void
check_config_readable(struct sts_findings *f, const char *file)
{
	char at[4096], fix[4200];

	if (file == NULL || faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0)
		return;
	if (sts_blocked_at(file, at, sizeof(at)))
		(void)snprintf(fix, sizeof(fix), "chmod a+x '%s'", at);
	else
		(void)snprintf(fix, sizeof(fix), "chmod 0644 '%.4000s'", file);
	sts_report_problem(f, STS_FIND_ERROR, fix,
	    "%s: the mail server's user cannot read it, so all mail to domains "
	    "with a policy waits",
	    file);
}

void
sts_check_reachable(struct sts_findings *f, const struct sts_config *config)
{
	char at[4096], fix[4200];

	check_config_readable(f, config->file);
	if (!sts_blocked_at(config->state_dir, at, sizeof(at)))
		return;
	(void)snprintf(fix, sizeof(fix), "chmod a+x '%.4000s'", at);
	sts_report_problem(f, STS_FIND_ERROR, fix,
	    "state-dir %s: its owner cannot enter %s", config->state_dir, at);
}

/* Becomes that user for good, and verifies it. */
static enum sts_status
drop_to(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
		return STS_STATE_OWNER;
	if (getuid() != uid || geteuid() != uid || getegid() != gid ||
	    setuid(0) == 0)
		return STS_STATE_OWNER;
	return STS_OK;
}

enum sts_status
sts_tool_become_owner(const struct sts_config *config)
{
	struct sts_store *store;
	enum sts_status status;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return STS_OK;
	status = sts_store_open(&store, config->state_dir, false);
	if (status != STS_OK)
		return status;
	uid = sts_store_uid(store);
	gid = sts_store_gid(store);
	sts_store_close(store);
	return uid == 0 || gid == 0 ? STS_STATE_OWNER : drop_to(uid, gid);
}

bool
sts_tool_become_nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");

	return pw != NULL && pw->pw_uid != 0 && pw->pw_gid != 0 &&
	    drop_to(pw->pw_uid, pw->pw_gid) == STS_OK;
}

/* The name of the state directory's owner; false: no such directory. */
static bool
owner_name(const struct sts_config *config, char *name, size_t size)
{
	struct stat st;
	struct passwd *pw;

	if (stat(config->state_dir, &st) != 0)
		return false;
	pw = getpwuid(st.st_uid);
	if (pw != NULL)
		(void)snprintf(name, size, "%s", pw->pw_name);
	else
		(void)snprintf(name, size, "user %ld", (long)st.st_uid);
	return true;
}

int
sts_tool_open_store(
    struct sts_tool *tool, bool writing, struct sts_store **store)
{
	const char *dir = tool->config.state_dir;
	enum sts_status status = sts_tool_become_owner(&tool->config);
	char owner[64];

	*store = NULL;
	if (status == STS_OK)
		status = sts_store_open(store, dir, writing);
	if (status == STS_OK)
		return STS_EXIT_OK;
	if (status == STS_STATE_MISSING)
		return sts_tool_outside(tool,
		    "%s: no such directory; make it with: mta-sts setup "
		    "--user NAME",
		    dir);
	if ((status == STS_STATE_UNREADABLE ||
		status == STS_STATE_UNWRITABLE) &&
	    owner_name(&tool->config, owner, sizeof(owner)))
		return sts_tool_outside(tool,
		    "%s: permission denied; run this as root or as %s", dir,
		    owner);
	if (status == STS_STATE_OWNER)
		return sts_tool_outside(tool,
		    "%s: %s; fix it with: mta-sts setup --user NAME", dir,
		    sts_status_text(status));
	return sts_tool_outside(tool, "%s: %s", dir, sts_status_text(status));
}
