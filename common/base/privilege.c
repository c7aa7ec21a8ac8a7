/* SPDX-License-Identifier: ISC */
#include "base/privilege.h"

#include <unistd.h>
#ifdef __linux__
#include <errno.h>
#include <sys/prctl.h>
#endif

bool
sts_privilege_root_is_lost(bool group_too)
{
	if (getuid() == 0 || geteuid() == 0)
		return false;
	if (setuid(0) == 0 || seteuid(0) == 0)
		return false;
	return !group_too || (setgid(0) != 0 && setegid(0) != 0);
}

#if defined(__linux__) && defined(PR_SET_NO_NEW_PRIVS)
bool
sts_privilege_forgo_new(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return errno == EINVAL;
	return prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1;
}
#else
bool
sts_privilege_forgo_new(void)
{
	return true;
}
#endif
