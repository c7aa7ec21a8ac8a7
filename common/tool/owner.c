/* SPDX-License-Identifier: ISC */
/*
 * The user of this process.  Root may run every subcommand, but the owner of
 * the state directory could not use files that root leaves there, and data from
 * the network is never parsed as root.
 */
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/tool.h"

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
