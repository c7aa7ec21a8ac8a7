/* SPDX-License-Identifier: ISC */
/*
 * Root opens no file below a directory of another user.  Exim's delivery
 * process is root while it routes, which is when it finds that no MX host is
 * permitted, so a child becomes the owner for one append.  It executes nothing,
 * and leaves by _exit(2): handlers and buffers of the mail server are not its
 * own.
 */
#include "client/record_session.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "store/outcomes.h"

enum { CHILD_MS = 1000 };

bool
sts_client_become_owner(const struct sts_store *store)
{
	uid_t uid = sts_store_uid(store);
	gid_t gid = sts_store_gid(store);

	return uid != 0 && gid != 0 && setgroups(0, NULL) == 0 &&
	    setgid(gid) == 0 && setuid(uid) == 0 && getuid() == uid &&
	    geteuid() == uid && setuid(0) != 0;
}

bool
sts_client_record_session(struct sts_store *store,
    const struct sts_config *config, const struct sts_outcome *outcome,
    const struct sts_entry *entry, const struct sts_check *check)
{
	struct sts_child child = {-1, -1, -1};
	int status;

	if (geteuid() != 0)
		return sts_outcomes_session(
		    store, config, outcome, entry, check);
	if (sts_store_uid(store) == 0 || (child.pid = fork()) < 0)
		return false;
	if (child.pid == 0)
		_exit(sts_client_become_owner(store) &&
			    sts_outcomes_session(
				store, config, outcome, entry, check)
			? 0
			: 1);
	status = sts_child_finish(&child, sts_monotonic_ms() + CHILD_MS);
	return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
