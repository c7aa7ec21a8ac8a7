/* SPDX-License-Identifier: ISC */
/*
 * 4,096 numbers of 8 bytes in host order.  A collision hides a failed host for
 * a while, or costs a probe.
 */
#include "opensmtpd/delivery_log.h"

#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/hashmap.h"

/* Slot 0 is for failures, the others are for domains. */
enum { SLOTS = 4096 };

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
	sts_shared_file_init(&deliveries->file, config,
	    file == STS_DELIVERY_LOG_SENT ? "smtp-out" : "smtp-asked", writing);
}

void
sts_delivery_log_close(struct sts_delivery_log *deliveries)
{
	sts_shared_file_close(&deliveries->file);
}

void
sts_delivery_log_remove(struct sts_delivery_log *deliveries)
{
	sts_shared_file_remove(&deliveries->file);
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

	if (sts_shared_file_open(&o->file) &&
	    pwrite(o->file.fd, &now, sizeof(now), at) < 0)
		sts_delivery_log_close(o);
}

/* A time in the future is ignored: the clock was set back. */
static int64_t
read_time(struct sts_delivery_log *o, off_t at)
{
	int64_t when;

	if (!sts_shared_file_open(&o->file) ||
	    pread(o->file.fd, &when, sizeof(when), at) != (ssize_t)sizeof(when))
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
