/* SPDX-License-Identifier: ISC */
/*
 * Slots of one size with a sum of their bytes: one that was read while it was
 * being written counts as empty, as does anything else that is not an answer.
 */
#include "opensmtpd/last_hosts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/hashmap.h"
#include "core/domain.h"
#include "opensmtpd/delivery_log.h"

struct slot {
	uint64_t sum;
	struct sts_last_host answer;
};

static uint64_t
sum_of(const struct sts_last_host *h)
{
	return sts_hashmap_mix((uint64_t)h->when_ms ^
	    sts_hashmap_mix(sts_hashmap_hash(h->domain)) ^
	    sts_hashmap_hash(h->host) * 3);
}

void
sts_last_hosts_note(
    struct sts_shared_file *file, const char *domain, const char *host)
{
	struct slot slot = {.answer.when_ms = sts_delivery_log_now()};
	off_t at = (off_t)(sts_hashmap_mix(sts_hashmap_hash(domain)) %
	    STS_LAST_HOSTS_MAX * sizeof(slot));

	memcpy(slot.answer.domain, domain, strlen(domain) + 1);
	memcpy(slot.answer.host, host, strlen(host) + 1);
	slot.sum = sum_of(&slot.answer);
	if (sts_shared_file_open(file) &&
	    pwrite(file->fd, &slot, sizeof(slot), at) < 0)
		sts_shared_file_close(file);
}

static bool
is_answer(const struct slot *slot)
{
	const struct sts_last_host *h = &slot->answer;

	return memchr(h->domain, '\0', sizeof(h->domain)) != NULL &&
	    memchr(h->host, '\0', sizeof(h->host)) != NULL &&
	    slot->sum == sum_of(h) && sts_domain_is_normalised(h->domain) &&
	    sts_domain_is_normalised(h->host);
}

static int
by_time(const void *a, const void *b)
{
	const struct sts_last_host *p = a, *q = b;

	return (p->when_ms < q->when_ms) - (p->when_ms > q->when_ms);
}

size_t
sts_last_hosts_read(struct sts_shared_file *file, int64_t since_ms,
    struct sts_last_host hosts[STS_LAST_HOSTS_MAX])
{
	struct slot slot;
	size_t count = 0;

	if (!sts_shared_file_open(file))
		return 0;
	for (off_t i = 0; i < STS_LAST_HOSTS_MAX; i++) {
		ssize_t n = pread(
		    file->fd, &slot, sizeof(slot), i * (off_t)sizeof(slot));

		if (n < 0 || (size_t)n < sizeof(slot))
			break;
		if (slot.answer.when_ms >= since_ms && is_answer(&slot))
			hosts[count++] = slot.answer;
	}
	qsort(hosts, count, sizeof(hosts[0]), by_time);
	return count;
}
