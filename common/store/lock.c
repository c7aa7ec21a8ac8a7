/* SPDX-License-Identifier: ISC */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "store/file.h"

enum { WRITE_WAIT_MS = 1000 };

static int
set_lock(int fd, const char *domain, short type)
{
	struct flock lock;

	memset(&lock, 0, sizeof(lock));
	lock.l_type = type;
	lock.l_whence = SEEK_SET;
	/* off_t is signed, so 63 bits of the hash. */
	lock.l_start = (off_t)(sts_domain_hash(domain) >> 1);
	lock.l_len = 1;
	return fcntl(fd, F_SETLK, &lock);
}

static bool
is_taken(int error)
{
	return error == EACCES || error == EAGAIN || error == EINTR;
}

enum sts_status
sts_lock_try(struct sts_store *store, const char *domain, bool *held)
{
	*held = false;
	if (store->lock_fd < 0)
		return STS_INTERNAL;
	if (set_lock(store->lock_fd, domain, F_WRLCK) == 0) {
		*held = true;
		return STS_OK;
	}
	return is_taken(errno) ? STS_OK : STS_STATE_UNWRITABLE;
}

void
sts_lock_release(struct sts_store *store, const char *domain)
{
	(void)set_lock(store->lock_fd, domain, F_UNLCK);
}

/*
 * Polls, since a wait in the kernel cannot be limited: a stopped process that
 * has the lock must not stop all others.
 */
enum sts_status
sts_write_lock(struct sts_store *store, const char *domain, bool *held)
{
	const struct timespec pause = {0, 1000000};

	*held = false;
	if (store->write_fd < 0)
		return STS_INTERNAL;
	for (int waited = 0; waited < WRITE_WAIT_MS; waited++) {
		if (set_lock(store->write_fd, domain, F_WRLCK) == 0) {
			*held = true;
			return STS_OK;
		}
		if (!is_taken(errno))
			return STS_OK;
		(void)nanosleep(&pause, NULL);
	}
	return STS_STATE_LOCKED;
}

void
sts_write_unlock(struct sts_store *store, const char *domain)
{
	(void)set_lock(store->write_fd, domain, F_UNLCK);
}
