/* SPDX-License-Identifier: ISC */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "store/file.h"

static int
set_lock(struct sts_store *store, const char *domain, short type)
{
	struct flock lock;

	memset(&lock, 0, sizeof(lock));
	lock.l_type = type;
	lock.l_whence = SEEK_SET;
	/* off_t is signed: 63 bits of the hash. */
	lock.l_start = (off_t)(sts_domain_hash(domain) >> 1);
	lock.l_len = 1;
	return fcntl(store->lock_fd, F_SETLK, &lock);
}

enum sts_status
sts_lock_try(struct sts_store *store, const char *domain, bool *held)
{
	*held = false;
	if (store->lock_fd < 0)
		return STS_INTERNAL;
	if (set_lock(store, domain, F_WRLCK) == 0) {
		*held = true;
		return STS_OK;
	}
	return errno == EACCES || errno == EAGAIN || errno == EINTR
		   ? STS_OK
		   : STS_STATE_UNWRITABLE;
}

void
sts_lock_release(struct sts_store *store, const char *domain)
{
	(void)set_lock(store, domain, F_UNLCK);
}
