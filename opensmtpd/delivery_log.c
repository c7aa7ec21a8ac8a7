/* SPDX-License-Identifier: ISC */
/*
 * 4,096 numbers of 8 bytes in host order, each written and read as a whole, so
 * no lock is needed.  A collision hides a failed host for a while, or costs a
 * probe; the file never grows.
 */
#include "opensmtpd/delivery_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hashmap.h"

/* Slot 0 is for failures, the others are for domains. */
enum { SLOTS = 4096, PATH_BYTES = 4096 };

int64_t
sts_delivery_log_now(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
sts_delivery_log_init(struct sts_delivery_log *deliveries,
    const struct sts_config *config, enum sts_delivery_log_file file,
    bool writing)
{
	deliveries->config = config;
	deliveries->file = file;
	deliveries->fd = -1;
	deliveries->writing = writing;
}

void
sts_delivery_log_close(struct sts_delivery_log *deliveries)
{
	if (deliveries->fd >= 0)
		close(deliveries->fd);
	deliveries->fd = -1;
}

/* False if the path is too long. */
static bool
path_of(const struct sts_delivery_log *o, char path[PATH_BYTES])
{
	int len;

	if (o->config->state_dir == NULL)
		return false;
	len = snprintf(path, PATH_BYTES, "%s/%s", o->config->state_dir,
	    o->file == STS_DELIVERY_LOG_SENT ? "smtp-out" : "smtp-asked");
	return len > 0 && len < PATH_BYTES;
}

void
sts_delivery_log_remove(struct sts_delivery_log *deliveries)
{
	char path[PATH_BYTES];

	sts_delivery_log_close(deliveries);
	if (path_of(deliveries, path))
		(void)unlink(path);
}

/* A file that was removed, or replaced with its directory, is reopened. */
static bool
is_gone(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || st.st_nlink != 1;
}

/*
 * Checked before each use, since the state directory may have been moved,
 * deleted or created again.
 */
static bool
open_file(struct sts_delivery_log *o)
{
	char path[PATH_BYTES];
	struct stat st;

	if (o->fd >= 0 && !is_gone(o->fd))
		return true;
	sts_delivery_log_close(o);
	if (!path_of(o, path))
		return false;
	o->fd = open(path,
	    O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
		(o->writing ? O_RDWR | O_CREAT : O_RDONLY),
	    0640);
	if (o->fd >= 0 &&
	    (fstat(o->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		st.st_nlink != 1))
		sts_delivery_log_close(o);
	return o->fd >= 0;
}

static off_t
slot_of(const char *domain)
{
	uint64_t slot = 1 +
	    sts_hashmap_mix(sts_hashmap_hash(domain)) % (uint64_t)(SLOTS - 1);

	return (off_t)(slot * sizeof(int64_t));
}

/* If it cannot be written, the table requests a probe. */
static void
write_now(struct sts_delivery_log *o, off_t at)
{
	int64_t now = sts_delivery_log_now();

	if (open_file(o) && pwrite(o->fd, &now, sizeof(now), at) < 0)
		sts_delivery_log_close(o);
}

/* A time in the future is ignored: the clock was set back. */
static int64_t
read_time(struct sts_delivery_log *o, off_t at)
{
	int64_t when;

	if (!open_file(o) ||
	    pread(o->fd, &when, sizeof(when), at) != (ssize_t)sizeof(when))
		return 0;
	return when > 0 && when <= sts_delivery_log_now() ? when : 0;
}

void
sts_delivery_log_note(struct sts_delivery_log *deliveries, const char *domain)
{
	write_now(deliveries, slot_of(domain));
}

void
sts_delivery_log_failure(struct sts_delivery_log *deliveries)
{
	write_now(deliveries, 0);
}

int64_t
sts_delivery_log_noted(struct sts_delivery_log *deliveries, const char *domain)
{
	return read_time(deliveries, slot_of(domain));
}

int64_t
sts_delivery_log_failed(struct sts_delivery_log *deliveries)
{
	return read_time(deliveries, 0);
}
